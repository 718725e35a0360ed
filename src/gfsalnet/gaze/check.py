"""What of a dataset is on disk: how much, what is missing or damaged, where its parts do not fit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gfsalnet.errors import DatasetError, GFSalNetError
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, SplitSize
from gfsalnet.gaze.registry import dataset_class


@dataclass(kw_only=True)
class SplitCheck:
    """What was found of a split; filled video by video."""

    split: str
    official: SplitSize | None
    gaze_is_hidden: bool
    videos: int = 0
    frames: int = 0
    frames_with_gaze: int = 0
    """Frames that count for evaluation and have a fixation inside the picture."""
    fixations: int = 0
    fixations_outside: int = 0
    """Of these, how many lie outside the picture; no map counts them."""
    problems: list[str] = field(default_factory=list)
    """What is missing or damaged."""
    notes: list[str] = field(default_factory=list)
    """What is worth knowing and does no harm, such as one frame too many."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing or damaged."""
        return not self.problems


def check_dataset(
    name: str, root: Path, on_video: Callable[[str, int, int], None] = lambda split, done, total: None
) -> list[SplitCheck]:
    """Look at every split of a dataset: all gaze is read, pictures are counted by names and headers.

    Args:
        name: one of `DATASETS`.
        root: the folder as the authors distribute it.
        on_video: told the split, how many videos are done, and of how many.

    Raises:
        DatasetError: if the name is unknown, or not one split can be opened: the folder is not that dataset.
    """
    cls = dataset_class(name)
    splits = cls.separate_splits()
    checks: list[SplitCheck] = []
    refusals: list[DatasetError] = []
    for split in splits:
        check = SplitCheck(split=split, official=cls.official.get(split), gaze_is_hidden=split in cls.hidden)
        checks.append(check)
        try:
            dataset = cls(Path(root), split)
        except DatasetError as error:
            refusals.append(error)
            check.problems.append(str(error))
            continue
        _check_split(dataset, check, on_video)
    if len(refusals) == len(splits):
        raise refusals[0]
    return checks


def _check_split(dataset: GazeDataset, check: SplitCheck, on_video: Callable[[str, int, int], None]) -> None:
    videos = dataset.videos
    for done, video in enumerate(videos, start=1):
        try:
            _check_video(dataset, video, check)
        except GFSalNetError as error:
            check.problems.append(f"{video}: {error}")
        on_video(check.split, done, len(videos))
    check.videos = len(videos)
    check.notes += dataset.remarks()
    if check.official is not None:
        _compare(check, check.official, "images" if dataset.kind == "image" else "videos")


def _check_video(dataset: GazeDataset, video: str, check: SplitCheck) -> None:
    counts = dataset.frame_counts(video)
    pictures = next(iter(counts.values()))
    check.frames += pictures
    _compare_parts(video, counts, check)
    if not check.gaze_is_hidden:
        gaze = dataset.gaze(video)
        _count_gaze(video, gaze, check)
        if len(counts) == 1:  # else the parts were compared
            _find_late(video, gaze, pictures, check)


def _compare_parts(video: str, counts: dict[str, int], check: SplitCheck) -> None:
    described = ", ".join(f"{count} {part}" for part, count in counts.items())
    missing = [part for part, count in counts.items() if count == 0]
    most, least = max(counts.values()), min(counts.values())
    if missing:
        check.problems.append(f"{video}: no {' and no '.join(missing)} ({described})")
    elif most - least == 1:
        check.notes.append(f"{video}: {described}; the frame too many is dropped, none is shifted")
    elif most != least:
        check.problems.append(f"{video}: {described}; frames that lack a part are dropped, none is shifted")


def _count_gaze(video: str, gaze: list[FrameGaze], check: SplitCheck) -> None:
    seen = sum(bool(item.fixations.inside.any()) for item in gaze)
    check.frames_with_gaze += seen
    check.fixations += sum(len(item.fixations) for item in gaze)
    check.fixations_outside += sum(int((~item.fixations.inside).sum()) for item in gaze)
    if not seen:
        check.notes.append(f"{video}: nobody looked at it; it cannot be scored")


def _find_late(video: str, gaze: list[FrameGaze], pictures: int, check: SplitCheck) -> None:
    late = sum(item.index >= pictures and len(item.fixations) > 0 for item in gaze)
    if late:
        check.notes.append(f"{video}: {pictures} pictures; frames after them with gaze, which is dropped: {late}")


def _compare(check: SplitCheck, official: SplitSize, things: str) -> None:
    if check.videos < official.videos:
        check.problems.append(f"{official.videos - check.videos} of {official.videos} {things} are missing")
    elif check.videos > official.videos:
        check.notes.append(f"{check.videos - official.videos} {things} more than the official {official.videos}")
    if official.frames is None or check.videos < official.videos or check.frames == official.frames:
        return
    message = f"{check.frames} frames, officially {official.frames}"
    # Programs that extract frames differ by one at the end of a video.
    (check.notes if abs(check.frames - official.frames) <= official.videos else check.problems).append(message)
