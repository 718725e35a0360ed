"""Tar shards: what is read back is what was there, to the byte, and a run that was stopped goes on."""

from __future__ import annotations

import json
import pickle
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import GazeDataset, open_dataset, write_shards
from gfsalnet.gaze.datasets.shards import Shards

PHOTOGRAPHS = 9


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    root, rng = tmp_path / "photographs", np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    names = [f"{number}.{'png' if number % 2 else 'jpg'}" for number in range(PHOTOGRAPHS)]
    for name in names:
        cv2.imwrite(str(root / "images" / name), rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
    count = 5 * (PHOTOGRAPHS - 1)  # nobody looked at the last
    np.savez(
        root / "fixations.npz",
        image_index=np.repeat(np.arange(PHOTOGRAPHS - 1), 5).astype(np.int32),
        subject=np.tile(np.arange(5), PHOTOGRAPHS - 1).astype(np.int32),
        x=rng.uniform(-2, 66, count).astype(np.float32),
        y=rng.uniform(0, 48, count).astype(np.float32),
        image_names=np.array(names),
        original_sizes_wh=np.array([[64, 48]] * PHOTOGRAPHS, np.int32),
    )
    return root


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    root, rng = tmp_path / "videos", np.random.default_rng(1)
    rows = ["video,frame,x,y"]
    for video in ("a", "b"):
        (root / "videos" / video).mkdir(parents=True)
        for number in (0, 1, 2, 4):  # a frame is missing
            picture = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
            cv2.imwrite(str(root / "videos" / video / f"{number:04d}.png"), picture)
        rows += [f"{video},{frame},{5 + frame}.25,7" for frame in (1, 4, 4)]
    (root / "fixations.csv").write_text("\n".join(rows))
    return root


def shard(dataset: GazeDataset, output: Path, shard_bytes: int = 5000) -> list[tuple[int, bool]]:
    return [(one.pictures, one.is_new) for one, _ in write_shards(dataset, output, shard_bytes=shard_bytes)]


def assert_same(one: GazeDataset, other: GazeDataset) -> None:
    assert (one.kind, one.videos) == (other.kind, other.videos)
    for video in one.videos:
        pictures, again = one.pictures(video), other.pictures(video)
        assert list(pictures) == list(again)
        for index, path in pictures.items():
            assert np.array_equal(one.read_picture(path), other.read_picture(again[index]))
        for a, b in zip(one.frames(video), other.frames(video), strict=True):
            assert (a.index, a.time_seconds) == (b.index, b.time_seconds)
            assert np.array_equal(a.rgb, b.rgb)
        assert one.sigma_pixels(video) == pytest.approx(other.sigma_pixels(video))
        for first, second in zip(one.gaze(video), other.gaze(video), strict=True):
            a, b = first.fixations, second.fixations
            assert (first.index, a.size_wh) == (second.index, b.size_wh)
            assert a.x.tobytes() + a.y.tobytes() == b.x.tobytes() + b.y.tobytes()
            assert (a.subject is None) == (b.subject is None)
            assert a.subject is None or b.subject is None or np.array_equal(a.subject, b.subject)


@pytest.mark.parametrize("kind", ["photographs", "videos"])
def test_shards_hold_what_the_dataset_holds(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    dataset = open_dataset("folder", request.getfixturevalue(kind))
    shards = shard(dataset, tmp_path / "shards")
    assert len(shards) > 1
    read = open_dataset("shards", tmp_path / "shards")
    assert_same(dataset, read)
    sent = pickle.dumps(read)
    assert len(sent) < sum(path.stat().st_size for path in (tmp_path / "shards").iterdir())
    assert_same(dataset, pickle.loads(sent))


def test_splits_lie_beside_each_other(photographs: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        shard(open_dataset("folder", photographs, split), tmp_path / "shards")
    for split in ("train", "val"):
        expected = open_dataset("folder", photographs, split)
        assert_same(expected, open_dataset("shards", tmp_path / "shards", split))
    assert len(open_dataset("shards", tmp_path / "shards")) == PHOTOGRAPHS
    with pytest.raises(DatasetError, match=r"holds no test-\*\.tar"):
        open_dataset("shards", tmp_path / "shards", "test")


def test_any_reader_of_webdataset_finds_pairs(photographs: Path, tmp_path: Path) -> None:
    shard(open_dataset("folder", photographs), tmp_path / "shards")
    with tarfile.open(tmp_path / "shards" / "all-000000.tar") as archive:
        names = archive.getnames()
        first = archive.extractfile(names[0])
        assert first is not None
        assert first.read() == (photographs / "images" / "0.jpg").read_bytes()
        about = json.load(archive.extractfile(names[1]))  # type: ignore[arg-type]  # it is a file
    assert names[:4] == ["000000.jpg", "000000.json", "000001.png", "000001.json"]
    assert set(about) == {"kind", "video", "index", "size_wh", "sigma_pixels", "x", "y", "subject"}


def test_what_is_whole_is_left_and_the_bytes_are_always_the_same(photographs: Path, tmp_path: Path) -> None:
    dataset, output = open_dataset("folder", photographs), tmp_path / "shards"
    shard(dataset, output)
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    assert not any(is_new for _, is_new in shard(dataset, output))
    (output / "all-000000.tar").unlink()
    (output / "all-000001.tar").write_bytes(before["all-000001.tar"][:700])
    assert [is_new for _, is_new in shard(dataset, output)][:3] == [True, True, False]
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_videos_without_frames_and_damaged_shards_are_named(tmp_path: Path, photographs: Path, write_video) -> None:
    root = tmp_path / "clips"
    write_video(root / "a.mp4", 3)
    (root / "fixations.csv").write_text("video,frame,x,y\na,0,1,1\n")
    with pytest.raises(DatasetError, match=r"frames of a are not on disk.*--frames"):
        shard(open_dataset("folder", root), tmp_path / "none")
    output = tmp_path / "shards"
    shard(open_dataset("folder", photographs), output)
    path = output / "all-000000.tar"
    path.write_bytes(b"junk" * 1000)
    with pytest.raises(DatasetError, match=r"all-000000\.tar.*not a readable tar file"):
        Shards(output)
    with tarfile.open(path, "w") as archive:
        lost = tarfile.TarInfo("000000.json")
        archive.addfile(lost)
    with pytest.raises(DatasetError, match=r"000000\.json is too large, or has no picture"):
        Shards(output)
