"""Checks a dataset on disk: how much is there, what is missing or damaged, where its parts do not fit together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gfsalnet.errors import DatasetError
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, SplitSize
from gfsalnet.gaze.datasets.registry import dataset_class
from gfsalnet.gaze.numbers import gaps
from gfsalnet.gaze.quality import Quality
from gfsalnet.unexpected import one_line

ENOUGH_OF_A_VIDEO = 50
"""Videos with at least this many fixations are judged by themselves, as the whole split is."""


@dataclass(kw_only=True)
class SplitCheck:
    """The findings on one split, filled video by video."""

    split: str
    official: SplitSize | None
    gaze_is_hidden: bool
    videos: int = 0
    frames: int = 0
    frames_with_gaze: int = 0
    """Existing frames that count for evaluation and have a fixation inside the picture."""
    fixations: int = 0
    """Fixations on existing frames."""
    fixations_outside: int = 0
    """How many of `fixations` lie outside the picture; no map counts them."""
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
    """Look at every split of a dataset: all gaze is read, pictures and frames are counted, most without decoding.

    Args:
        name: one of `DATASETS`.
        root: the folder as the authors distribute it.
        on_video: called with the split, the videos that are done and the videos in all.

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
    # One split may be missing, which is a finding; where all are, it is another folder that was meant.
    if len(refusals) == len(splits):
        raise refusals[0]
    return checks


def _check_split(dataset: GazeDataset, check: SplitCheck, on_video: Callable[[str, int, int], None]) -> None:
    videos, qualities = dataset.videos, {}
    check.official = dataset.official_size()
    for done, video in enumerate(videos, start=1):
        try:
            quality = _check_video(dataset, video, check)
            if quality is not None:
                qualities[video] = quality
        except Exception as error:  # one bad video must not end the check of the others
            check.problems.append(f"{video}: {one_line(video, error)}")
        on_video(check.split, done, len(videos))
    check.videos = len(videos)
    doubts = doubts_of(qualities)
    check.problems += doubts.whole
    check.problems += [f"{video}: {text}" for video, texts in doubts.videos.items() for text in texts]
    check.notes += doubts.notes
    check.notes += dataset.remarks()
    if check.official is not None:
        _compare(check, check.official, "images" if dataset.kind == "image" else "videos")


def _check_video(dataset: GazeDataset, video: str, check: SplitCheck) -> Quality | None:
    parts = dataset.parts(video)
    pictures = next(iter(parts.values()))
    check.frames += len(pictures)
    _compare_parts(video, parts, check)
    if check.gaze_is_hidden:
        return None
    gaze = dataset.gaze(video)
    _count_gaze(video, [item for item in gaze if item.index in pictures], check)
    if len(parts) == 1 and pictures:  # otherwise the parts were compared already
        _find_unseen(video, gaze, pictures, check)
    # Counted with the gaze that is at hand: reading it a second time would take as long again.
    quality = dataset.quality(video, gaze)
    check.notes += [f"{video}: {remark}" for remark in quality.remarks()]
    return quality


def _compare_parts(video: str, parts: Mapping[str, Collection[int]], check: SplitCheck) -> None:
    described = ", ".join(f"{len(frames)} {part}" for part, frames in parts.items())
    if empty := [part for part, frames in parts.items() if not frames]:
        check.problems.append(f"{video}: no {' and no '.join(empty)} ({described})")
        return
    # Parts are compared by frame number, never by their lengths alone: equal lengths may hide a shift.
    anywhere = set().union(*parts.values())
    last = max(anywhere)
    if everywhere := gaps(anywhere, 0, last):
        message = f"{video}: of frames 0 to {last}, nothing is there of {everywhere}; the others keep their numbers"
        (check.notes if len(parts) == 1 else check.problems).append(message)
    lacking = {part: anywhere - set(frames) for part, frames in parts.items()}
    if not any(lacking.values()):
        return
    # One surplus frame at the end comes from programs that extract or count differently.
    if set().union(*lacking.values()) == {last}:
        check.notes.append(f"{video}: {described}; the frame too many is dropped, none is shifted")
        return
    said = ", ".join(f"no {part} of {_listed(frames)}" for part, frames in lacking.items() if frames)
    problem = f"{video}: {described}; of frames 0 to {last} there are {said}"
    check.problems.append(f"{problem}; frames that lack a part are dropped, none is shifted")


def _listed(frames: Collection[int]) -> str:
    return gaps(set(range(min(frames), max(frames) + 1)) - set(frames), min(frames), max(frames))


def _count_gaze(video: str, gaze: list[FrameGaze], check: SplitCheck) -> None:
    seen = sum(bool(item.fixations.inside.any()) for item in gaze)
    check.frames_with_gaze += seen
    check.fixations += sum(len(item.fixations) for item in gaze)
    check.fixations_outside += sum(int((~item.fixations.inside).sum()) for item in gaze)
    if not seen:
        check.notes.append(f"{video}: nobody looked at it; it cannot be scored")


def _find_unseen(video: str, gaze: list[FrameGaze], pictures: Collection[int], check: SplitCheck) -> None:
    end = max(pictures) + 1
    unseen = [item for item in gaze if item.index < end and item.index not in pictures and len(item.fixations)]
    if unseen:
        frames, count = _listed([item.index for item in unseen]), sum(len(item.fixations) for item in unseen)
        where = f"on frames without a picture ({frames}, counted from 0)"
        check.notes.append(f"{video}: {count} fixations are {where} and are dropped")


@dataclass(frozen=True)
class Doubts:
    """Reasons to doubt that gaze is in pixels and seconds, for the whole split and for videos that differ from it."""

    whole: list[str]
    videos: Mapping[str, list[str]]
    """Video → reasons, for videos with enough gaze to be sure."""
    notes: list[str]
    """Reasons to doubt videos with little gaze."""


def doubts_of(qualities: Mapping[str, Quality], *, but: Collection[str] = ()) -> Doubts:
    """The doubts about a whole split, where small shares are significant, and about single videos that differ from it.

    Args:
        qualities: video → its counts.
        but: kinds of doubt to ignore.
    """
    videos, notes = dict[str, list[str]](), list[str]()
    # A doubt about the whole split is reported once and not for each video again.
    whole = {kind: text for kind, text in sum(qualities.values(), Quality()).doubts().items() if kind not in but}
    for video, quality in qualities.items():
        texts = [text for kind, text in quality.doubts().items() if kind not in {*whole, *but}]
        if texts and quality.fixations + quality.late >= ENOUGH_OF_A_VIDEO:
            videos[video] = texts
        else:
            notes += [f"{video}: {text}" for text in texts]
    return Doubts(list(whole.values()), videos, notes)


def _compare(check: SplitCheck, official: SplitSize, things: str) -> None:
    if check.videos < official.videos:
        check.problems.append(f"{official.videos - check.videos} of {official.videos} {things} are missing")
    elif check.videos > official.videos:
        check.notes.append(f"{check.videos - official.videos} {things} more than the official {official.videos}")
    if official.frames is None or check.videos < official.videos or check.frames == official.frames:
        return
    message = f"{check.frames} frames, officially {official.frames}"
    # Programs that extract frames differ by one frame at the end of a video.
    (check.notes if abs(check.frames - official.frames) <= official.videos else check.problems).append(message)
