"""Flow that was computed elsewhere: a folder of .flo files, one per pair of frames."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.errors import GFSalNetError, SourceError
from gfsalnet.flow.flo import UNKNOWN_PIXELS, flo_size_hw, read_flo
from gfsalnet.types import RGB, FlowField
from gfsalnet.video.files import natural_key


class PrecomputedFlow:
    """A folder of .flo files in the place of an estimator, for one video.

    In natural order (2 before 10) the first file leads from the first frame to the second, as Middlebury and Sintel
    count; a video of N frames needs N - 1 files; surplus files are ignored. Files are found by the index of the frame,
    which only `FlowStream` knows: two frames alone do not tell which file is theirs.

    Args:
        folder: holds files `*.flo` of one size, which may differ from that of the frames.

    Raises:
        SourceError: if there is no such folder, or no readable .flo file in it.
    """

    name = "folder"

    def __init__(self, folder: str | Path | None = None) -> None:
        if folder is None:
            raise SourceError("flow folder", "is not given", "Name it after a colon, as in folder:DIR.")
        self.folder = Path(folder)
        self._files = sorted(self.folder.glob("*.flo"), key=natural_key)
        if not self._files:
            raise SourceError(folder, "holds no .flo files", "Give the folder with the .flo files of this video.")
        self._size_hw = flo_size_hw(self._files[0])

    @property
    def settings(self) -> dict[str, Any]:
        """`folder`."""
        return {"folder": str(self.folder)}

    @property
    def version(self) -> str:
        """A hash of the names, lengths and times of the files."""
        about = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self._files]
        return f"{len(about)} files {blake2b(repr(about).encode(), digest_size=8).hexdigest()}"

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        """The size of the files, whatever that of the frames."""
        return self._size_hw

    def leading_to(self, frame_index: int) -> FlowField:
        """The flow from the frame before to this one; vectors that the file marks as unknown are zero.

        Args:
            frame_index: 0-based, of the later frame: at least 1.

        Raises:
            SourceError: if there are too few files, or this one is damaged or of another size.
            GFSalNetError: if the index is that of a first frame, which no flow leads to.
        """
        if frame_index < 1:
            raise self._needs_a_video()
        if frame_index > len(self._files):
            problem = f"ends with the flow to frame {len(self._files)}, and there is a frame {frame_index}"
            raise SourceError(self.folder, problem, "Compute the flow of the whole video, or set --max-frames.")
        path = self._files[frame_index - 1]
        field = read_flo(path)
        if field.size_hw != self._size_hw:
            problem = f"is {field.size_hw[::-1]} in width and height, the first file {self._size_hw[::-1]}"
            raise SourceError(path, problem, "Compute the flow of one video at one size.")
        # Middlebury marks unknown vectors by values above 1e9.
        unknown = (np.abs(field.flow_pixels) > UNKNOWN_PIXELS).any(2, keepdims=True)
        return FlowField(np.where(unknown, np.float32(0), field.flow_pixels))

    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        """Always refused: two frames alone do not tell which file is theirs.

        Raises:
            GFSalNetError: always.
        """
        raise self._needs_a_video()

    def _needs_a_video(self) -> GFSalNetError:
        remedy = "Predict one video with it; name an estimator, such as dis, to train or to prepare a dataset."
        return GFSalNetError(self.folder, "holds flow by the number of the frame, which is not known here", remedy)
