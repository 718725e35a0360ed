"""The folder of one source: offsets as numbers and for SVT-AV1, and the encode, all or nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gfsalnet.apply.roi import Encoding, RoiRequest, RoiSettings, write_roi
from gfsalnet.errors import OutputError
from gfsalnet.types import Prediction
from gfsalnet.video import count_frames, open_source

SETTINGS = RoiSettings(strength=6, smooth_seconds=0)


def predictions(reader, still=False):
    for frame in reader:
        density = np.full((6, 8), 0.1, np.float32)
        density[:, 0 if still else frame.index % 8] = 2
        yield Prediction(frame=frame, map_density=density / density.sum(), starts_shot=frame.index == 0)


def made(path, folder, still=False, **options):
    with open_source(str(path)) as reader:
        return write_roi(predictions(reader, still), reader.info, folder, RoiRequest(settings=SETTINGS, **options))


def test_offsets_and_encode(clip, tmp_path):
    seen = []
    with open_source(str(clip())) as reader:
        result = write_roi(
            predictions(reader),
            reader.info,
            tmp_path / "out/roi",
            RoiRequest(settings=SETTINGS, encoding=Encoding(preset="ultrafast")),
            {"settings": 1},
            seen.append,
            lambda number, done: seen.append((number, done)),
        )
    stored = np.load(tmp_path / "out/roi/qp_offsets.npz")
    assert (stored["qp_offsets"].shape, stored["qp_offsets"].dtype) == ((12, 6, 8), np.int8)
    np.testing.assert_array_equal(stored["qp_offsets"][3].argmin(axis=1), 3)
    assert stored["time_seconds"] == pytest.approx([n / 25 for n in range(12)])
    assert count_frames(tmp_path / "out/roi/encoded.mp4") == result.frames == 12
    assert result.encoded_bytes == (tmp_path / "out/roi/encoded.mp4").stat().st_size
    assert seen == [*range(1, 13), *((1, n) for n in range(1, 13))]
    summary = json.loads((tmp_path / "out/roi/summary.json").read_text())
    assert summary["outputs"] == ["encoded.mp4", "qp_offsets.npz"]
    assert (summary["request"], summary["frames"]) == ({"settings": 1}, 12)


def test_the_map_for_svt_av1_keeps_its_rules(clip, tmp_path):
    made(clip(size_wh=(200, 100)), tmp_path / "roi", save=("svt-av1",))
    lines = (tmp_path / "roi/svt-av1.txt").read_text().splitlines()
    assert sorted(path.name for path in (tmp_path / "roi").iterdir()) == ["summary.json", "svt-av1.txt"]
    numbers = [int(line.split()[0]) for line in lines]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0
    assert 5 < len(numbers) <= 12
    for line in lines:
        values = [int(text) for text in line.split()[1:]]
        assert len(values) == 4 * 2  # blocks of 64 pixels
        assert len(set(values)) <= 8
        assert -30 <= min(values) <= 0 < max(values) <= 30
    made(clip(size_wh=(200, 100)), tmp_path / "still", still=True, save=("svt-av1",))
    assert len((tmp_path / "still/svt-av1.txt").read_text().splitlines()) == 1  # holds until something changes


def test_a_failure_leaves_what_was_there(clip, tmp_path, monkeypatch):
    made(clip(), tmp_path / "roi")
    before = (tmp_path / "roi/summary.json").read_bytes()
    monkeypatch.setattr("gfsalnet.apply.roi.encoding.CODECS", {"x264": "libnone"})
    with pytest.raises(OutputError, match="no such encoder"):
        made(clip(), tmp_path / "roi", encoding=Encoding())
    assert (tmp_path / "roi/summary.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mkv", "roi"]
