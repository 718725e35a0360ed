"""A long video: its segments are predicted wherever there are processes, and its results written here as they come."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from gfsalnet.files import output_errors, remove
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import StageSeconds
from gfsalnet.predict.description import Outcome
from gfsalnet.predict.folders import PIECES_FOLDER
from gfsalnet.predict.job import Job, OnFrame, make_results, silent, write_results
from gfsalnet.predict.listed import Listed
from gfsalnet.predict.pieces import SegmentTask, join, piece_names, predict_segment
from gfsalnet.predict.segments import OnePieceError, plan_segments, warmed_longer
from gfsalnet.predict.settings import Settings
from gfsalnet.types import Frame, Prediction

log = logging.getLogger(__name__)

RunSegments = Callable[[Sequence[SegmentTask]], Iterator[SegmentTask]]
"""Does tasks, in whatever order and processes, and yields each in the order given as soon as it is done. What is wrong
with one is raised in its place; when the iterator is closed, those that nobody has begun are given up."""
NEED_NO_PIXELS = frozenset({"maps", "png", "png16", "npz", "grey", "ffv1", "csv"})
"""The words of `--save` whose outputs are made of the maps alone."""


def one_after_the_other(model: SaliencyModel) -> RunSegments:
    """Do them in this process."""

    def run(tasks: Sequence[SegmentTask]) -> Iterator[SegmentTask]:
        for task in tasks:
            predict_segment(model, task)
            yield task

    return run


def predict_in_segments(
    model: SaliencyModel,
    source: str | Listed,
    settings: Settings,
    run_segments: RunSegments | None = None,
    on_frame: OnFrame = silent,
) -> Outcome | None:
    """`predict_source` for a long video, whose segments may be predicted by several processes: the same results.

    Pieces that an earlier run has finished before it was killed are not made again; they lie in a hidden folder beside
    the results, which goes when these are complete.

    Args:
        model: as those have it that predict the segments.
        source: what the user typed.
        settings: how.
        run_segments: predicts segments; None: in this process.
        on_frame: called after each frame that is written.

    Returns:
        what became of it; None if it has to be predicted in one piece: nothing is left of the attempt.

    Raises:
        SourceError, OutputError, TakenError: as `predict_source`.
    """
    run = one_after_the_other(model) if run_segments is None else run_segments
    return make_results(model, source, settings, lambda job: _make(job, run, on_frame))


def _make(job: Job, run_segments: RunSegments, on_frame: OnFrame) -> bool:
    pieces = job.folder.path / PIECES_FOLDER
    try:
        # Pieces lie in the folder of the results: claimed with it, on its disk, and removed with what is stale in it.
        tasks = _tasks(job, pieces)
        write_results(job, partial(_stream, job, tasks, run_segments), on_frame)
    except OnePieceError as error:
        log.info("%s", error)
        with suppress(OSError):
            remove(pieces)
        return False
    return True


def _tasks(job: Job, pieces: Path) -> list[SegmentTask]:
    info, settings = job.reader.info, job.settings
    planned = plan_segments(job.model, info, settings.part_seconds, settings.max_frames)
    if not planned or info.path is None:
        raise OnePieceError(info.source, "cannot be predicted in segments")
    name = piece_names(job.request, job.words)
    with output_errors(pieces):
        pieces.mkdir(exist_ok=True)
        # The part of the name that tells requests apart; the rest is the place in the video.
        kind = name(planned[0]).partition("-")[0]
        for other in pieces.iterdir():
            if not other.name.startswith(kind):  # of another request
                remove(other)
    return [
        SegmentTask(source=info.source, path=info.path, segment=segment, words=job.words, piece=pieces / name(segment))
        for segment in planned
    ]


def _stream(
    job: Job, tasks: Sequence[SegmentTask], run_segments: RunSegments, frames: Iterable[Frame], seconds: StageSeconds
) -> Iterator[Prediction]:
    # A piece appears whole, so one that is there is done, by whatever run.
    missing = [task for task in tasks if not task.piece.is_file()]
    made_now = {task.segment.number for task in missing}
    width, height = job.reader.info.size_wh
    needs_pixels = not NEED_NO_PIXELS.issuperset(job.words)
    # Closed however the block is left, which gives up the segments that nobody has begun.
    with closing(run_segments(missing)) as made:  # type: ignore[type-var]  # a generator
        done = _in_order(tasks, made_now, made)
        again = partial(_again, tasks, piece_names(job.request, job.words), run_segments)
        for prediction in join(done, again, iter(frames) if needs_pixels else None, (height, width), seconds):
            # Where pixels are needed the reader counts them itself.
            job.reader.report.frames_read += not needs_pixels
            yield prediction


def _in_order(tasks: Sequence[SegmentTask], made_now: set[int], made: Iterator[SegmentTask]) -> Iterator[SegmentTask]:
    for number, task in enumerate(tasks):
        if number in made_now:
            # Blocks until this segment is done; later ones may be done already.
            next(made)
        _require_room(task, len(tasks) - number - 1)
        yield task


def _require_room(task: SegmentTask, left: int) -> None:
    """Pieces take more room than most results do; where there is none, there may be enough for one piece."""
    if shutil.disk_usage(task.piece.parent).free < task.piece.stat().st_size * left:
        raise OnePieceError(task.source, "the disk has no room for its segments")


def _again(
    tasks: Sequence[SegmentTask], name: Callable[..., str], run_segments: RunSegments, task: SegmentTask
) -> SegmentTask:
    """The task with a warm-up over twice as many segments as before, up to all that lie before it."""
    segments = [other.segment for other in tasks[: task.segment.number]]
    # How many whole segments it was warmed up with: 0 at first, then 1, 2, 4, …
    warmed_by = sum(segment.seen_from >= task.segment.seen_from for segment in segments)
    if warmed_by == len(segments):
        raise OnePieceError(task.source, "its frames do not come out the same twice")
    longer = warmed_longer(task.segment, segments[-max(1, 2 * warmed_by) :])
    task = replace(task, segment=longer, piece=task.piece.with_name(name(longer)))
    if not task.piece.is_file():
        next(run_segments([task]))
    return task
