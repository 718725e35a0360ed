"""What is scaled by the maximum of a whole video: the maps wait on the disk until it is known, then all is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np

from gfsalnet.errors import SourceError
from gfsalnet.maps import Map
from gfsalnet.render.drawn import Rendering
from gfsalnet.render.sinks import FileSink, Write
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoInfo, VideoReader

Reopen = Callable[[], VideoReader]


@dataclass(frozen=True)
class _Waiting:
    """A prediction without its pixels and maps."""

    index: int
    time_seconds: float
    starts_shot: bool
    shape: tuple[int, ...]
    has_gate: bool


def deferred_sink(
    folder: Path,
    info: VideoInfo,
    rendering: Rendering,
    reopen: Reopen | None,
    open_sinks: Callable[[Rendering], list[FileSink]],
) -> FileSink:
    """A sink that reads the source a second time at its end, and then writes to others, which know the video's maximum.

    Args:
        folder: where the maps wait, in a file that has no name.
        info: of the source.
        rendering: without the maximum.
        reopen: opens the source again.
        open_sinks: what is written to.

    Raises:
        SourceError: if the source cannot be read twice.
    """
    if reopen is None:
        raise SourceError(
            info.source,
            "scaling by the maximum of the video needs its end, and this source can be read only once",
            "Choose --scale absolute and --map-values frame, or store it in a file first",
        )
    notes: list[str] = []
    return FileSink(folder, _deferred(folder, rendering, reopen, open_sinks, notes), notes)


@contextmanager
def _deferred(
    folder: Path,
    rendering: Rendering,
    reopen: Reopen,
    open_sinks: Callable[[Rendering], list[FileSink]],
    notes: list[str],
) -> Iterator[Write]:
    waiting: list[_Waiting] = []
    peak = 0.0
    with TemporaryFile(dir=folder) as stored:

        def write(prediction: Prediction) -> None:
            nonlocal peak
            density, gate = prediction.map_density, prediction.map_gate
            # Relative to an even spread, so that it holds for maps of any size.
            peak = max(peak, float(density.max()) * density.size)
            for values in (density, gate):
                if values is not None:
                    stored.write(values.tobytes())
            waiting.append(
                _Waiting(
                    prediction.frame_index,
                    prediction.time_seconds,
                    prediction.starts_shot,
                    density.shape,
                    gate is not None,
                )
            )

        yield write
        # The end of the first reading: from here on the maximum is known.
        stored.seek(0)
        with ExitStack() as stack:
            sinks = [stack.enter_context(sink) for sink in open_sinks(replace(rendering, video_peak=peak))]
            for prediction in _predictions(waiting, stored, reopen):
                for sink in sinks:
                    sink.write(prediction)
    notes.extend(note for sink in sinks for note in sink.notes)


def _predictions(waiting: list[_Waiting], stored: IO[bytes], reopen: Reopen) -> Iterator[Prediction]:
    """The same predictions with the frames of a second reading."""
    with reopen() as reader:
        frames = iter(reader)
        for one in waiting:
            density = _read(stored, one.shape)
            gate = _read(stored, one.shape) if one.has_gate else None
            # Frames that were skipped in the first reading are skipped again.
            rgb = next(frame.rgb for frame in frames if frame.index == one.index)
            frame = Frame(rgb, one.time_seconds, one.index)
            yield Prediction(frame=frame, map_density=density, map_gate=gate, starts_shot=one.starts_shot)


def _read(stored: IO[bytes], shape: tuple[int, ...]) -> Map:
    count = int(np.prod(shape))
    return np.frombuffer(stored.read(4 * count), np.float32).reshape(shape)
