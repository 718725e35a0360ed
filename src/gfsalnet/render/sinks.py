"""Sinks: `with csv_sink(path) as sink: sink.write(prediction)`, one per kind of file; videos and stills are in `drawn`.

The body of each is a generator that opens its file, yields the function that writes one prediction, and closes the file
when the block is left. A file appears under its name when the block ends well; on any exception nothing is left.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.choices import MapValues
from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors, write_png, written_whole
from gfsalnet.maps import Map, resize_density, resize_map
from gfsalnet.render.colours import Byte, as_bytes
from gfsalnet.render.look import MapForm, stored_values
from gfsalnet.render.stack import MapStack
from gfsalnet.render.statistics import FrameStatistics
from gfsalnet.types import Prediction
from gfsalnet.video import LosslessGreyWriter, VideoInfo

COLUMN_FORMATS = {
    "frame_index": "d",
    "time_seconds": ".6f",
    "peak_x": ".2f",
    "peak_y": ".2f",
    "entropy_bits": ".4f",
    "area_50_percent": ".6f",
    "motion_share": ".4f",
    "starts_shot": "d",
    "area_90_percent": ".6f",
    "centroid_x": ".2f",
    "centroid_y": ".2f",
    "centroid_drift_pixels": ".3f",
    "motion_change": ".4f",
    "shot_cut": "d",
}
"""The columns of frames.csv, in order: fields of `FrameStatistics`; truth is 1 or 0, what is unknown an empty cell."""

Write = Callable[[Prediction], None]
Integers = NDArray[np.uint16]


class Sink(Protocol):
    """Takes the predictions of one source, in order."""

    @property
    def notes(self) -> list[str]:
        """Messages on what the files lack, such as sound that could not be copied; complete at the end."""

    def write(self, prediction: Prediction) -> None:
        """Add one prediction.

        Raises:
            OutputError: if it cannot be written.
            ValueError: if the maps changed in size.
        """


class FileSink:
    """A sink for one path; its own errors, and only those, become `OutputError`s that name the path."""

    _write: Write

    def __init__(self, path: Path, body: AbstractContextManager[Write], notes: list[str] | None = None) -> None:
        self.path = path
        self.notes = [] if notes is None else notes  # shared with the body, which fills it
        self._body = body

    def __enter__(self) -> Sink:
        with output_errors(self.path):
            self._write = self._body.__enter__()
        return self

    def write(self, prediction: Prediction) -> None:
        """Add one prediction: see `Sink.write`."""
        with output_errors(self.path):
            self._write(prediction)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with output_errors(self.path):
            self._body.__exit__(kind, error, trace)


def png_sink(path: Path, values: MapValues = "frame", bits: int = 8, video_peak: float | None = None) -> FileSink:
    """A folder of grey maps `000000.png`, numbered by frame, at the frame's size.

    Args:
        path: of the folder.
        values: what the numbers mean: see `stored_values`; by `frame` the frame's maximum is 255.
        bits: 8 or 16.
        video_peak: see `stored_values`.
    """
    return FileSink(path, _pngs(path, values, bits, video_peak))


def npz_sink(path: Path, form: MapForm | None = None, video_peak: float | None = None) -> FileSink:
    """An npz with one array of maps (T, h, w), and `time_seconds` float64 (T,).

    The array is `density`, each map summing to 1; or `log_density`, its natural logarithm; or `saliency`, the density
    divided by the maximum of the frame or the video.

    The maps are first written to a temporary file beside `path`: memory stays small, and the disk needs twice the room.

    Args:
        path: of the npz.
        form: size, meaning and precision.
        video_peak: see `stored_values`.
    """
    return FileSink(path, _npz(path, form or MapForm(), video_peak))


def ffv1_sink(path: Path, info: VideoInfo, form: MapForm | None = None, video_peak: float | None = None) -> FileSink:
    """A Matroska video of 16-bit grey maps without loss (FFV1), at the size of the maps.

    Args:
        path: of the video.
        info: of the source.
        form: size and meaning.
        video_peak: see `stored_values`.
    """
    return FileSink(path, _ffv1(path, info, form or MapForm(), video_peak))


def csv_sink(path: Path) -> FileSink:
    """One row of `FrameStatistics` per frame, with the columns of `COLUMN_FORMATS`."""
    return FileSink(path, _csv(path))


def grey_map(prediction: Prediction, values: MapValues = "frame", video_peak: float | None = None) -> Byte:
    """The map for looking at: (H, W) uint8 at the frame's size, its numbers 255 × `stored_values`."""
    return as_bytes(cv2.convertScaleAbs(_at_frame_size(prediction, values, video_peak), alpha=255))


def grey_map_16(prediction: Prediction, values: MapValues = "frame", video_peak: float | None = None) -> Integers:
    """`grey_map` with numbers up to 65535, (H, W) uint16."""
    return np.asarray(np.rint(_at_frame_size(prediction, values, video_peak) * np.float32(65535)), np.uint16)


def _at_frame_size(prediction: Prediction, values: MapValues, video_peak: float | None) -> Map:
    size_hw = prediction.frame.size_hw
    if values == "frame":  # the maximum is that of the picture: interpolation loses some of the map's
        return stored_values(resize_map(prediction.map_density, size_hw), values)
    return resize_map(stored_values(prediction.map_density, values, video_peak), size_hw)


@contextmanager
def _pngs(path: Path, values: MapValues, bits: int, video_peak: float | None) -> Iterator[Write]:
    as_grey = grey_map if bits == 8 else grey_map_16
    with written_whole(path) as partial:
        partial.mkdir()

        def write(prediction: Prediction) -> None:
            file = partial / f"{prediction.frame_index:06d}.png"
            # Frames without numbers of their own would silently overwrite each other.
            if file.exists():
                raise ValueError(f"there are two predictions of frame {prediction.frame_index}: number the frames")
            write_png(file, as_grey(prediction, values, video_peak))

        yield write


FINEST_HALF_DENSITY = 1 << 17
"""Pixels of the largest density that half precision can hold: there an even spread is 128 of its smallest steps."""


@contextmanager
def _npz(path: Path, form: MapForm, video_peak: float | None) -> Iterator[Write]:
    values = form.values or "density"
    name = {"density": "density", "log": "log_density"}.get(values, "saliency")
    with written_whole(path) as partial, TemporaryFile(dir=path.parent) as body:
        stack = MapStack(body, name, form.precision)

        def write(prediction: Prediction) -> None:
            h, w = form.size_hw or prediction.map_density.shape
            density = resize_density(prediction.map_density, (h, w))
            # The smallest normal number in place of 0, which has no logarithm.
            if values == "log":
                stored = np.log(np.maximum(density, np.finfo(np.float32).tiny))
            elif values == "density":
                if form.precision == "float16" and density.size > FINEST_HALF_DENSITY:
                    remedy = "Ask for smaller maps (--map-size), float32, or the logarithm (--map-values log)"
                    raise OutputError(path, f"half precision is too coarse for densities of {w}x{h} pixels", remedy)
                stored = density
            else:
                stored = stored_values(density, values, video_peak)
            stack.append(stored, prediction.time_seconds)

        yield write
        # After the last map: the npy header holds their number.
        stack.save(partial)


@contextmanager
def _ffv1(path: Path, info: VideoInfo, form: MapForm, video_peak: float | None) -> Iterator[Write]:
    with written_whole(path) as partial, LosslessGreyWriter(partial, info.rate) as writer:

        def write(prediction: Prediction) -> None:
            density = prediction.map_density
            if form.size_hw is not None:
                density = resize_density(density, form.size_hw)
            numbers = stored_values(density, form.values or "frame", video_peak) * np.float32(65535)
            writer.write(np.rint(numbers).astype(np.uint16), prediction.time_seconds - info.start_seconds)

        yield write


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        # The csv module would end lines as Windows does, on every system.
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMN_FORMATS)

        before: FrameStatistics | None = None

        def write(prediction: Prediction) -> None:
            nonlocal before
            before = FrameStatistics.of(prediction, before)
            values = asdict(before)
            rows.writerow(
                "" if values[column] is None else format(values[column], spec)
                for column, spec in COLUMN_FORMATS.items()
            )

        yield write
