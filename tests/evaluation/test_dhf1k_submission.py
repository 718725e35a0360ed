"""The zip for the hidden test set, with a test set of three videos."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.evaluation import dhf1k_submission
from gfsalnet.evaluation.dhf1k_submission import FRAMES, VIDEOS, pack_dhf1k

NAMES = ("0701", "0702", "1000")


@pytest.fixture(autouse=True)
def small_test_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dhf1k_submission, "VIDEOS", NAMES)
    monkeypatch.setattr(dhf1k_submission, "FRAMES", 9)


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """Three frames a video, each with a peak of its own, named as the videos are."""
    folder = tmp_path / "maps"
    for video in NAMES:
        density = np.zeros((3, 36, 64), np.float32)
        density[np.arange(3), 10, 10 + 10 * np.arange(3)] = 0.25
        (folder / str(int(video))).mkdir(parents=True)
        np.savez(folder / str(int(video)) / "maps.npz", density=density, time_seconds=np.arange(3))
    return folder


def test_the_real_test_set_has_300_videos() -> None:
    assert (len(VIDEOS), VIDEOS[0], VIDEOS[-1], FRAMES) == (300, "0701", "1000", 176_192)


def test_names_sizes_and_values(maps: Path, tmp_path: Path) -> None:
    frames, notes = pack_dhf1k(maps, tmp_path / "send.zip")
    assert (frames, notes) == (9, [])
    with zipfile.ZipFile(tmp_path / "send.zip") as archive:
        assert archive.namelist() == [f"{video}/{number:04d}.png" for video in NAMES for number in (1, 2, 3)]
        for number in (1, 2, 3):
            picture = cv2.imdecode(
                np.frombuffer(archive.read(f"0702/{number:04d}.png"), np.uint8), cv2.IMREAD_UNCHANGED
            )
            assert (picture.shape, picture.dtype, picture.max()) == ((360, 640), np.uint8, 255)
            y, x = np.argwhere(picture == 255).mean(axis=0)
            assert (y, x) == pytest.approx((104.5, 104.5 + 100 * (number - 1)))
    before = (tmp_path / "send.zip").read_bytes()
    pack_dhf1k(maps, tmp_path / "send.zip")
    assert (tmp_path / "send.zip").read_bytes() == before


def test_a_missing_video_is_named_before_anything_is_written(maps: Path, tmp_path: Path) -> None:
    (maps / "702").rename(maps / "elsewhere")
    with pytest.raises(SourceError, match="1 of the 3 test videos have no usable maps, the first is 0702"):
        pack_dhf1k(maps, tmp_path / "send.zip")
    assert not (tmp_path / "send.zip").exists()


def test_frame_counts(maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dhf1k_submission, "FRAMES", 11)
    frames, notes = pack_dhf1k(maps, tmp_path / "send.zip")
    assert frames == 9
    assert "the authors count 11" in notes[0]
    monkeypatch.setattr(dhf1k_submission, "FRAMES", 90)
    with pytest.raises(SourceError, match="holds 9 maps, the test videos have 90 frames"):
        pack_dhf1k(maps, tmp_path / "send.zip")


@pytest.mark.parametrize("value", [np.nan, -1])
def test_unusable_maps_leave_no_zip(value: float, maps: Path, tmp_path: Path) -> None:
    np.savez(maps / "1000" / "maps.npz", density=np.full((3, 4, 4), value))
    with pytest.raises(SourceError, match="map 0 holds NaN, infinite or negative"):
        pack_dhf1k(maps, tmp_path / "send.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["maps"]


def test_numbers_must_leave_no_map_out(maps: Path, tmp_path: Path) -> None:
    """Maps 2, 3, 4 would be sent as 1, 2, 3."""
    (maps / "702" / "maps.npz").unlink()
    for number in (2, 3, 4):
        np.save(maps / "702" / f"{number:04d}.npy", np.ones((36, 64), np.float32))
    with pytest.raises(SourceError, match=r"the first is 0702 \(its 3 maps are numbered 2 to 4"):
        pack_dhf1k(maps, tmp_path / "send.zip")
