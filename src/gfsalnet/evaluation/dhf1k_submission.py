"""Maps of the 300 hidden test videos of DHF1K, packed to be sent to its authors.

    0701/0001.png … 1000/….png          8 bits, 640x360, each frame's maximum 255

The authors score what they receive with MIT's code; see github.com/wenguanwang/DHF1K for where to send it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError, SourceError
from gfsalnet.evaluation.map_files import MapsFolder
from gfsalnet.evaluation.map_sequences import MapSequence
from gfsalnet.evaluation.sources import AnyMap
from gfsalnet.files import output_errors, refuse_folder, written_whole
from gfsalnet.metrics.resize import resize_bilinear

VIDEOS = tuple(f"{number:04d}" for number in range(701, 1001))
FRAMES = 176_192
"""Frames of all test videos together, by the authors' list."""
SIZE_HW = (360, 640)
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, so that the same maps give the same bytes."""


def pack_dhf1k(
    maps: Path, output: Path, on_video: Callable[[int, int], None] = lambda done, total: None
) -> tuple[int, list[str]]:
    """Write the zip of a submission, whole or not at all.

    Args:
        maps: a folder of maps in any layout that `MapsFolder` reads, videos named 0701 … 1000 or 701 … 1000.
        output: the zip.
        on_video: called with the videos packed and the videos to pack.

    Returns:
        the number of frames, and notes for the user.

    Raises:
        SourceError: if videos or frames are missing, or a map cannot be used.
        OutputError: if the zip cannot be written.
    """
    refuse_folder(output)
    folder = MapsFolder(maps)
    frames = _checked_count(folder)
    with output_errors(output), written_whole(output) as partial, zipfile.ZipFile(partial, "w") as archive:
        for done, video in enumerate(VIDEOS, 1):
            for name, png in _pictures(folder, video):  # stored as they are: PNG is compressed already
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), png)
            on_video(done, len(VIDEOS))
    if frames == FRAMES:
        return frames, []
    return frames, [f"{frames} maps, the authors count {FRAMES} frames: extraction may differ by one frame per video"]


def _checked_count(folder: MapsFolder) -> int:
    """The number of maps; all videos are checked before hours of packing begin."""
    unusable, frames = dict[str, str](), 0
    for video in VIDEOS:
        try:
            frames += _whole_length(folder.sequence(VIDEOS, video))
        except GFSalNetError as error:
            # All of them are looked at: one run says everything that is missing.
            unusable[video] = error.problem
    if unusable:
        video, reason = next(iter(unusable.items()))
        problem = (
            f"{len(unusable)} of the {len(VIDEOS)} test videos have no usable maps, the first is {video} ({reason})"
        )
        raise SourceError(folder.root, problem, "Predict 0701 to 1000, one folder or file of maps each")
    # Programs that extract frames differ by one in a video; that much is let pass.
    if abs(frames - FRAMES) > len(VIDEOS):
        problem = f"holds {frames} maps, the test videos have {FRAMES} frames"
        raise SourceError(folder.root, problem, "Write one map for every frame of every video")
    return frames


def _whole_length(sequence: MapSequence) -> int:
    """The number of maps of a video, if their numbers show that none is missing."""
    numbers = sequence.numbers
    # Counted from 0 or 1 without a gap. What lies behind the last map, the sum of all frames shows.
    if numbers is not None and (numbers[0] > 1 or numbers[-1] - numbers[0] >= len(numbers)):
        problem = f"its {len(numbers)} maps are numbered {numbers[0]} to {numbers[-1]}"
        raise SourceError(sequence.where, problem, "Write one map for every frame, numbered from 0 or 1")
    return len(sequence)


def _pictures(folder: MapsFolder, video: str) -> Iterator[tuple[str, bytes]]:
    sequence = folder.sequence(VIDEOS, video)
    for index, saliency in sequence.read(range(len(sequence))):
        if not np.isfinite(saliency).all() or saliency.min() < 0:
            problem = f"map {index} holds NaN, infinite or negative values"
            raise SourceError(sequence.where, problem, "Write maps of values ≥ 0")
        yield f"{video}/{index + 1:04d}.png", cv2.imencode(".png", _as_bytes(saliency))[1].tobytes()


def _as_bytes(saliency: AnyMap) -> NDArray[np.uint8]:
    values = resize_bilinear(saliency.astype(np.float64), SIZE_HW)
    # Each frame is scaled by itself: its maximum becomes 255.
    peak = values.max()
    return np.round(values * (255 / peak)).astype(np.uint8) if peak > 0 else np.zeros(SIZE_HW, np.uint8)
