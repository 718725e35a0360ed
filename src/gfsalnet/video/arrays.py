"""Frames from pictures in memory: arrays, PIL images, tensors, as one batch or one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.types import RGB, Frame
from gfsalnet.video.info import MIN_SIDE_PIXELS, rate_of_pictures

_WANTED = "give (H, W, 3) uint8 in RGB order, or (T, H, W, 3) for a video"


def frames_from(pictures: Any, rate: Fraction | float | None = None) -> Iterator[Frame]:
    """Number and time pictures that are in memory.

    Args:
        pictures: one of these, or an iterable of pictures of one or of several sizes:
            an array (H, W, 3) uint8 in RGB order, or (T, H, W, 3) for a video;
            a PIL image of any mode;
            a torch tensor (3, H, W), (T, 3, H, W) or with the channels last, uint8 or floats in 0…1;
            a `Frame`, with its number and time (see `numbered_frames`).
        rate: frames per second; 25 if None.

    Yields:
        frames with strictly increasing numbers and times. Iterables are read one picture at a time.

    Raises:
        ValueError: if a picture has another shape or type or is smaller than 8x8 pixels, or the rate is no finite
            number above 0.
        TypeError: if it is no picture and no iterable of pictures.
    """
    return _numbered(_one_by_one(pictures), rate_of_pictures(rate))


def numbered_frames(frames: Iterable[Frame], rate: Fraction | float | None = None) -> Iterator[Frame]:
    """Frames whose numbers and times increase strictly, so that no two predictions take one place.

    A number or time that does not go on from the frame before becomes the next: of frames made without them, as in
    `Frame(rgb)`, and of a second clip after a first.

    Args:
        frames: in order.
        rate: frames per second for times that are missing; 25 if None.

    Raises:
        ValueError: if the rate is no finite number above 0.
        TypeError: if an item is not a `Frame`; arrays go through `frames_from`.
    """
    return _numbered(frames, rate_of_pictures(rate))


def _numbered(frames: Iterable[Any], rate: Fraction) -> Iterator[Frame]:
    before: tuple[int, float] | None = None  # number and time, not the frame: its pixels would be held
    for frame in frames:
        if not isinstance(frame, Frame):
            hint = "use model.predict(...), which takes arrays, PIL images and tensors, or wrap each as Frame(array)"
            raise TypeError(f"frames must be Frame objects, not {type(frame).__name__}: {hint}")
        if before is not None:
            index = frame.index if frame.index > before[0] else before[0] + 1
            time_seconds = frame.time_seconds
            if time_seconds <= before[1]:
                time_seconds = before[1] + float(1 / rate)
            if (index, time_seconds) != (frame.index, frame.time_seconds):
                frame = replace(frame, index=index, time_seconds=time_seconds)
        before = frame.index, frame.time_seconds
        yield frame
        # Not held while the next one is made.
        del frame


def _one_by_one(pictures: Any) -> Iterator[Frame]:
    if isinstance(pictures, Frame):
        yield pictures
        return
    if isinstance(pictures, (str, bytes)):
        raise TypeError("pictures in memory are arrays, PIL images or tensors; a path is given as the only source")
    if not _is_picture(pictures):
        if not isinstance(pictures, Iterable):
            raise TypeError(f"{type(pictures).__name__} is no picture and no iterable of pictures: {_WANTED}")
        for picture in pictures:
            yield picture if isinstance(picture, Frame) else Frame(_as_rgb(picture))
        return
    values = _as_array(pictures)
    if values.ndim == 4:
        yield from (Frame(_checked(rgb)) for rgb in values)
    else:
        yield Frame(_checked(values))


def _is_picture(value: Any) -> bool:
    return isinstance(value, np.ndarray) or _is_tensor(value) or _is_pil(value)


def _is_tensor(value: Any) -> bool:
    """Duck-typed, so that torch need not be installed."""
    return all(hasattr(value, name) for name in ("detach", "cpu", "numpy", "dtype"))


def _is_pil(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("convert", "getbands", "size"))


def _as_rgb(picture: Any) -> RGB:
    if not _is_picture(picture):
        raise TypeError(f"{type(picture).__name__} is no picture: {_WANTED}")
    return _checked(_as_array(picture))


def _as_array(picture: Any) -> NDArray[Any]:
    """Channels last; a tensor's floats in 0…1 become uint8."""
    if _is_pil(picture):
        return np.asarray(picture.convert("RGB"))
    if not _is_tensor(picture):
        return np.asarray(picture)
    values = np.asarray(picture.detach().cpu().numpy())
    # A (3, H, 3) tensor is ambiguous and taken as channels first, as torch has it.
    if values.ndim in (3, 4) and values.shape[-3] == 3:  # torch's own order: (3, H, W)
        values = np.moveaxis(values, -3, -1)
    if np.issubdtype(values.dtype, np.floating):
        if not (values.size and np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise ValueError(
                "a tensor of floats must hold 0…1, before any normalisation by mean and standard deviation"
            )
        values = np.rint(values * 255).astype(np.uint8)
    return values


def _checked(values: NDArray[Any]) -> RGB:
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] != 3 or min(values.shape) == 0:
        raise ValueError(f"a picture of shape {values.shape} and type {values.dtype} is not understood: {_WANTED}")
    height, width, _ = values.shape
    if min(height, width) < MIN_SIDE_PIXELS:  # as files are held to
        least = f"{MIN_SIDE_PIXELS}x{MIN_SIDE_PIXELS}"
        raise ValueError(f"a picture of {width}x{height} pixels is too small: give one of at least {least}")
    # OpenCV and FFmpeg need contiguous memory; slices and transposed arrays are copied.
    return np.ascontiguousarray(values)
