"""The command as a user runs it: exit statuses, one-line errors, what lies where afterwards."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from command import gfsalnet, one_line_error

from gfsalnet.demo import draw_frame
from gfsalnet.flow import write_flo
from gfsalnet.types import FlowField

PREDICT = ("predict", "--backend", "reference")
"""In what opens in no time: `auto` first compiles, and compares with the reference, for a second or two."""
CHEAPLY = ("predict", "--model", "centre-bias")
"""Where it does not matter what is predicted."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of the drawn video, 320x180, 12.5 frames per second."""
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25, 2))
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for index in range(12):
            picture = cv2.resize(draw_frame(index / 12.5), (320, 180), interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_predict_writes_what_the_contract_says(clip: Path, tmp_path: Path) -> None:
    done = gfsalnet("predict", clip, "--output", tmp_path, "--save", "overlay,maps,gate,flow,csv")
    assert done.exit_code == 0, done.stderr
    folder = tmp_path / "street"
    assert sorted(path.name for path in folder.iterdir()) == [
        "flow.mp4", "frames.csv", "gate.mp4", "maps", "maps.npz", "overlay.mp4", "summary.json",
    ]  # fmt: skip
    with np.load(folder / "maps.npz", allow_pickle=False) as maps:
        density, times = maps["density"], maps["time_seconds"]
    assert density.dtype == np.float32
    assert density.ndim == 3
    assert len(density) == 12
    assert np.allclose(density.sum((1, 2), dtype=np.float64), 1, atol=1e-5)
    assert np.allclose(times, np.arange(12) / 12.5)
    assert len({frame.tobytes() for frame in density}) == 12
    pictures = sorted((folder / "maps").iterdir())
    assert [path.name for path in pictures] == [f"{index:06d}.png" for index in range(12)]
    picture = cv2.imread(str(pictures[0]), cv2.IMREAD_UNCHANGED)
    assert (picture.shape, picture.dtype, picture.max()) == ((180, 320), np.uint8, 255)
    with av.open(str(folder / "overlay.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.average_rate, stream.width, stream.height) == (12.5, 320, 180)
        assert sum(1 for _ in video.decode(video=0)) == 12
    with (folder / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    row = rows[3]
    assert float(row["time_seconds"]) == pytest.approx(3 / 12.5)
    assert 0 <= float(row["peak_x"]) < 320
    assert 0 <= float(row["peak_y"]) < 180
    assert 0 < float(row["entropy_bits"]) <= np.log2(density[0].size)
    assert 0 < float(row["area_50_percent"]) < 0.5
    assert 0 < float(row["motion_share"]) < 1
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["frames"], summary["frames_lost"], summary["video"]["rate"]) == (12, 0, "25/2")
    assert summary["model"]["name"] == "gfsalnet-mobile"
    assert len(summary["model"]["weights"]) == 16
    assert summary["seconds"].keys() == {"read", "flow", "network", "write", "total"}


def test_a_second_run_skips_and_only_adds_what_is_missing(clip: Path, tmp_path: Path) -> None:
    assert gfsalnet(*CHEAPLY, clip, "-o", tmp_path, "--save", "csv").exit_code == 0
    first = (tmp_path / "street" / "frames.csv").stat().st_mtime_ns
    again = gfsalnet(*CHEAPLY, clip, "-o", tmp_path, "--save", "csv")
    assert again.exit_code == 0
    assert "already in" in again.stdout
    assert gfsalnet(*CHEAPLY, clip, "-o", tmp_path, "--save", "csv,npz").exit_code == 0
    assert (tmp_path / "street" / "maps.npz").exists()
    assert (tmp_path / "street" / "frames.csv").stat().st_mtime_ns == first
    other = gfsalnet(*CHEAPLY, clip, "-o", tmp_path, "--save", "csv", "--max-frames", "3")
    assert other.exit_code == 1
    one_line_error(other, "street", "max_frames", "--overwrite")
    redone = gfsalnet(*CHEAPLY, clip, "-o", tmp_path, "--save", "csv", "--max-frames", "3", "--overwrite")
    assert redone.exit_code == 0, redone.stderr
    assert len((tmp_path / "street" / "frames.csv").read_text().splitlines()) == 4


def test_flow_from_files_is_for_one_video(clip: Path, tmp_path: Path) -> None:
    flow, still = tmp_path / "flow", FlowField(np.zeros((90, 160, 2), np.float32))
    write_flo(flow / "1.flo", still)
    command = (*PREDICT, clip, "-o", tmp_path / "out", "--save", "csv", "--flow", f"folder:{flow}")
    done = gfsalnet(*command, "--max-frames", 2)
    assert done.exit_code == 0, done.stderr
    described = json.loads((tmp_path / "out" / "street" / "summary.json").read_text())["model"]
    assert described["flow"]["folder"] == str(flow)
    too_few = gfsalnet(*command, "--max-frames", 3, "--overwrite")
    assert too_few.exit_code == 1
    one_line_error(too_few, "the flow to frame 1, and there is a frame 2")
    two = gfsalnet(*command, clip)
    assert two.exit_code == 2
    assert "the flow of one source, not of 2" in " ".join(two.stderr.replace("│", "").split())


def test_two_sources_of_one_name_do_not_overwrite_each_other(clip: Path, tmp_path: Path) -> None:
    twin = tmp_path / "elsewhere" / clip.name
    twin.parent.mkdir()
    twin.write_bytes(clip.read_bytes())
    out = tmp_path / "out"
    for _ in range(2):  # the second run finds both
        assert gfsalnet(*CHEAPLY, clip, twin, "-o", out, "--save", "csv", "--max-frames", 2).exit_code == 0
        assert sorted(path.name for path in out.iterdir()) == ["street", "street-2"]
    given = [json.loads((out / name / "summary.json").read_text())["source"]["path"] for name in ("street", "street-2")]
    assert given == [str(clip), str(twin)]


def test_one_bad_source_does_not_stop_the_rest(clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "notes.mp4"
    bad.write_text("this is no video")
    done = gfsalnet(*CHEAPLY, bad, clip, tmp_path / "missing.mp4", "-o", tmp_path / "out", "--save", "csv")
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 2
    assert "notes.mp4" in errors[0]
    assert "missing.mp4" in errors[1]
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["failures.csv", "street"]
    assert "1 of 3 sources done" in done.stdout


def test_a_truncated_video_is_predicted_up_to_the_damage(clip: Path, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "long.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        rng = np.random.default_rng(0)
        for _ in range(50):
            noise = av.VideoFrame.from_ndarray(rng.integers(0, 255, (96, 160, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(noise))
        container.mux(stream.encode())
    data = (tmp_path / "long.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    done = gfsalnet(*CHEAPLY, tmp_path / "cut.mkv", "-o", tmp_path / "out", "--save", "csv")
    assert done.exit_code == 1
    one_line_error(done, "cut.mkv", "lost")
    summary = json.loads((tmp_path / "out" / "cut" / "summary.json").read_text())
    assert 15 <= summary["frames"] <= 30
    assert summary["frames"] + summary["frames_lost"] == pytest.approx(50, abs=2)
    assert len((tmp_path / "out" / "cut" / "frames.csv").read_text().splitlines()) == summary["frames"] + 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--save", "overlay,nonsense"), "nonsense"),
        (("--save", "gate", "--model", "gfsalnet-mobile:appearance"), "no gate"),
        (("--map-size", "big"), "WIDTHxHEIGHT"),
        (("--rate", "0"), "frames per second"),
        (("--backend", "abacus"), "abacus"),
        (("--no-such-option",), "no-such-option"),
    ],
)
def test_a_wrong_command_ends_with_status_2(clip: Path, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = gfsalnet("predict", clip, "-o", tmp_path / "out", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "runs/best"), ("runs/best", "is no folder", "gfsalnet-mobile")),
        (("--model", "gfsalnet"), ("gfsalnet", "no weights")),
        (("--flow", "folder:nothing"), ("nothing", "holds no .flo files")),
    ],
)
def test_what_the_disk_lacks_is_one_line(
    clip: Path, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = gfsalnet("predict", clip, "-o", tmp_path / "out", *arguments)
    assert done.exit_code == 1
    one_line_error(done, *words)
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_one_line(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = gfsalnet(*CHEAPLY, clip, "-o", tmp_path / "file", "--save", "csv")
    assert done.exit_code == 1
    one_line_error(done, "file")


def test_a_tiny_image_and_a_photograph(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "street.jpg"), draw_frame(1.0)[..., ::-1])
    done = gfsalnet(*PREDICT, tmp_path / "dot.png", tmp_path / "street.jpg", "-o", tmp_path / "out")
    assert done.exit_code == 1
    one_line_error(done, "dot.png", "1")
    assert sorted(p.name for p in (tmp_path / "out" / "street").iterdir()) == [
        "frames.csv", "maps", "maps.npz", "overlay.png", "summary.json",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_leaves_whole_outputs_only(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    cv2.imwrite(str(frames / "0.jpg"), draw_frame(0.0))
    for index in range(1, 400):
        shutil.copy(frames / "0.jpg", frames / f"{index}.jpg")
    command = [sys.executable, "-c", "from gfsalnet.cli import app; app()", *PREDICT, str(frames), "-o", str(tmp_path)]
    process = subprocess.Popen([*command, "--save", "png,csv"], stderr=subprocess.PIPE, text=True)
    waiting_until = time.monotonic() + 300
    while not list(tmp_path.glob("frames-2/.outputs.*/.maps.*/*.png")):
        assert process.poll() is None, "it ended before a map was written"
        assert time.monotonic() < waiting_until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert "interrupted" in stderr
    assert not (tmp_path / "frames-2").exists()


def test_models_and_help_and_version() -> None:
    models = gfsalnet("models")
    assert models.exit_code == 0
    assert "gfsalnet-mobile" in models.stdout
    assert "ready" in models.stdout
    assert "needs weights" in models.stdout
    assert "SOURCE" in gfsalnet("predict", "--help").stdout
    assert gfsalnet("--version").stdout.strip()
    assert gfsalnet("dance").exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pqft", "fang2014", "aws-d", "centre-bias"])
def test_models_without_weights_predict_too(clip: Path, tmp_path: Path, name: str) -> None:
    done = gfsalnet("predict", clip, "--output", tmp_path, "--model", name, "--save", "csv,npz", "--max-frames", 2)
    assert done.exit_code == 0, done.stderr
    densities = np.load(tmp_path / "street" / "maps.npz")["density"]
    assert densities.sum(axis=(1, 2)) == pytest.approx([1, 1], abs=1e-4)
    summary = json.loads((tmp_path / "street" / "summary.json").read_text())
    assert summary["model"]["name"] == name
    refused = gfsalnet("predict", clip, "--output", tmp_path / "gate", "--model", name, "--save", "gate")
    assert refused.exit_code == 2
    assert "no gate" in refused.stderr


def test_a_folder_is_read_as_what_it_holds_or_as_told(tmp_path: Path, clip: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "film.mp4").write_bytes(clip.read_bytes())
    for number in (1, 2, 4):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((48, 64, 3), 40 * number, np.uint8))
    command = ("predict", folder, "--model", "centre-bias", "--save", "csv", "-o", tmp_path / "out")
    by_itself = gfsalnet(*command)
    assert by_itself.exit_code == 0, by_itself.output
    assert "left out 1.png, 2.png, 4.png" in by_itself.output.replace("\n", " ")
    assert (tmp_path / "out" / "film" / "frames.csv").is_file()
    frames = gfsalnet(*command, "--folder-as", "frames")
    assert frames.exit_code == 0, frames.output
    assert "picture number 3 is missing" in frames.output.replace("\n", " ")
    rows = (tmp_path / "out" / "mixed" / "frames.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["0", "1", "3"]
    wrong = gfsalnet(*command, "--folder-as", "films")
    assert wrong.exit_code == 2


def test_the_strength_of_the_centre(clip: Path, tmp_path: Path) -> None:
    for strength in ("0", "2"):
        folder = tmp_path / strength
        done = gfsalnet(*PREDICT, clip, "-o", folder, "--save", "npz", "--max-frames", "3", "--centre-bias", strength)
        assert done.exit_code == 0, done.stderr
    none, strong = (np.load(tmp_path / s / "street" / "maps.npz")["density"][0] for s in ("0", "2"))
    height, width = none.shape
    middle = np.s_[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
    assert strong[middle].sum() > none[middle].sum()
    other = gfsalnet("predict", clip, "-o", tmp_path, "--model", "pqft", "--centre-bias", "0.5")
    assert other.exit_code != 0
    one_line_error(other, "pqft", "centre", status=2)


@pytest.mark.slow
def test_maps_that_look_ahead(clip: Path, tmp_path: Path) -> None:
    """Still one map per frame, other ones, and the summary says how far they look."""
    for frames in ("0", "3"):
        done = gfsalnet(
            "predict", clip, "-o", tmp_path / frames, "--save", "npz", "--max-frames", "4", "--lookahead", frames
        )
        assert done.exit_code == 0, done.stderr
        summary = json.loads((tmp_path / frames / "street" / "summary.json").read_text())
        assert summary["model"]["lookahead"] == int(frames)
    causal, ahead = (np.load(tmp_path / frames / "street" / "maps.npz")["density"] for frames in ("0", "3"))
    assert causal.shape == ahead.shape
    assert np.abs(causal[1] - ahead[1]).max() > 1e-6
    other = gfsalnet("predict", clip, "-o", tmp_path, "--model", "pqft", "--lookahead", "3")
    one_line_error(other, "pqft", "look ahead", status=2)
    assert gfsalnet("predict", clip, "-o", tmp_path, "--lookahead", "-1").exit_code == 2
