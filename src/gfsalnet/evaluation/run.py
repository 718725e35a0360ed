"""Scores every video of a split, in this process or in workers; finished videos are not scored again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import as_completed
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from gfsalnet._version import __version__
from gfsalnet.device import cores, settle_memory, threads
from gfsalnet.errors import DatasetError, GFSalNetError
from gfsalnet.evaluation.floor import OtherVideos
from gfsalnet.evaluation.map_files import as_map_source
from gfsalnet.evaluation.report import Report, make_report
from gfsalnet.evaluation.report_files import write_report
from gfsalnet.evaluation.scoring import VideoScores, score_video
from gfsalnet.evaluation.settings import EvaluationSettings
from gfsalnet.evaluation.sources import MapSource
from gfsalnet.evaluation.store import Store
from gfsalnet.files import as_stored
from gfsalnet.gaze import GazeDataset
from gfsalnet.gaze.check import doubts_of
from gfsalnet.store import claimed
from gfsalnet.unexpected import one_line
from gfsalnet.workers import NewPool, WorkerError, WorkerPool, result_of

if TYPE_CHECKING:
    from gfsalnet.models import SaliencyModel

OnVideo = Callable[[str, int, int], None]
"""Called with the stage (`gaze` or `scores`), the videos that are done and the videos of the split."""


@dataclass(frozen=True)
class _Job:
    """Everything a process needs; pickled once for each worker."""

    dataset: GazeDataset
    source: MapSource
    others: OtherVideos
    settings: EvaluationSettings
    refused: Mapping[str, str]
    """Video → why it is not scored."""

    def run(self, video: str) -> VideoScores | str:
        """Score a video, or return the reason why it cannot be scored."""
        if video in self.refused:
            return self.refused[video]
        try:
            return score_video(self.dataset, self.source, self.others, self.settings, video)
        except Exception as error:  # one bad video must not stop the others
            return one_line(video, error)


def evaluate(
    dataset: GazeDataset,
    source: MapSource | SaliencyModel | str | Path,
    settings: EvaluationSettings | None = None,
    output: Path | str | None = None,
    *,
    workers: int = 0,
    on_video: OnVideo = lambda what, done, total: None,
    config: Mapping[str, Any] | None = None,
    new_pool: NewPool = WorkerPool,
) -> Report:
    """Score a source of maps on a split, and write the report into a folder.

    Videos that fail are left out, named in the report, and tried again by the next run into the same folder.

    Args:
        dataset: a split.
        source: a model; the name or folder of one; a folder of maps; or any other `MapSource`.
        settings: how to score; None: the defaults of `EvaluationSettings`.
        output: the folder for results, which may hold those of an earlier run of the same request; None: none is kept.
        workers: processes; 0 scores in this one. The numbers do not depend on it.
        on_video: called with the progress.
        config: the configuration file that decided some of this, and what it decided: JSON values, for the report.
        new_pool: starts the processes, on this machine or others that see the same files; where they are many, 0
            workers are as many as there is room for.

    Raises:
        OutputError: if the folder cannot be written, holds results of another request, or another process is at work
            on it.
        DatasetError: if no video of the split could be scored, or its gaze cannot be in the right units.
        GFSalNetError: if the model cannot be loaded.
    """
    # By way of a folder in any case: scores of videos are stored in it and read back.
    if output is None:
        with TemporaryDirectory(prefix="gfsalnet-") as folder:
            return evaluate(
                dataset,
                source,
                settings,
                folder,
                workers=workers,
                on_video=on_video,
                config=config,
                new_pool=new_pool,
            )
    source, settings, output = as_map_source(source), settings or EvaluationSettings(), Path(output)
    is_alone = workers == 0 and new_pool is WorkerPool
    run = _in_this_process if is_alone else partial(_in_workers, workers=workers, new_pool=new_pool)
    with claimed(output, dataset.name, inside=True):
        return _evaluate(dataset, source, settings, Path(output), run, on_video, config)


def _evaluate(
    dataset: GazeDataset,
    source: MapSource,
    settings: EvaluationSettings,
    output: Path,
    run: _Run,
    on_video: OnVideo,
    config: Mapping[str, Any] | None,
) -> Report:
    # Before the gaze is read: results of another request in the folder are refused at once.
    request = _request(dataset, source, settings)
    store = Store(output, request)
    others = OtherVideos.learn(dataset, settings, lambda done, total: on_video("gaze", done, total))
    refused = _refused(dataset, others)
    job = _Job(dataset, source, others, settings, refused)
    scored, failed = _score_all(job, store, run, lambda done: on_video("scores", done, len(dataset.videos)))
    report = make_report(request, source.name, settings, scored, failed, dataset.remarks())
    report = replace(report, config=config)
    if not report.videos:
        reasons = [*failed.values(), *(note for video in scored for note in video.notes)]
        reason = next(iter(reasons), "there is no frame with both a fixation and a map")
        problem = f"none of its {len(dataset.videos)} videos could be scored; the first: {reason.rstrip('.')}"
        raise DatasetError(f"{dataset.name} {dataset.split}", problem, "See what `gfsalnet dataset check` says")
    write_report(report, output)
    return report


def _refused(dataset: GazeDataset, others: OtherVideos) -> dict[str, str]:
    """Videos whose gaze cannot be in the right units, and why: numbers from it would be nonsense."""
    # Gaze after the end of a cut video, and a viewer who looks at one point all the time, are noted but scored.
    doubts = doubts_of(others.qualities, but=("late", "alike"))
    remedy = "Mend the gaze; `gfsalnet dataset check` shows whether it is right"
    if doubts.whole:
        raise DatasetError(f"{dataset.name} {dataset.split}", "; ".join(doubts.whole), remedy)
    return {video: str(DatasetError(video, "; ".join(texts), remedy)) for video, texts in doubts.videos.items()}


def _request(dataset: GazeDataset, source: MapSource, settings: EvaluationSettings) -> dict[str, Any]:
    # Their names too: a dataset with one video in place of another has the same number.
    videos = hashlib.sha256("\n".join(dataset.videos).encode()).hexdigest()[:16]
    request = {
        "dataset": {
            "name": dataset.name,
            "root": str(dataset.root.resolve()),
            "split": dataset.split,
            "videos": len(dataset.videos),
            "videos_sha256": videos,
        },
        "source": source.describe(),
        "settings": asdict(settings),
        "gfsalnet": __version__,
    }
    # As JSON gives it back, so that it compares equal with what an earlier run has written.
    return as_stored(request)


def _score_all(
    job: _Job, store: Store, run: _Run, on_done: Callable[[int], None]
) -> tuple[list[VideoScores], dict[str, str]]:
    """Scores in the dataset's order, and what was wrong with the videos that have none."""
    videos, failed = job.dataset.videos, dict[str, str]()
    # Of all videos before any is scored: maps that are written meanwhile are newer than what was scored.
    identities = {video: _identity(job, video) for video in videos}
    done = {}
    for position, video in enumerate(videos):
        earlier = store.scores(position, video, identities[video])
        if earlier is not None:
            done[video] = earlier
    to_do = [video for video in videos if video not in done]
    if to_do:
        store.reopen()
    on_done(len(done))
    positions = {video: position for position, video in enumerate(videos)}
    # Closed even if a score cannot be stored: the source then gives back its threads, and workers end.
    with closing(run(job, to_do)) as results:
        for video, result in results:
            if isinstance(result, str):
                failed[video] = result
                store.forget_scores(positions[video])
            else:
                store.keep_scores(positions[video], result, identities[video])
                done[video] = result
            on_done(len(done) + len(failed))
    return [done[video] for video in videos if video in done], {v: failed[v] for v in videos if v in failed}


def _identity(job: _Job, video: str) -> dict[str, Any]:
    """What must be unchanged for the scores of an earlier run to count."""
    try:
        maps = job.source.identity(job.dataset, video)
    except GFSalNetError:
        maps = {}  # missing maps are reported when the video is scored
    return {"maps": maps, "gaze": job.others.digest}


Result: TypeAlias = "tuple[str, VideoScores | str]"
_Run: TypeAlias = "Callable[[_Job, list[str]], Generator[Result, None, None]]"
"""Scores videos, in any order."""


def _in_this_process(job: _Job, videos: list[str]) -> Generator[Result, None, None]:
    if videos:
        # As in workers: the flow of DIS depends on the number of threads.
        with threads(1, torch=False), job.source.ready():
            for video in videos:
                yield video, job.run(video)


def _in_workers(job: _Job, videos: list[str], workers: int, new_pool: NewPool) -> Generator[Result, None, None]:
    if not videos:
        return
    with new_pool(min(workers, len(videos)), _start_worker, job) as pool:
        # A name each: what is large went to the workers once, with the job.
        waiting = {pool.submit(_run_in_worker, video): video for video in videos}
        for future in as_completed(waiting):
            video = waiting[future]
            try:
                yield video, result_of(future)
            except WorkerError as error:  # the others are not to blame
                yield video, one_line(video, error)


_job: _Job
"""The job of the evaluation, in a worker process."""
_until_the_end = ExitStack()
"""Keeps the source ready in a worker process. A context that nothing refers to would be closed at once."""


def _start_worker(job: _Job) -> None:
    global _job
    _job = job
    _until_the_end.enter_context(job.source.ready())
    settle_memory()


def _run_in_worker(video: str) -> VideoScores | str:
    return _job.run(video)


def default_workers(videos: int) -> int:
    """One process per core, at most eight; 0 with a single core or a single video."""
    count = min(cores(), videos, 8)
    return count if count > 1 else 0
