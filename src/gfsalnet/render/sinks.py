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

from gfsalnet.files import output_errors, write_png, written_whole
from gfsalnet.maps import resize_density, resize_map
from gfsalnet.render.overlay import Byte, as_bytes
from gfsalnet.render.stack import MapStack
from gfsalnet.render.statistics import FrameStatistics
from gfsalnet.types import Prediction

COLUMN_FORMATS = {
    "frame_index": "d",
    "time_seconds": ".6f",
    "peak_x": ".2f",
    "peak_y": ".2f",
    "entropy_bits": ".4f",
    "area_50_percent": ".6f",
    "motion_share": ".4f",
    "starts_shot": "d",
}
"""The columns of frames.csv, in order: fields of `FrameStatistics`; truth is 1 or 0, an unknown share an empty cell."""

Write = Callable[[Prediction], None]


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


def png_sink(path: Path) -> FileSink:
    """A folder of 8-bit grey maps `000000.png`, numbered by frame, at the frame's size, frame maximum = 255.

    A map without mass stays black.
    """
    return FileSink(path, _pngs(path))


def npz_sink(path: Path, map_size_hw: tuple[int, int] | None = None) -> FileSink:
    """An npz: `density` float32 (T, h, w), each summing to 1, and `time_seconds` float64 (T,).

    The maps are first written to a temporary file beside `path`: memory stays small, and the disk needs twice the room.

    Args:
        path: of the npz.
        map_size_hw: the h, w to resample to; None: the model's own.
    """
    return FileSink(path, _npz(path, map_size_hw))


def csv_sink(path: Path) -> FileSink:
    """One row of `FrameStatistics` per frame, with the columns of `COLUMN_FORMATS`."""
    return FileSink(path, _csv(path))


def grey_map(prediction: Prediction) -> Byte:
    """The density for looking at: (H, W) uint8 at the frame's size, maximum 255; all zero where it has no mass."""
    values = resize_map(prediction.map_density, prediction.frame.size_hw)
    peak = float(values.max())
    return as_bytes(cv2.convertScaleAbs(values, alpha=255 / peak if peak > 0 else 0))


@contextmanager
def _pngs(path: Path) -> Iterator[Write]:
    with written_whole(path) as partial:
        partial.mkdir()

        def write(prediction: Prediction) -> None:
            file = partial / f"{prediction.frame_index:06d}.png"
            # Frames without numbers of their own would silently overwrite each other.
            if file.exists():
                raise ValueError(f"there are two predictions of frame {prediction.frame_index}: number the frames")
            write_png(file, grey_map(prediction))

        yield write


@contextmanager
def _npz(path: Path, map_size_hw: tuple[int, int] | None) -> Iterator[Write]:
    with written_whole(path) as partial, TemporaryFile(dir=path.parent) as body:
        stack = MapStack(body)

        def write(prediction: Prediction) -> None:
            h, w = prediction.map_density.shape
            stack.append(resize_density(prediction.map_density, map_size_hw or (h, w)), prediction.time_seconds)

        yield write
        # After the last map: the npy header holds their number.
        stack.save(partial)


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMN_FORMATS)

        def write(prediction: Prediction) -> None:
            values = asdict(FrameStatistics.of(prediction))
            rows.writerow(
                "" if values[column] is None else format(values[column], spec)
                for column, spec in COLUMN_FORMATS.items()
            )

        yield write
