"""Pictures: one, or a sequence of them as the frames of a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import SourceError
from gfsalnet.types import RGB, Frame
from gfsalnet.video import heif
from gfsalnet.video.base import VideoReader
from gfsalnet.video.files import is_regular
from gfsalnet.video.folders import frame_positions
from gfsalnet.video.image_header import HEADER_BYTES, file_size_wh, header_size_wh, may_have_alpha
from gfsalnet.video.info import DEFAULT_RATE, Kind, VideoInfo, check_size
from gfsalnet.video.pictures import decoded, picture_bytes
from gfsalnet.video.pixels import over_black


def read_image(path: Path | str) -> RGB:
    """Decode an image file to (H, W, 3) uint8 RGB: upright by its EXIF tag, 16 bits cut to 8, alpha over black.

    Raises:
        SourceError: if the file is missing, empty, unreadable, no image, under 8×8 pixels, or larger than
            `max_pixels` (found out before decoding).
    """
    is_regular(str(path))
    return decode_image(path, picture_bytes(Path(path), SourceError))


def decode_image(path: Path | str, data: NDArray[np.uint8]) -> RGB:
    """The picture that the bytes of an image file hold, wherever they were read; errors as `read_image`.

    Args:
        path: what errors name.
        data: (N,) uint8, the whole file.
    """
    header = data[:HEADER_BYTES].tobytes()
    if (size_wh := header_size_wh(header)) is not None:
        check_size(path, size_wh)
    rgb = _read_heif(path, data) if heif.is_still(header) else _rgb(path, data, may_have_alpha(header))
    check_size(path, (rgb.shape[1], rgb.shape[0]))
    return rgb


def _rgb(path: Path | str, data: NDArray[np.uint8], may_have_alpha: bool, flags: int = cv2.IMREAD_COLOR) -> RGB:
    rgb = np.asarray(cv2.cvtColor(decoded(path, data, flags, SourceError), cv2.COLOR_BGR2RGB), dtype=np.uint8)
    if not may_have_alpha:
        return rgb
    stored = decoded(path, data, cv2.IMREAD_UNCHANGED, SourceError)
    if stored.ndim != 3 or stored.shape[2] != 4 or stored.shape[:2] != rgb.shape[:2]:
        return rgb
    # 16-bit alpha to 8 bits: 65535 / 257 = 255.
    alpha = stored[..., 3:] if stored.dtype == np.uint8 else (stored[..., 3:] // 257).astype(np.uint8)
    return over_black(np.concatenate([rgb, alpha], axis=2))


def _read_heif(path: Path | str, data: NDArray[np.uint8]) -> RGB:
    """AVIF by OpenCV; HEIC by pillow-heif, where that is installed."""
    still = heif.main_picture(data[: heif.HEAD_BYTES].tobytes())
    try:
        # The boxes say how it is turned; EXIF only repeats that, and would turn it twice.
        return still.upright(_rgb(path, data, True, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION))
    except SourceError:
        if data[8:12].tobytes() == b"avif":
            raise
    remedy = "Save it as PNG or JPEG"
    try:
        from pillow_heif import open_heif
    except ImportError:
        raise SourceError(
            path, "reading HEIC pictures needs the package pillow-heif", f"{remedy}, or: pip install pillow-heif"
        ) from None
    try:
        return np.asarray(open_heif(data.tobytes()).to_pillow().convert("RGB"), dtype=np.uint8)
    except (ValueError, OSError, EOFError, RuntimeError) as error:
        raise SourceError(path, f"it cannot be decoded ({error})", f"{remedy}.") from error


class StillsReader(VideoReader):
    """One picture, or a sequence of pictures of one size at a steady rate.

    Frames have the numbers in their files' names, counted from the first: see `frame_positions`. A picture of a
    sequence that cannot be decoded is skipped and counted as lost; the others keep their numbers and times.

    Raises:
        SourceError: if no picture can be decoded or two differ in size.
    """

    def __init__(self, source: str, name: str, paths: Sequence[Path], rate: Fraction | None, path: Path | None) -> None:
        kind: Kind = "image" if path is not None and path.is_file() else "frames"
        self._paths, self._kind = paths, kind
        # Headers alone, so that a wrong picture is found before hours of work and not in the middle of them.
        if kind == "frames":
            _check_header_sizes(source, paths)
        self._next = 0
        first = self._next_rgb(source)
        rate = rate or DEFAULT_RATE
        self._positions, note = frame_positions(paths)
        info = VideoInfo(
            source=source,
            name=name,
            path=path,
            size_wh=(first.shape[1], first.shape[0]),
            rate=rate,
            time_base=1 / rate,
            estimated_frames=len(paths),
            duration_seconds=float((self._positions[-1] + 1) / rate),
            has_audio=False,
            kind=kind,
        )
        super().__init__(info)
        if note is not None:
            self.report.notes.append(note)
        self._first: RGB | None = first

    def _next_rgb(self, source: str) -> RGB:
        """The first picture that can be read; `_next` is then the position of the one after it."""
        problem: SourceError | None = None
        while self._next < len(self._paths):
            self._next += 1
            try:
                return read_image(self._paths[self._next - 1])
            except SourceError as error:
                problem = problem or error
        if problem is not None and len(self._paths) == 1:
            raise SourceError(source, problem.problem, problem.remedy)
        raise SourceError(source, f"none of its {len(self._paths)} pictures can be read", f"The first says: {problem}")

    def frames(self) -> Iterator[Frame]:
        """The pictures in order."""
        if self._first is not None:
            # The picture decoded to learn the size is not decoded again, and not kept.
            first, self._first = self._first, None
            for lost in range(self._next - 1):
                self._count_lost(lost)
            yield self._frame(first, self._next - 1)
        while self._next < len(self._paths):
            position = self._next
            self._next += 1
            try:
                rgb = read_image(self._paths[position])
            except SourceError:
                self._count_lost(position)
                continue
            self._check_same_size(rgb, position)
            yield self._frame(rgb, position)

    def _frame(self, rgb: RGB, at: int) -> Frame:
        position = self._positions[at]
        frame = Frame(rgb, time_seconds=float(position / self.info.rate), index=position)
        self.report.frames_read += 1
        return frame

    def _count_lost(self, position: int) -> None:
        self.report.frames_lost += 1
        count = self.report.frames_lost
        name = self._paths[position].name
        self.report.damage = f"{name} cannot be read" if count == 1 else f"{count} pictures cannot be read"

    def _check_same_size(self, rgb: RGB, position: int) -> None:
        size_wh = (rgb.shape[1], rgb.shape[0])
        if size_wh != self.info.size_wh:
            raise _sizes_differ(self.info.source, self.info.size_wh, self._paths[position], size_wh)


def _check_header_sizes(source: str, paths: Sequence[Path]) -> None:
    """Find a picture of another size before any work is done; EXIF may yet swap width and height of some."""
    first: tuple[int, int] | None = None
    for path in paths:
        size_wh = file_size_wh(path)
        first = first or size_wh
        if first is not None and size_wh is not None and sorted(size_wh) != sorted(first):
            raise _sizes_differ(source, first, path, size_wh)


def _sizes_differ(source: str, first: tuple[int, int], path: Path, size_wh: tuple[int, int]) -> SourceError:
    return SourceError(
        source,
        f"its pictures differ in size: {first[0]}x{first[1]} first, then {size_wh[0]}x{size_wh[1]} in {path.name}",
        "Give pictures of one size, or --folder-as pictures to take each as an image of its own.",
    )
