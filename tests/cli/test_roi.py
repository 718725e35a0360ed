"""`gfsalnet roi`: offsets and an encode of a video, and what becomes of bad input."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from command import gfsalnet, one_line_error

from gfsalnet.video import VideoWriter, count_frames, frame_times


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    with VideoWriter(tmp_path / "clip.mp4", size_wh=(128, 96), rate=Fraction(10)) as writer:
        for index in range(6):
            writer.write(np.roll(noise, index, axis=1), index / 10)
    return tmp_path / "clip.mp4"


def roi(*arguments: object) -> object:
    return gfsalnet("roi", "--model", "centre-bias", "--output", "out", *arguments)


def test_the_video_is_encoded_and_its_frames_are_counted(clip: Path) -> None:
    done = roi("clip.mp4", "--encode", "--preset", "veryfast", "--crf", "30", "--save", "npz,svt-av1")
    assert done.exit_code == 0, done.output
    folder = Path("out/clip/roi")
    assert frame_times(folder / "encoded.mp4") == pytest.approx(frame_times(clip))
    offsets = np.load(folder / "qp_offsets.npz")["qp_offsets"]
    assert offsets.shape == (6, 6, 8)
    assert offsets[0, 3, 4] < 0 < offsets[0, 0, 0] <= 3
    assert "offsets of 6 frames" in done.output
    assert "MB, the source" in done.output
    again = roi("clip.mp4", "--encode", "--preset", "veryfast", "--crf", "30", "--save", "npz,svt-av1")
    assert "already in out/clip/roi" in again.output
    assert "--overwrite" in one_line_error(roi("clip.mp4"), "other settings")
    part = roi("clip.mp4", "--overwrite", "--start", "0.2", "--end", "0.5", "--encode")
    assert part.exit_code == 0
    assert "the whole source, of which this is a part" in part.output
    assert count_frames(folder / "encoded.mp4") == 3
    assert not (folder / "svt-av1.txt").exists()


def test_two_passes_and_the_predictions_of_an_earlier_run(clip: Path) -> None:
    assert gfsalnet("predict", clip, "--model", "centre-bias", "--output", "out", "--save", "npz,csv").exit_code == 0
    done = roi("clip.mp4", "--encode", "--bitrate", "200", "--codec", "x265", "--preset", "ultrafast")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("out/clip").iterdir()) == ["frames.csv", "maps.npz", "roi", "summary.json"]
    with av.open("out/clip/roi/encoded.mp4") as container:
        assert container.streams.video[0].codec_context.name == "hevc"


def test_one_bad_source_stops_no_other(clip: Path) -> None:
    Path("bad.mp4").write_bytes(b"no video")
    done = roi("bad.mp4", "clip.mp4", "--strength", "5")
    one_line_error(done, "bad.mp4")
    summary = json.loads(Path("out/clip/roi/summary.json").read_text())
    assert summary["settings"] == {"strength": 5.0, "block_pixels": 16, "smooth_seconds": 0.2}
    assert sorted(path.name for path in Path("out").iterdir()) == ["clip"]
