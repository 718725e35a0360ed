"""Make a dataset quick to read: frames extracted from its videos, optical flow cached.

Both are resumable. The frames of a video appear as a whole folder or not at all, and the flow cache holds whole fields
only; what is there is not made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from gfsalnet.device import threads
from gfsalnet.errors import GFSalNetError
from gfsalnet.files import output_errors, write_jpeg, write_png, written_whole
from gfsalnet.flow import CachedFlow, FlowEstimator, FlowStream, flow_folder
from gfsalnet.gaze import GazeDataset, dataset_class, open_dataset
from gfsalnet.store import claimed
from gfsalnet.types import Frame
from gfsalnet.unexpected import one_line
from gfsalnet.video import read_image
from gfsalnet.workers import WorkerError, WorkerPool, result_of


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What was done for one video."""

    split: str
    video: str
    frames: int = 0
    """Extracted now; 0 where they were there or are not wanted."""
    flows: int = 0
    """Flow fields that the cache now holds for this video, new and old."""
    problem: str | None = None
    """Why it could not be prepared."""


@dataclass(frozen=True, kw_only=True)
class _Job:
    name: str
    root: Path
    split: str
    video: str
    frames: bool
    flow: FlowEstimator | None
    cache: Path


def prepare_dataset(
    name: str,
    root: Path,
    *,
    split: str | None = None,
    frames: bool = False,
    flow: FlowEstimator | None = None,
    cache: Path | None = None,
    workers: int = 1,
) -> Iterator[tuple[Prepared, int]]:
    """Extract frames and cache the flow from each frame to the next, yielding one result per video as it is done.

    Where the dataset's layout has a place for frames, they are written there as PNG, the video's exact pixels, and read
    instead of the video from then on. Other datasets get ROOT/frames as JPEG, which only training reads, since it needs
    frames in any order. Flow is computed between the extracted frames if there are any, so that training finds it.

    Args:
        name: of the dataset.
        root: its folder.
        split: only this one; None: all that are there.
        frames: also extract videos whose layout has no place for frames.
        flow: None: extract frames only. Pictures have no flow.
        cache: folder of the flow; None: `flow_folder(root)`.
        workers: processes; 1 works in this one.

    Yields:
        What was done, and the number of all videos. A video that fails does not stop the others.

    Raises:
        DatasetError: if the folder is not this dataset.
    """
    cache = cache or flow_folder(root)
    jobs = [
        _Job(name=name, root=root, split=part.split, video=video, frames=wanted, flow=flow, cache=cache)
        for part in _open_splits(name, root, split)
        for video in part.videos
        if (wanted := (frames or part.frames_in_layout) and part.frames_folder(video) is not None)
        or (flow is not None and part.kind == "video")
    ]
    results = _in_this_process(jobs) if min(workers, len(jobs)) <= 1 else _in_processes(jobs, workers)
    yield from ((done, len(jobs)) for done in results)


def _in_this_process(jobs: list[_Job]) -> Iterator[Prepared]:
    for job in jobs:
        # One thread, as in the processes: DIS divides the picture among its threads. Lent for each job anew, because
        # whoever takes the results may compute in between.
        with threads(1, torch=False):
            done = _prepare(job)
        yield done


def _in_processes(jobs: list[_Job], workers: int) -> Iterator[Prepared]:
    waiting = iter(jobs)
    with WorkerPool(workers) as pool:
        # Never more jobs than workers are handed in, so that an interrupt leaves nothing to cancel.
        running = {pool.submit(_prepare, job): job for job in islice(waiting, workers)}
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(_prepare, job): job for job in islice(waiting, len(finished))}
            yield from (_prepared(running.pop(future), future) for future in finished)


def _prepared(job: _Job, future: Future[Prepared]) -> Prepared:
    try:
        return result_of(future)
    except WorkerError as error:
        return Prepared(split=job.split, video=job.video, problem=one_line(job.video, error))


def _open_splits(name: str, root: Path, split: str | None) -> list[GazeDataset]:
    if split is not None:
        return [open_dataset(name, root, split)]
    cls = dataset_class(name)
    opened, refusals = [], []
    for part in cls.separate_splits():
        try:
            opened.append(cls(root, part))
        except GFSalNetError as error:  # a split that is not on disk is for `check` to report
            refusals.append(error)
    if not opened:
        raise refusals[0]
    return opened


@lru_cache(maxsize=1)  # opening lists all folders of a split
def _dataset(name: str, root: Path, split: str) -> GazeDataset:
    return open_dataset(name, root, split)


def _prepare(job: _Job) -> Prepared:
    frames = flows = 0
    problem = None
    try:
        dataset = _dataset(job.name, job.root, job.split)
        if job.frames:
            frames = _extract(dataset, job.video)
        if job.flow is not None:
            flows = _cache_flow(dataset, job.video, CachedFlow(job.flow, job.cache))
    except Exception as error:  # whatever it was, the other videos are not to blame
        problem = one_line(job.video, error)
    return Prepared(split=job.split, video=job.video, frames=frames, flows=flows, problem=problem)


def _extract(dataset: GazeDataset, video: str) -> int:
    folder = dataset.frames_folder(video)
    if folder is None or folder.is_dir():
        return 0
    write, suffix = (write_png, "png") if dataset.frames_in_layout else (write_jpeg, "jpg")
    count = 0
    # Several processes may prepare one dataset: of one video the first extracts the frames, the others wait for them.
    with claimed(folder, video, wait=True), output_errors(folder):
        if folder.is_dir():
            return 0
        with written_whole(folder) as partial:
            partial.mkdir()
            for frame in dataset.frames(video):
                # From 1 and with four digits, as the datasets with frames name them.
                write(partial / f"{frame.index + 1:04d}.{suffix}", frame.rgb)
                count += 1
    return count


def _cache_flow(dataset: GazeDataset, video: str, flow: CachedFlow) -> int:
    stream = FlowStream(flow)
    count = 0
    for frame in _extracted(dataset, video) or dataset.frames(video):
        stream.push(frame, starts_shot=False)
        count += frame.index > 0
    return count


def _extracted(dataset: GazeDataset, video: str) -> Iterator[Frame] | None:
    pictures = dataset.pictures(video)
    return (Frame(read_image(path), index=index) for index, path in pictures.items()) if pictures else None
