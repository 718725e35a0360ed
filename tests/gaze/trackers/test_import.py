"""Exports in, a folder dataset out: the same gaze by every maker's format, to the pixel and the millisecond."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parent))
import exports

from gfsalnet.choices import VendorName
from gfsalnet.cli import app
from gfsalnet.gaze import check_dataset, open_dataset


@pytest.fixture
def clip(tmp_path: Path, write_video: Callable[..., Path]) -> Path:
    return write_video(tmp_path / "clip.mp4", 30, size_wh=exports.VIDEO, rate=30)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["dataset", "import", *map(str, words)])


def imported(clip: Path, vendor: str, *files: Path, options: tuple[str, ...] | list[str] = ()) -> Path:
    output = clip.parent / "out"
    done = run(vendor, *files, "--video", clip, "--output", output, *options)
    assert done.exit_code == 0, done.output + str(done.exception)
    return output


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def table(output: Path, name: str = "fixations.csv") -> np.ndarray:
    return np.array([[float(row[key]) for key in ("time_seconds", "x", "y")] for row in rows(output / name)])


@pytest.mark.parametrize("vendor", exports.WRITERS)
def test_every_makers_export_gives_the_same_gaze(vendor: VendorName, clip: Path) -> None:
    write, name, options = exports.WRITERS[vendor]
    output = imported(clip, vendor, write(clip.parent / name), options=options)
    found = table(output)
    np.testing.assert_allclose(found[:, 0], exports.TIMES_MS / 1000, atol=1e-5)
    np.testing.assert_allclose(found[:, 1:], exports.TRUTH, atol=0.011)
    (viewer,) = json.loads((output / "import.json").read_text())["videos"]["clip"]["viewers"].values()
    assert (viewer["samples"], viewer["samples_lost"], viewer["samples_outside_the_video"]) == (51, 1, 0)
    assert all(check.is_whole for check in check_dataset("folder", output))


def test_the_result_is_a_dataset_that_is_read_by_frame(clip: Path) -> None:
    output = imported(clip, "tobii", exports.tobii(clip.parent / "a.tsv", people=("P01", "P02")))
    gaze = open_dataset("folder", output)["clip"].gaze()
    assert [item.index for item in gaze] == list(range(6))
    assert gaze[0].fixations.subject is not None
    assert len(gaze[0].fixations) == 2 * 9  # samples at 0, 4 … 32 ms
    assert {row["subject"] for row in rows(output / "fixations.csv")} == {"P01", "P02"}
    picture = cv2.imread(str(output / "placement-clip.png"))
    assert picture is not None
    assert picture.shape[1] > 3 * 560


@pytest.mark.parametrize(("decimal", "unit"), [(",", "ms"), (".", "us")])
def test_locale_and_unit_are_those_of_the_file(decimal: str, unit: str, clip: Path) -> None:
    export = exports.tobii(clip.parent / "a.tsv", decimal=decimal, unit=unit)
    np.testing.assert_allclose(table(imported(clip, "tobii", export))[:, 1:], exports.TRUTH, atol=0.011)


@pytest.mark.parametrize("unit", ["[MCS px]", "[MCS norm]", "(MCSpx)"])
def test_gaze_on_the_media_needs_no_display(unit: str, clip: Path) -> None:
    export = exports.tobii(clip.parent / "a.tsv")
    lines = export.read_text(encoding="utf-8-sig").replace("[DACS px]", unit).split("\n")
    scale = np.array(exports.VIDEO) if "norm" in unit else np.ones(2)
    for row, point in enumerate(exports.TRUTH):
        cells = lines[3 + 2 * row].split("\t")
        cells[9:11] = [f"{value:.6f}" for value in point / scale]
        lines[3 + 2 * row] = "\t".join(cells)
    export.write_text("\n".join(lines))
    output = imported(clip, "tobii", export)
    np.testing.assert_allclose(table(output)[:, 1:], exports.TRUTH, atol=0.011)


def test_fewer_samples_are_kept_on_request(clip: Path) -> None:
    output = imported(clip, "tobii", exports.tobii(clip.parent / "a.tsv"), options=["--samples-per-second", "50"])
    found = table(output)
    assert found[:, 0].tolist() == pytest.approx(np.arange(10) / 50)
    np.testing.assert_allclose(found[:, 1:], exports.TRUTH[::5], atol=0.011)


def test_frame_messages_are_the_clock_and_the_place(clip: Path) -> None:
    found = table(imported(clip, "eyelink", exports.eyelink(clip.parent / "p.asc", frames=True)))
    np.testing.assert_allclose(found[:, 1:], exports.TRUTH, atol=0.11)  # ASC has one digit
    # Frame 1 was shown from 0, frame 2 from the sample at 36 ms on, which is 33 ms in the video.
    assert found[9, 0] == pytest.approx(1 / 30, abs=1e-5)
    assert found[8, 0] == pytest.approx(0.032, abs=1e-5)


def test_fixations_of_the_tracker_stand_beside_the_samples_or_alone(clip: Path) -> None:
    export = exports.eyelink(clip.parent / "p.asc")
    output = imported(clip, "eyelink", export, options=["--event", "STIM_ONSET"])
    (fixation,) = rows(output / "tracker_fixations.csv")
    assert (fixation["time_seconds"], fixation["duration_ms"]) == ("0.000000", "100.000")
    assert float(fixation["x"]) == pytest.approx(500 / 20)
    other = clip.parent / "other"
    done = run("eyelink", export, "--video", clip, "--output", other, "--event", "STIM_ONSET", "--take", "tracker")
    assert done.exit_code == 0, done.output
    assert len(rows(other / "fixations.csv")) == 1
    assert len(rows(other / "samples.csv")) == exports.COUNT


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--placement", "stretch"], lambda p: p * [64 / 1280, 48 / 1024]),
        (["--placement", "native"], lambda p: p - [608, 488]),
        (["--placement", "100,200,640,480"], lambda p: (p - [100, 200]) / 10),
    ],
)
def test_the_place_of_the_video_is_as_stated(
    options: list[str], expected: Callable[[np.ndarray], np.ndarray], clip: Path
) -> None:
    output = imported(clip, "tobii", exports.tobii(clip.parent / "a.tsv"), options=options)
    np.testing.assert_allclose(table(output)[:, 1:], expected(exports.on_display()), atol=0.01)


def test_where_displays_differ_each_place_is_said(clip: Path) -> None:
    first = exports.tobii(clip.parent / "a.tsv")
    second = exports.tobii(clip.parent / "b.tsv", people=("P02", "P03"))
    command = ("tobii", first, second, "--video", clip, "--output")
    (place,) = (line for line in run(*command, clip.parent / "one").stdout.splitlines() if line.startswith("place"))
    assert place.startswith("place: 1280x")
    second.write_text(second.read_text(encoding="utf-8-sig").replace("\t1280\t1024\t", "\t1920\t1080\t"))
    lines = run(*command, clip.parent / "two").stdout.splitlines()
    places = [line.partition(",")[0] for line in lines if line.startswith("place")]
    assert len(places) == 2
    assert places[0].startswith("place of P01: 1280x")
    assert places[1].startswith("place of P02")
    assert len([line for line in lines if line.startswith("time: ")]) == 1


def test_another_video_is_added_and_the_same_one_is_not_written_over(clip: Path) -> None:
    export = exports.tobii(clip.parent / "a.tsv")
    output = imported(clip, "tobii", export)
    second = clip.with_name("second.mp4")
    second.write_bytes(clip.read_bytes())
    assert run("tobii", export, "--video", second, "--media", "clip", "--output", output).exit_code == 0
    assert {row["video"] for row in rows(output / "fixations.csv")} == {"clip", "second"}
    again = run("tobii", export, "--video", clip, "--output", output)
    assert again.exit_code == 1
    assert "holds the gaze on clip already" in again.stderr
    assert run("tobii", export, "--video", clip, "--output", output, "--overwrite").exit_code == 0
    assert len(rows(output / "fixations.csv")) == 2 * exports.COUNT


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("step", ["write_json", "_draw", "_write_table"])
def test_an_import_that_fails_changes_nothing(step: str, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export, output = exports.tobii(clip.parent / "a.tsv"), clip.parent / "out"

    def fail(*_: object) -> None:
        raise ValueError("a defect")

    with monkeypatch.context() as broken:
        broken.setattr(f"gfsalnet.gaze.trackers.writing.{step}", fail)
        assert run("tobii", export, "--video", clip, "--output", output).exit_code == 1
    assert not output.exists()
    imported(clip, "tobii", export)
    before = contents(output)
    assert sorted(before) == ["fixations.csv", "import.json", "placement-clip.png", "videos/clip.mp4"]
    with monkeypatch.context() as broken:
        broken.setattr(f"gfsalnet.gaze.trackers.writing.{step}", fail)
        assert run("tobii", export, "--video", clip, "--output", output, "--overwrite").exit_code == 1
    assert contents(output) == before


def test_an_import_goes_through_after_one_that_was_killed_among_its_files(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, output = exports.tobii(clip.parent / "a.tsv"), clip.parent / "out"

    def die_before(partial: Path, path: Path) -> None:
        if path.name == "import.json":
            raise KeyboardInterrupt
        os.replace(partial, path)

    with monkeypatch.context() as killed:
        killed.setattr("gfsalnet.gaze.trackers.writing.publish", die_before)
        assert run("tobii", export, "--video", clip, "--output", output).exit_code == 130
    assert (output / "fixations.csv").exists()
    imported(clip, "tobii", export)
    assert len(rows(output / "fixations.csv")) == exports.COUNT


def changed(path: Path, line: int, before: str, after: str) -> Path:
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    assert before in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(before, after)
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("line", "before", "after", "message"),
    [
        (10, "2012", "1012", "row 10: time goes back by 0.996 s"),
        (10, "2012", "later", "row 10: Recording timestamp [ms] is 'later', which is no number"),
        (10, "Invalid", "Gültig", "row 10: the validity of the right eye is 'Gültig'"),
        (10, "\tValid\tInvalid", "\tValid\tInvalid\t1\t2", "row 10 has 15 fields, the headings 13"),
        (3, "VideoStimulusStart\tclip", "\t", "nothing in it says when the video began"),
        (3, "clip", "other", "no stimulus in it is called 'clip'; it has 'other'"),
        (1, "Recording timestamp", "Zeitstempel", "no column of the recording's time"),
        (1, "Gaze point X", "Blickpunkt X", "no gaze point in pixels"),
    ],
)
def test_wrong_exports_are_refused_with_the_row(line: int, before: str, after: str, message: str, clip: Path) -> None:
    export = changed(exports.tobii(clip.parent / "a.tsv"), line, before, after)
    done = run("tobii", export, "--video", clip, "--output", clip.parent / "out")
    assert done.exit_code == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (clip.parent / "out").exists()


def test_mixed_decimal_marks_are_refused(clip: Path) -> None:
    export = exports.tobii(clip.parent / "a.tsv", decimal=",")
    row = export.read_text(encoding="utf-8-sig").split("\n")[9]
    done = run(
        "tobii", changed(export, 10, row.split("\t")[9], "1.5"), "--video", clip, "--output", clip.parent / "out"
    )
    assert "row 10: Gaze point X [DACS px] is" in done.stderr
    assert "another decimal mark" in done.stderr


def test_odd_gaze_is_flagged(clip: Path) -> None:
    export = exports.tobii(clip.parent / "a.tsv")
    text = export.read_text(encoding="utf-8-sig")
    lines = text.split("\n")
    for index, line in enumerate(lines):
        cells = line.split("\t")
        if len(cells) > 10 and cells[9][:1].isdigit():
            cells[9], cells[10] = cells[10], str(float(cells[9]) + 700)
            lines[index] = "\t".join(cells)
    export.write_text("\n".join(lines))
    done = run("tobii", export, "--video", clip, "--output", clip.parent / "out")
    assert "76% of the gaze lies outside the video" in done.stdout
    assert "dataset check, problem" in done.stdout


def test_a_short_row_is_left_out_and_said(clip: Path) -> None:
    export = changed(exports.tobii(clip.parent / "a.tsv"), 10, "\tValid\tInvalid", "")
    done = run("tobii", export, "--video", clip, "--output", clip.parent / "out")
    assert "1 rows have fewer fields than the headings (rows 10)" in done.stdout
    assert len(rows(clip.parent / "out" / "fixations.csv")) == exports.COUNT - 1


def test_one_bad_file_does_not_stop_the_others(clip: Path) -> None:
    good, bad = exports.eyelink(clip.parent / "p1.asc"), clip.parent / "p2.asc"
    bad.write_text("nothing")
    done = run("eyelink", good, bad, "--video", clip, "--output", clip.parent / "out", "--event", "STIM_ONSET")
    assert done.exit_code == 1
    assert "p2.asc: it holds no gaze samples" in done.stderr
    assert len(rows(clip.parent / "out" / "fixations.csv")) == exports.COUNT
    twice = run("eyelink", good, good, "--video", clip, "--output", clip.parent / "two", "--event", "STIM_ONSET")
    assert "holds the viewer" in twice.stderr


def test_two_screen_sizes_are_refused(clip: Path) -> None:
    export = exports.tobii(clip.parent / "a.tsv")
    done = run("tobii", export, "--video", clip, "--output", clip.parent / "out", "--screen", "1920x1080")
    assert "the export says that the display has 1280x1024 pixels, --screen 1920x1080" in done.stderr
    missing = run("tobii", clip.parent / "no.tsv", "--video", clip, "--output", clip.parent / "out")
    assert "cannot be read" in missing.stderr


def test_events_of_the_experiment_are_listed_before_those_of_the_tracker(clip: Path) -> None:
    export = exports.eyelink(clip.parent / "p.asc")
    calibration = "".join(f"MSG\t{2 + k} VALIDATE R 4POINT {k} RIGHT at 320,240\n" for k in range(9))
    export.write_text(calibration + export.read_text())
    done = run("eyelink", export, "--video", clip, "--output", clip.parent / "out")
    assert "It has the events 'STIM_ONSET', 'VALIDATE R 4POINT 0 RIGHT at 320,240'" in done.stderr
    assert "and 5 more" in done.stderr
