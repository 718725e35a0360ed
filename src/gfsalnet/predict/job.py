"""One source: decode ‖ predict ‖ write, frame by frame, in bounded memory."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias, TypeVar

from gfsalnet.device import threads
from gfsalnet.errors import OutputError
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import StageSeconds, read_ahead
from gfsalnet.predict.description import Outcome, outcome_of, request_of, summary_of
from gfsalnet.predict.folders import (
    ALL_OUTPUTS,
    PIECES_FOLDER,
    claimed_folder,
    folder_for,
    is_of_other_request,
    missing_outputs,
)
from gfsalnet.predict.listed import Listed
from gfsalnet.predict.settings import Settings
from gfsalnet.render import open_sinks
from gfsalnet.report import page_sink
from gfsalnet.stopping import handled_by
from gfsalnet.store import ResultFolder
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoReader, open_source, prefetch

log = logging.getLogger(__name__)

T = TypeVar("T")
OnFrame = Callable[[str, int, "int | None"], None]
"""Called with the source, its frames that are done and, if known, the frames to do."""
Stream: TypeAlias = "Callable[[Iterable[Frame], StageSeconds], Iterator[Prediction]]"
"""What makes predictions of frames: `SaliencyModel.stream`, or what stands for it."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A source whose results are claimed, and are to be made now."""

    model: SaliencyModel
    reader: VideoReader
    folder: ResultFolder
    words: tuple[str, ...]
    """The words of `--save` whose outputs are missing."""
    request: dict[str, Any]
    settings: Settings


def silent(source: str, done: int, expected: int | None) -> None:
    """Report nothing."""


def predict_source(
    model: SaliencyModel, source: str | Listed, settings: Settings, on_frame: OnFrame = silent
) -> Outcome:
    """Predict one source into a folder of its own, in one piece.

    Results that exist for the same model and settings are not made again. The outputs appear together when all are
    complete; `summary.json` is written last. In the folder of a `Listed` source, results of another request are
    replaced.

    Raises:
        SourceError: if the source cannot be read.
        OutputError: if a result cannot be written, the model has no gate or flow to save, or results of other
            settings are in the way.
        TakenError: an `OutputError` that says which other process is at work on the source.
    """

    def make(job: Job) -> bool:
        write_results(job, model.stream, on_frame)
        return True

    outcome = make_results(model, source, settings, make)
    assert outcome is not None
    return outcome


def make_results(
    model: SaliencyModel, source: str | Listed, settings: Settings, make: Callable[[Job], bool]
) -> Outcome | None:
    """Claim the results of a source and have them made, if they are not there; errors as `predict_source`.

    Args:
        model: what predicts.
        source: what the user typed.
        settings: how.
        make: ends with `write_results` and returns True; or writes nothing and returns False.

    Returns:
        what became of it; None if `make` has returned False.
    """
    began = time.monotonic()
    _require_saved_parts(model, settings.save)
    with open_for(str(source), settings) as reader:
        info = reader.info
        request = request_of(model, info, settings)
        # The folder of a listed source is its own, so results of another request in it are only out of date.
        own, overwrite = None, settings.overwrite
        if isinstance(source, Listed):
            source.require_unchanged(info)
            own = ResultFolder(source.folder)
            overwrite |= is_of_other_request(own, request)
        wanted = (settings.save, info.kind, request, overwrite)
        folder = own or folder_for(settings.output, info.name, request["source"])
        if not missing_outputs(folder, *wanted):  # also where nothing may be written
            log.info("%s: results of the same request are in %s", info.source, folder)
            return outcome_of(info.source, folder, began, redone=False)
        with claimed_folder(settings.output, info.name, request["source"], own) as folder:
            words = missing_outputs(folder, *wanted)  # fewer, if another process has just ended
            if words:
                chosen = replace(settings, overwrite=overwrite)
                job = Job(model=model, reader=reader, folder=folder, words=words, request=request, settings=chosen)
                if not make(job):
                    return None
            return outcome_of(info.source, folder, began, redone=bool(words))


def write_results(job: Job, stream: Stream, on_frame: OnFrame) -> None:
    """Predict the frames of a source, write all that is asked for, and then the summary.

    Args:
        job: what is to be made.
        stream: makes the predictions.
        on_frame: called after each frame.
    """
    folder, settings = job.folder, job.settings
    # Outputs that are not asked for stay only where a summary says that they are of this request.
    keep = ALL_OUTPUTS if folder.summary() is not None and not settings.overwrite else ()
    with folder.outputs({*ALL_OUTPUTS, PIECES_FOLDER}, keep) as hidden:
        seconds, notes = _run(job, stream, hidden, on_frame)
    summary = summary_of(job.reader, job.request, folder, seconds, notes)
    log.info("%s: %d frames, seconds by stage: %s", job.reader.info.source, summary["frames"], summary["seconds"])
    folder.finish({**summary, **({"config": settings.config} if settings.config else {})})


def open_for(source: str, settings: Settings) -> VideoReader:
    """Open a source as the settings say; errors as `open_source`."""
    return open_source(
        source,
        rate=settings.rate,
        folder_as=settings.folder_as,
        allow_playlists=settings.allow_playlists,
        start_seconds=settings.part_seconds[0],
        end_seconds=settings.part_seconds[1],
    )


def _require_saved_parts(model: SaliencyModel, save: tuple[str, ...]) -> None:
    for word, has_it in (("gate", model.has_gate), ("flow", model.computes_flow)):
        if word in save and not has_it:
            raise OutputError(word, f"{model.name} gives no {word}", "Save something else, or use a model that does")


def _run(job: Job, stream: Stream, folder: Path, on_frame: OnFrame) -> tuple[dict[str, float], list[str]]:
    """Decode and predict in threads of their own, write in this one.

    Frames of a live source that arrive while everything is busy are skipped, so that no delay builds up.

    Returns:
        the seconds spent in each stage, and notes on the outputs for the user.
    """
    reader, settings = job.reader, job.settings
    info, seconds, started = reader.info, {"read": 0.0, "write": 0.0}, time.perf_counter()
    # Of bars alone: the estimate may be wrong.
    expected = min((n for n in (info.estimated_frames, settings.max_frames) if n is not None), default=None)
    # Of a camera only the newest frame waits: a longer queue would be a delay.
    depth = 1 if info.is_live else read_ahead(info.size_wh)
    skip = (lambda: None) if info.is_live else None
    # `max_frames` limits what is read; a live source skips frames, so there it limits what is predicted (see below).
    wanted = reader if info.is_live else islice(reader, settings.max_frames)
    frames = prefetch(_clocked(wanted, seconds, "read"), depth, skip)
    # Standard input lies in a file as long as its reader is open, which is where its sinks end.
    again = None if info.is_live else partial(open_for, str(info.path or info.address or info.source), settings)
    page, done = partial(page_sink, model=job.model, part_seconds=settings.part_seconds), 0
    with (
        # The stages run beside each other: a pool in one of them would take the others' cores, and the flow of DIS
        # depends on the number of threads. Left last, when no stage runs any more.
        threads(1, torch=False),
        open_sinks(job.words, folder, info, look=settings.look, maps=settings.maps, reopen=again, page=page) as sink,
        closing(frames),
        closing(prefetch(stream(frames, seconds), depth)) as predictions,
    ):
        for prediction in islice(_until_interrupted(predictions, info.is_live), settings.max_frames):
            began = time.perf_counter()
            sink.write(prediction)
            seconds["write"] += time.perf_counter() - began
            done += 1
            on_frame(info.source, done, expected)
    reader.report.frames_skipped = reader.report.frames_read - done  # including frames that were still queued at Ctrl-C
    return {**seconds, "total": time.perf_counter() - started}, sink.notes


def _clocked(items: Iterable[T], seconds: dict[str, float], stage: str) -> Iterator[T]:
    iterator = iter(items)
    while True:
        began = time.perf_counter()
        try:
            item = next(iterator)
        except StopIteration:
            return
        finally:
            seconds[stage] += time.perf_counter() - began
        yield item
        # Not held while the next one is made.
        del item


def _until_interrupted(predictions: Iterable[Prediction], live: bool) -> Iterator[Prediction]:
    """A camera has no end, so Ctrl-C ends it normally: what has been predicted is kept.

    While a prediction is being written Ctrl-C waits, so that it is in all outputs or in none.
    """
    if not live or threading.current_thread() is not threading.main_thread():
        yield from predictions
        return
    seen = writing = enough = False

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal enough
        enough = True
        if not writing:
            # Between predictions the wait for the next one is broken off at once.
            raise KeyboardInterrupt

    with handled_by(on_interrupt):
        try:
            for prediction in predictions:
                writing = True
                yield prediction
                writing, seen = False, True
                if enough:
                    return
        except KeyboardInterrupt:
            if not seen:
                raise
