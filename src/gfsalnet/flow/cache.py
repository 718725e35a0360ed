"""Flow kept on disk by the content of the frames, for expensive estimators and for training."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.files import write_whole
from gfsalnet.flow.estimator import FlowEstimator, check_pair
from gfsalnet.types import RGB, FlowField

log = logging.getLogger(__name__)

# A power of two, so that dividing by it is exact in float32.
STEPS_PER_PIXEL = 32
_FORMAT = 1
"""Part of the keys: after a change of the format, old entries are not found, instead of being read wrongly."""
_STEPS = np.dtype("<i2")
_REMEDY = "Free some space, give another folder for the flow cache, or use none."


class CachedFlow:
    """An estimator that stores the results of another on disk and otherwise behaves like it.

    Vectors are stored as int16 in steps of 1/32 pixel, so they are at most 1/64 pixel off, and held to ±1023.97 pixels.
    A first call gives the rounded field too: the result does not depend on what the cache holds. Entries appear whole
    and carry zlib's checksum, so processes may share a folder, and a damaged entry is made again. The folder is never
    trimmed and may be deleted at any time. Every call reads all pixels of both frames for the key: for large frames
    and a quick estimator, estimating again is cheaper.

    Args:
        estimator: the one whose results are kept.
        folder: made when first needed. Entries lie in subfolders named by the first two letters of their key.
    """

    def __init__(self, estimator: FlowEstimator, folder: Path) -> None:
        self.estimator, self.folder = estimator, Path(folder)

    @property
    def name(self) -> str:
        """The name of the cached estimator."""
        return self.estimator.name

    @property
    def settings(self) -> Mapping[str, object]:
        """The settings of the cached estimator."""
        return self.estimator.settings

    @property
    def version(self) -> str:
        """The version of the cached estimator."""
        return self.estimator.version

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        """The height and width of the cached estimator's fields."""
        return self.estimator.field_size_hw(frame_size_hw)

    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        """The motion from `previous_rgb` to `current_rgb`, both (H, W, 3) uint8, read from disk if it is cached.

        Raises:
            ValueError: if the frames are not (H, W, 3) uint8 of one size.
            OutputError: if a new entry cannot be written.
        """
        check_pair(previous_rgb, current_rgb)
        path = self._path(previous_rgb, current_rgb)
        steps = _read(path, self.field_size_hw((current_rgb.shape[0], current_rgb.shape[1])))
        log.debug("flow %s %s", path.name, "is estimated" if steps is None else "was kept")
        if steps is None:
            steps = _to_steps(self.estimator(previous_rgb, current_rgb))
            # The checksum finds what a power cut has left half: no need to wait for the disk at every field.
            write_whole(path, zlib.compress(steps.tobytes()), _REMEDY, durable=False)
        return FlowField(steps.astype(np.float32) / np.float32(STEPS_PER_PIXEL))

    def _path(self, previous_rgb: RGB, current_rgb: RGB) -> Path:
        # Everything that changes the result is in the key, so that settings may share a folder.
        # The shape too: the bytes alone do not tell a wide frame from a tall one.
        about = [_FORMAT, self.name, self.settings, self.version, previous_rgb.shape]
        digest = blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=20)
        for rgb in (previous_rgb, current_rgb):
            # The pixels themselves: file names and frame numbers say nothing about the content.
            digest.update(np.ascontiguousarray(rgb).data)
        key = digest.hexdigest()
        return self.folder / key[:2] / f"{key[2:]}.flow"


def flow_folder(root: Path) -> Path:
    """Where the flow of a dataset is cached unless the user says otherwise."""
    return root / "flow-cache"


def _to_steps(field: FlowField) -> NDArray[np.int16]:
    limit = np.iinfo(_STEPS).max
    # Symmetric limits: mirroring negates dx, and +32768 could not be stored.
    return np.clip(np.rint(field.flow_pixels * STEPS_PER_PIXEL), -limit, limit).astype(_STEPS)


def _read(path: Path, size_hw: tuple[int, int]) -> NDArray[np.int16] | None:
    """(H, W, 2) steps; None if there is no such entry, or it is damaged."""
    try:
        wanted = 2 * size_hw[0] * size_hw[1] * np.dtype(_STEPS).itemsize
        unpacking = zlib.decompressobj()
        # One byte more would be too many: nothing unpacks to gigabytes.
        steps = np.frombuffer(unpacking.decompress(path.read_bytes(), wanted + 1), _STEPS).reshape(*size_hw, 2)
        return steps if unpacking.eof else None  # at its end the checksum was compared
    except (OSError, zlib.error, ValueError):
        return None
