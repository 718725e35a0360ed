"""What is written reads back as it was meant, by the programs that read it."""

from __future__ import annotations

import csv
import io
import itertools
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gfsalnet.apply.marks import Course, MarkSettings, MarksRequest, write_marks
from gfsalnet.apply.marks.timecode import NTSC
from gfsalnet.errors import RequestError
from gfsalnet.video import VideoInfo, VideoWriter, open_source

FILES = ["chapters.txt", "marks.csv", "marks.edl", "marks.otio", "premiere.csv", "resolve.edl", "summary.json"]
RATES = [24 * NTSC, 30 * NTSC, Fraction(25), Fraction(60)]


def course(rate: Fraction, frames: int = 200, start: int = 0) -> Course:
    """A cut at frame 80, a peak at frame 50, spread from frame 120 to 180."""
    area = np.full(frames, 0.1)
    area[50], area[120:180] = 0.02, 0.3
    cuts = np.zeros(frames, bool)
    cuts[80] = True
    times = (np.arange(frames) + start) / float(rate)
    end = (frames + start) / float(rate)
    return Course(times_seconds=times, end_seconds=end, area=area, split=np.zeros(frames), cuts=cuts)


def info(rate: Fraction, path: Path | None = None) -> VideoInfo:
    return VideoInfo(
        source="a film.mp4",
        name="a film",
        path=path or Path("a film.mp4"),
        size_wh=(64, 48),
        rate=rate,
        time_base=1 / rate,
        estimated_frames=200,
        duration_seconds=float(200 / rate),
        has_audio=False,
        kind="frames",
    )


def written(tmp_path: Path, rate: Fraction, start: int = 0, **request: object) -> Path:
    found = MarkSettings(smooth_seconds=0, least_seconds=0.5)
    folder = tmp_path / "marks"
    write_marks(course(rate, start=start), info(rate), folder, MarksRequest(found=found, **request))  # type: ignore[arg-type]  # by name
    return folder


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.5g}")
def test_opentimelineio_reads_shots_and_marks(tmp_path, rate):
    otio = pytest.importorskip("opentimelineio")
    folder = written(tmp_path, rate, media_start="10:00:00:00", drop_frame=False)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    timeline = otio.adapters.read_from_file(str(folder / "marks.otio"))
    (track,) = timeline.video_tracks()
    hours = round(rate) * 36_000
    ranges = [clip.source_range for clip in track]
    assert [(r.start_time.value, r.duration.value) for r in ranges] == [(hours, 80), (hours + 80, 120)]
    assert {r.start_time.rate for r in ranges} == {float(rate)}
    assert {clip.media_reference.available_range.duration.value for clip in track} == {200}
    marks = [(m.name, m.marked_range.start_time.value, m.marked_range.duration.value) for m in timeline.tracks.markers]
    assert marks == [("Peak 1", 50, 0), ("Spread looks 1", 120, 60)]
    assert [m.color for m in timeline.tracks.markers] == ["GREEN", "RED"]
    again = otio.adapters.read_from_string(otio.adapters.write_to_string(timeline, "otio_json"), "otio_json")
    assert again.is_equivalent_to(timeline)


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.5g}")
@pytest.mark.parametrize("drop", [False, True])
def test_the_edit_decision_list_reads_back(tmp_path, rate, drop):
    otio = pytest.importorskip("opentimelineio")
    pytest.importorskip("otio_cmx3600_adapter")
    if drop and rate != 30 * NTSC:
        return
    folder = written(tmp_path, rate, media_start="01:02:03:04", drop_frame=drop)
    text = (folder / "marks.edl").read_text()
    assert f"FCM: {'DROP FRAME' if drop else 'NON-DROP FRAME'}\n" in text
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate))
    start = otio.opentime.from_timecode("01:02:03;04" if drop else "01:02:03:04", float(rate)).value
    clips = list(timeline.find_clips())
    assert [clip.name for clip in clips] == ["a film.mp4"] * 2
    ranges = [clip.source_range for clip in clips]
    assert [(r.start_time.value, r.duration.value) for r in ranges] == [(start, 80), (start + 80, 120)]
    if not drop:  # of drop-frame timecodes in locators this reader knows nothing
        hour = round(rate) * 3600
        marks = [(m.name, m.color, m.marked_range.start_time.value - hour) for clip in clips for m in clip.markers]
        assert [(name.partition(":")[0], *rest) for name, *rest in marks] == [
            ("Peak 1", "GREEN", 50),
            ("Spread looks 1", "RED", 120),
        ]


def test_drop_frame_timecodes_are_those_of_the_frames(tmp_path):
    folder = written(tmp_path, 30 * NTSC, media_start="00:00:59;00", timeline_start="00:00:59;00")
    rows = list(csv.DictReader(io.StringIO((folder / "premiere.csv").read_text())))
    assert [(row["Marker Name"], row["In"], row["Out"], row["Duration"], row["Marker Type"]) for row in rows] == [
        ("Peak 1", "00:01:00;22", "00:01:00;22", "00:00:00;00", "Comment"),
        ("Cut 1", "00:01:01;22", "00:01:01;22", "00:00:00;00", "Comment"),
        ("Spread looks 1", "00:01:03;02", "00:01:05;02", "00:00:02;00", "Comment"),
    ]
    assert "* LOC: 00:01:00;22 GREEN" in (folder / "marks.edl").read_text()


def test_resolve_reads_an_event_for_each_mark(tmp_path):
    lines = (written(tmp_path, Fraction(25)) / "resolve.edl").read_text().splitlines()
    assert lines[:2] == ["TITLE: a film.mp4", "FCM: NON-DROP FRAME"]
    assert lines[3] == "001  001      V     C        01:00:02:00 01:00:02:01 01:00:02:00 01:00:02:01"
    assert lines[4].startswith(" |C:ResolveColorGreen |M:Peak 1: half of the looks on 2.0% of the picture")
    assert [line.rpartition("|D:")[2] for line in lines if "|D:" in line] == ["1", "1", "60"]


def test_ffmpeg_reads_the_chapters(tmp_path):
    path = written(tmp_path, Fraction(25)) / "chapters.txt"
    with av.open(str(path), format="ffmetadata") as container:
        if not hasattr(container, "chapters"):
            pytest.skip("this PyAV reads no chapters")
        chapters = container.chapters()
    titles = ["Start", "Peak 1", "Cut 1", "Spread looks 1", "…"]
    starts = [0, 2000, 3200, 4800, 7200, 8000]
    assert [chapter["metadata"]["title"] for chapter in chapters] == titles
    spans = [(c["start"] * c["time_base"] * 1000, c["end"] * c["time_base"] * 1000) for c in chapters]
    assert spans == list(itertools.pairwise(starts))


def test_every_number_is_in_the_table_and_a_part_keeps_the_videos_times(tmp_path):
    folder = written(tmp_path, Fraction(25), start=100)
    rows = list(csv.DictReader(io.StringIO((folder / "marks.csv").read_text())))
    assert [(row["kind"], row["start_seconds"], row["start_timecode"]) for row in rows] == [
        ("peak", "6.000000", "00:00:06:00"),
        ("cut", "7.200000", "00:00:07:05"),
        ("spread", "8.800000", "00:00:08:20"),
    ]
    assert "00:00:04:00 00:00:07:05 01:00:00:00 01:00:03:05" in (folder / "marks.edl").read_text()
    summary = json.loads((folder / "summary.json").read_text())
    assert [mark["kind"] for mark in summary["marks"]] == ["peak", "cut", "spread"]
    assert (summary["rate"], summary["drop_frame"]) == ("25", False)


def test_variable_rates_are_said_and_numbered_by_time(tmp_path):
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.046, 200))
    moving = Course(
        times_seconds=times - times[0],
        end_seconds=float(times[-1] - times[0] + 0.03),
        area=np.where(np.arange(200) == 150, 0.01, 0.1),
        split=None,
        cuts=np.zeros(200, bool),
    )
    result = write_marks(moving, info(Fraction(30)), tmp_path / "m", MarksRequest(found=MarkSettings(smooth_seconds=0)))
    assert any(note.startswith("its frames come at no steady rate") for note in result.notes)
    seconds = times[150] - times[0]
    assert result.timebase.frame_at(seconds) == round(seconds * float(result.timebase.rate))
    row = next(csv.DictReader(io.StringIO((tmp_path / "m/marks.csv").read_text())))
    assert row["start_timecode"] == result.timebase.timecode(round(seconds * float(result.timebase.rate)))


@pytest.mark.parametrize(("own", "drop"), [("10:00:00;00", True), ("10:00:00:00", False)])
def test_the_files_own_timecode_counts(tmp_path, own, drop):
    path = tmp_path / "camera.mov"
    with av.open(str(path), "w") as container:
        container.metadata["timecode"] = own
        stream = container.add_stream("libx264", rate=30 * NTSC)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    with open_source(str(path)) as reader:
        result = write_marks(course(30 * NTSC), reader.info, tmp_path / "m", MarksRequest())
    assert (result.timebase.rate, result.timebase.drop_frame) == (30 * NTSC, drop)
    assert json.loads((tmp_path / "m/summary.json").read_text())["first_timecode"] == own


def test_a_timecode_that_cannot_be_is_the_commands_fault(tmp_path):
    with pytest.raises(RequestError, match=r"--timecode.*25 frames per second"):
        written(tmp_path, Fraction(25), media_start="00:00:00:25")
    with pytest.raises(RequestError, match="no drop-frame timecode at 25"):
        written(tmp_path, Fraction(25), drop_frame=True)
    assert list(tmp_path.iterdir()) == []


def test_without_opentimelineio_the_rest_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opentimelineio", None)
    result = write_marks(course(Fraction(25)), info(Fraction(25)), tmp_path / "m", MarksRequest())
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [name for name in FILES if "otio" not in name]
    assert 'pip install "gfsalnet[otio]"' in result.notes[0]


def test_one_frame(tmp_path):
    path = tmp_path / "one.mp4"
    with VideoWriter(path, size_wh=(64, 48), rate=Fraction(25)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0)
    one = Course(
        times_seconds=np.zeros(1), end_seconds=0.04, area=np.ones(1), split=np.zeros(1), cuts=np.zeros(1, bool)
    )
    with open_source(str(path)) as reader:
        result = write_marks(one, reader.info, tmp_path / "m", MarksRequest())
    assert result.marks == []
    assert "00:00:00:00 00:00:00:01" in (tmp_path / "m/marks.edl").read_text()
