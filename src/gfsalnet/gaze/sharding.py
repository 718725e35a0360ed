"""A dataset's pictures and gaze written to tar files, which copy, stream and read faster than a file a picture.

The layout is that of WebDataset, and tar files are all that it is: the standard library writes them, and no package is
needed to read them back (`gaze.datasets.shards`).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfsalnet.errors import DatasetError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.formats.door import opening
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset
from gfsalnet.gaze.datasets.shards import about_json

DIGITS = 6
"""Digits of the numbers of shards, and of the pictures in one."""


@dataclass(frozen=True)
class _Shown:
    """A picture to be written."""

    video: str
    index: int
    path: Path
    size: int


@dataclass(frozen=True)
class WrittenShard:
    """A shard that is there."""

    path: Path
    pictures: int
    is_new: bool
    """False: it was written by an earlier run, and is left as it is."""


def write_shards(dataset: GazeDataset, output: Path, *, shard_bytes: int) -> Iterator[tuple[WrittenShard, int]]:
    """Write the dataset's pictures with their gaze, shard by shard, each whole or not at all.

    The same dataset gives the same bytes; shards that are there are left, so that a run that was stopped goes on.

    Args:
        dataset: of photographs, or of videos whose frames lie on disk.
        output: the folder, made if need be; `Shards` reads it.
        shard_bytes: size of a shard, about: of the pictures in it.

    Yields:
        Each shard, and the number of all.

    Raises:
        DatasetError, SourceError: if a picture or gaze is missing or damaged, or frames have not been extracted.
        OutputError: if a shard cannot be written.
    """
    shards = _divided(dataset, shard_bytes)
    with output_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    for number, shown in enumerate(shards):
        path = output / f"{dataset.split}-{number:0{DIGITS}d}.tar"
        is_new = not _holds(path, shown)
        if is_new:
            _write(path, dataset, shown)
        yield WrittenShard(path, len(shown), is_new), len(shards)


def _divided(dataset: GazeDataset, shard_bytes: int) -> list[list[_Shown]]:
    """The pictures of each shard, in the dataset's order; videos may go on in the next shard."""
    shards: list[list[_Shown]] = []
    room = 0
    for video in dataset.videos:
        pictures = dataset.pictures(video)
        if not pictures:
            command = f"gfsalnet dataset prepare {type(dataset).name} {dataset.root} --split {dataset.split} --frames"
            raise DatasetError(dataset.root, f"frames of {video} are not on disk", f"Run `{command}`")
        for index, path in pictures.items():
            with opening(path, "picture", DatasetError):
                size = path.stat().st_size
            # A shard is closed by the picture that fills it, so that none is empty, however large a picture is.
            if room <= 0:
                shards.append([])
                room = shard_bytes
            shards[-1].append(_Shown(video, index, path, size))
            room -= size
    return shards


def _names(number: int, shown: _Shown) -> tuple[str, str]:
    """Names of the picture and of what is said of it: WebDataset joins those that are alike up to the first dot."""
    key = f"{number:0{DIGITS}d}"
    return f"{key}{shown.path.suffix.lower()}", f"{key}.json"


def _holds(path: Path, shown: list[_Shown]) -> bool:
    """Whether a whole shard of these pictures is there."""
    if not path.is_file():
        return False
    # By names and lengths: pixels are not compared, or taking up a run would cost as much as writing.
    expected = [(name, one.size) for number, one in enumerate(shown) for name in _names(number, one)[:1]]
    try:
        with tarfile.open(path, "r:") as archive:
            return [(m.name, m.size) for m in archive if not m.name.endswith(".json")] == expected
    except (tarfile.TarError, OSError):
        return False


def _write(path: Path, dataset: GazeDataset, shown: list[_Shown]) -> None:
    gaze: dict[int, FrameGaze] = {}
    of_video = ""
    with output_errors(path), written_whole(path) as partial, tarfile.open(partial, "w") as tar:
        for number, one in enumerate(shown):
            if one.video != of_video:
                # Pictures of a video follow each other, so that its gaze is read once.
                of_video, gaze = one.video, {item.index: item for item in dataset.gaze(one.video)}
            picture, text = _names(number, one)
            with opening(one.path, "picture", DatasetError):
                data = one.path.read_bytes()
            _add(tar, picture, data)
            _add(tar, text, _about(dataset, one, gaze.get(one.index)))


def _about(dataset: GazeDataset, shown: _Shown, gaze: FrameGaze | None) -> bytes:
    # With the gaze, since those who read shards no longer know the dataset that it came from.
    sigma = round(float(dataset.sigma_pixels(shown.video)), 6)
    about = {"kind": dataset.kind, "video": shown.video, "index": shown.index, "sigma_pixels": sigma}
    if gaze is None:
        return about_json(**about)
    fixations = gaze.fixations
    return about_json(
        **about,
        size_wh=list(fixations.size_wh),
        x=_numbers(fixations.x),
        y=_numbers(fixations.y),
        subject=None if fixations.subject is None else fixations.subject.tolist(),
    )


def _numbers(values: np.ndarray) -> list[float]:
    """As many digits as float32 needs to come back the same."""
    return [float(np.format_float_positional(value, unique=True)) for value in values]


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    # Without times and owners: the same dataset gives the same bytes.
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
