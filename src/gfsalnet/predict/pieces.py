"""The predictions of a segment in a file, until all of the video are there and the results can be written."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gfsalnet._version import __version__
from gfsalnet.device import threads
from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.formats.texts import parse_json
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import StageSeconds, read_ahead
from gfsalnet.predict.segments import OnePieceError, Segment
from gfsalnet.types import FlowField, Frame, Prediction
from gfsalnet.video import SpanReader, prefetch

log = logging.getLogger(__name__)

NEEDED_FOR = {
    "map_density": None,
    "map_appearance": {"csv", "report"},
    "map_gate": {"csv", "gate", "report"},
    "flow": {"flow"},
    "flow_against_scene": {"flow"},
}
"""What is stored of a prediction, and the words of `--save` that need it; None: all of them."""
_LONGEST_LINE = 2**16
"""Bytes: the line about a prediction has some hundred, so that a damaged piece is not searched for a line's end."""


@dataclass(frozen=True, kw_only=True)
class SegmentTask:
    """All that a process needs to predict a segment, but for the model; it can be pickled."""

    source: str
    """What the user typed."""
    path: Path
    """The file of the video."""
    segment: Segment
    words: tuple[str, ...]
    """Words of `--save`, which decide what is stored."""
    piece: Path
    """The file to write. It appears whole; where it is, the task is done."""


def piece_names(request: Mapping[str, Any], words: tuple[str, ...]) -> Callable[[Segment], str]:
    """Names of pieces: equal where the predictions are, so that a later run goes on from those of an earlier one.

    Args:
        request: what determines the results.
        words: of `--save`.
    """
    stored = [name for name, needing in NEEDED_FOR.items() if _is_needed(needing, words)]
    # Not the look, the form of maps or the part of the video: pieces hold predictions, from which those are made.
    about = [request["source"], request["model"], request["settings"]["rate"], __version__, stored]
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    return lambda segment: f"{key}-{segment.seen_from:08d}-{segment.first:08d}-{segment.end:08d}.piece"


def predict_segment(
    model: SaliencyModel, task: SegmentTask, on_frame: Callable[[int], None] = lambda done: None
) -> None:
    """Predict a segment of a video into a file: the unit of work in this process, in a pool and on a cluster.

    Args:
        model: the one that the segment was planned for.
        task: which segment, and where to.
        on_frame: called with the number of frames that are done.

    Raises:
        OnePieceError: if decoding meets anything that the file's index did not tell: what is wrong with a video is said
            by a run in one piece.
        SourceError: if the file cannot be opened any more.
        OutputError: if the piece cannot be written.
    """
    segment, done = task.segment, 0
    seconds: StageSeconds = {}
    # One frame more than is kept: it must come out as the segment before made it.
    first = segment.first - (not segment.begins)
    with (
        threads(1, torch=False),  # the flow of DIS depends on the number of threads
        output_errors(task.piece),
        written_whole(task.piece) as partial,
        partial.open("wb") as file,
        SpanReader(task.source, task.path, segment.span) as reader,
    ):
        # Decoding begins at a key frame, which may lie before the frame that the model is to begin with.
        frames = (frame for frame in reader if frame.index >= segment.seen_from)
        depth = read_ahead(reader.info.size_wh)
        with closing(prefetch(model.stream(prefetch(frames, depth), seconds), depth)) as predictions:
            for prediction in predictions:
                if prediction.frame_index >= first:
                    _append(file, prediction, task.words)
                    done += prediction.frame_index >= segment.first
                    on_frame(done)
                # The reader goes on for models that look ahead; what they say of those frames is the next segment's.
                if prediction.frame_index == segment.end - 1:
                    break
        report = reader.report
        if report.damage or report.notes or done != segment.end - segment.first:
            raise OnePieceError(task.source, report.damage or "its frames are not those that its index tells")
        file.write(json.dumps(seconds).encode() + b"\n")


Again = Callable[[SegmentTask], SegmentTask]
"""Does a task anew with a longer warm-up; what it returns is done."""


def join(
    tasks: Iterable[SegmentTask],
    again: Again,
    frames: Iterator[Frame] | None,
    size_hw: tuple[int, int],
    seconds: StageSeconds,
) -> Iterator[Prediction]:
    """The predictions of all frames, in order, of the pieces of segments that follow each other.

    Args:
        tasks: that are done, in order.
        again: for a segment that did not begin as the one before it had ended.
        frames: of the video, to be drawn on; None: their pixels are not needed, and are 0.
        size_hw: of the frames.
        seconds: where to add up those that each stage took, in all processes.

    Raises:
        OnePieceError: if a piece is damaged, the file has changed, or `again` cannot help.
    """
    # One zero seen as a whole picture: it takes no memory.
    nothing = np.broadcast_to(np.zeros((), np.uint8), (*size_hw, 3))
    last: _Stored | None = None
    for task in tasks:
        # All is compared: numbers, times, cuts, and every byte of the maps.
        while not task.segment.begins and last != next(_read(task, {}), None):
            log.info("%s: from frame %d on a longer warm-up is needed", task.source, task.segment.first)
            task = again(task)
        for stored in _read(task, seconds):
            if stored.index >= task.segment.first:
                black = Frame(nothing, stored.seconds, stored.index)
                frame = black if frames is None else next(frames, black)
                if frame.index != stored.index or (frames is not None and frame is black):
                    raise OnePieceError(task.source, "it has changed while it was predicted")
                yield stored.prediction(frame)
                last = stored


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """A prediction without its pixels."""

    index: int
    seconds: float
    starts_shot: bool
    carried: tuple[float, ...]
    arrays: dict[str, bytes]
    shapes: dict[str, tuple[int, ...]]

    def prediction(self, frame: Frame) -> Prediction:
        arrays: dict[str, Any] = {
            name: np.frombuffer(values, np.float32).reshape(self.shapes[name]) for name, values in self.arrays.items()
        }
        flows: dict[str, Any] = {
            name: FlowField(arrays.pop(name)) for name in ("flow", "flow_against_scene") if name in arrays
        }
        return Prediction(frame=frame, starts_shot=self.starts_shot, carried_seconds=self.carried, **arrays, **flows)


def _append(file: BinaryIO, prediction: Prediction, words: tuple[str, ...]) -> None:
    arrays = {name: _array(prediction, name) for name, needing in NEEDED_FOR.items() if _is_needed(needing, words)}
    kept = {name: values for name, values in arrays.items() if values is not None}
    about = {
        "index": prediction.frame_index,
        "seconds": prediction.time_seconds,
        "starts_shot": prediction.starts_shot,
        "carried": prediction.carried_seconds,
        "shapes": {name: values.shape for name, values in kept.items()},
    }
    file.write(json.dumps(about).encode() + b"\n")
    for values in kept.values():
        file.write(values.tobytes())


def _is_needed(needing: set[str] | None, words: tuple[str, ...]) -> bool:
    return needing is None or not needing.isdisjoint(words)


def _array(prediction: Prediction, name: str) -> NDArray[np.float32] | None:
    values = getattr(prediction, name)
    return values.flow_pixels if isinstance(values, FlowField) else values


def _read(task: SegmentTask, seconds: StageSeconds) -> Iterator[_Stored]:
    """The predictions of a piece, that of the frame before first, if there is one; then its seconds are added."""
    segment = task.segment
    with task.piece.open("rb") as file:
        for index in range(segment.first - (not segment.begins), segment.end):
            try:
                yield _stored(file, task.piece, index)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise OnePieceError(task.piece, "is damaged") from error
        for stage, spent in _line(file, task.piece).items():
            seconds[stage] = seconds.get(stage, 0.0) + spent


def _stored(file: BinaryIO, piece: Path, index: int) -> _Stored:
    about = _line(file, piece)
    shapes = {name: tuple(shape) for name, shape in about["shapes"].items()}
    arrays = {name: file.read(4 * math.prod(shape)) for name, shape in shapes.items()}
    is_whole = all(len(values) == 4 * math.prod(shapes[name]) for name, values in arrays.items())
    if about["index"] != index or not is_whole:
        raise ValueError("other frames than the name of the file says")
    return _Stored(
        index=index,
        seconds=about["seconds"],
        starts_shot=about["starts_shot"],
        carried=tuple(about["carried"]),
        arrays=arrays,
        shapes=shapes,
    )


def _line(file: BinaryIO, piece: Path) -> Any:
    try:
        return parse_json(file.readline(_LONGEST_LINE).decode("utf-8", "replace"), piece, OutputError)
    except OutputError as error:
        raise OnePieceError(piece, "is damaged") from error
