"""Assigns maps to frames: by the numbers in their names, or one by one if there are as many; never by guess."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from gfsalnet.errors import SourceError
from gfsalnet.gaze import GazeDataset
from gfsalnet.words import counted

_COUNT_REMEDY = "Write one map for each frame; the frame rate must be the dataset's"
_NUMBER_REMEDY = "Say with --first-number which number the first frame has (0 or 1), or name the maps by frame"
_STACK_REMEDY = (
    "Write one map for each frame, or say which frames they are of: an array `frame_index` (from 0) beside `density` "
    "in an NPZ, or one file per map, named by frame"
)


def numbers_in_names(folder: Path, files: Sequence[Path]) -> list[int]:
    """The number of the frame in each name: the number that changes from name to name.

    Raises:
        SourceError: if a name has no number, two have the same, or several numbers change.
    """
    found = [[int(digits) for digits in re.findall(r"\d+", path.stem)] for path in files]
    if not all(found):
        odd = files[found.index([])].name
        raise SourceError(folder, f"{odd} has no number in its name", "Name the maps by frame, such as 0001.png.")
    alike = len(files) > 1 and len({re.sub(r"\d+", "#", path.stem) for path in files}) == 1
    columns = list(zip(*found, strict=True)) if alike else [tuple(numbers[-1] for numbers in found)]
    # Only a number that each name has once can be the frame's.
    distinct = list(dict.fromkeys(column for column in columns if len(set(column)) == len(column)))
    # In `0001_40ms` two numbers change: frames count by one, the other does not.
    steady = [column for column in distinct if max(column) - min(column) == len(column) - 1]
    if len(distinct) > 1 and len(steady) != 1:
        names = " and ".join(path.name for path in files[:2])
        problem = f"several numbers change in its names ({names}), and it is not clear which is the frame's"
        raise SourceError(folder, problem, "Name the maps by frame, such as 0001.png.")
    if not distinct:
        last = columns[-1]
        double = next(number for number in last if last.count(number) > 1)
        first, second = [path.name for path, number in zip(files, last, strict=True) if number == double][:2]
        raise SourceError(folder, f"{first} and {second} have the same number", "Keep one map for each frame.")
    return list((steady or distinct)[0])


@dataclass(frozen=True)
class Matched:
    """Which map belongs to which frame."""

    place: Mapping[int, int]
    """Frame index (from 0) → position of its map."""
    notes: list[str] = field(default_factory=list)
    """Messages for the user."""


@dataclass(frozen=True)
class VideoFrames:
    """The frames of a video as the dataset knows them."""

    dataset: GazeDataset
    video: str
    last_scored: int
    """Index of the last frame with gaze."""

    @cached_property
    def pictures(self) -> Mapping[int, Path]:
        """The picture files that the dataset reads as frames, by index; empty for videos."""
        reads_pictures = self.dataset.frames_in_layout or self.dataset.frames_folder(self.video) is None
        return self.dataset.pictures(self.video) if reads_pictures else {}

    @cached_property
    def by_number(self) -> Mapping[int, int]:
        """Number in the name of a picture → its frame; empty where the dataset has no numbered pictures."""
        if len(self.pictures) < 2:
            return {}
        try:
            numbers = numbers_in_names(self.dataset.root, list(self.pictures.values()))
        except SourceError:
            return {}
        return dict(zip(numbers, self.pictures, strict=True))

    @cached_property
    def promised(self) -> list[int]:
        """Candidate lengths in frames, by names and headers: pictures first, then gaze, …, and the uncut video."""
        ends = [max(self.pictures, default=-1) + 1, self.dataset.whole_length(self.video) or 0]
        return [length for length in (*self.dataset.frame_counts(self.video).values(), *ends) if length]

    @cached_property
    def counted(self) -> list[int]:
        """The candidate lengths with the frames counted one by one, since headers may only estimate."""
        return [sum(1 for _ in self.dataset.frames(self.video)), *self.promised[1:]]


def match_maps(
    where: object, maps: int, numbers: Sequence[int] | None, frames: VideoFrames, first_number: int | None = None
) -> Matched:
    """Assign maps to frames; frames are only counted if headers leave a doubt.

    Args:
        where: the place that errors name.
        maps: the number of maps.
        numbers: the numbers of the maps, ascending, each once; None if they have none.
        frames: the frames of their video.
        first_number: the number of the first frame; None: derived, if only one answer fits.

    Raises:
        SourceError: if more than one answer fits, or none does.
    """

    def match(lengths: Sequence[int]) -> Matched:
        if numbers is None:
            return _match_stack(where, maps, frames, lengths)
        return _match_numbers(where, numbers, frames, lengths, first_number)

    try:
        # Headers first: counting the frames of a video may mean decoding it.
        matched = match(frames.promised)
    except SourceError:
        matched = None
    return match(frames.counted) if matched is None or matched.notes else matched


def _match_stack(where: object, maps: int, frames: VideoFrames, lengths: Sequence[int]) -> Matched:
    """Maps without names belong to the frames one by one, so there must be as many; one surplus map is allowed."""
    index = sorted(frames.pictures)
    if len(index) > 1 and index[-1] >= len(index):  # some pictures are missing
        lengths = [len(index)]
        if maps == len(index):
            return Matched({frame: place for place, frame in enumerate(index)})
    # As many as some part of the dataset, or up to the last frame with gaze, unless a single map is then missing.
    elif maps in lengths or (maps == frames.last_scored + 1 and maps + 1 not in lengths):
        return Matched({place: place for place in range(maps)})
    elif maps - 1 in lengths:
        note = f"{counted(maps, 'map')} for {counted(maps - 1, 'frame')}: the last map is left out"
        return Matched({place: place for place in range(maps - 1)}, [note])
    remedy = _STACK_REMEDY if maps + 1 in lengths else _COUNT_REMEDY
    raise SourceError(where, f"holds {counted(maps, 'map')}, the video has {counted(lengths[0], 'frame')}", remedy)


def _match_numbers(
    where: object, numbers: Sequence[int], frames: VideoFrames, lengths: Sequence[int], first_number: int | None
) -> Matched:
    """Maps belong to the frames of their numbers; frames may lack a map."""
    if len(numbers) == 1 and max(lengths) == 1:
        return Matched({0: 0})  # a photograph
    places = range(len(numbers))
    ends = [*lengths, frames.last_scored + 1]
    if first_number is None and all(number in frames.by_number for number in numbers):
        index = [frames.by_number[number] for number in numbers]
        return _as_far_as_the_end(where, numbers, dict(zip(index, places, strict=True)), ends)
    first = _first_number(where, numbers, lengths) if first_number is None else first_number
    place = {number - first: position for number, position in zip(numbers, places, strict=True)}
    matched = _as_far_as_the_end(where, numbers, place, ends)
    if first > 1 and first_number is None:
        matched.notes.append(f"maps are numbered {_span(numbers)}, as many as frames: they are taken one by one")
    return matched


def _first_number(where: object, numbers: Sequence[int], lengths: Sequence[int]) -> int:
    """0 or 1; or the first number of a complete set that continues the numbers of another video."""
    first, last, longest = numbers[0], numbers[-1], max(lengths)
    is_run = last - first == len(numbers) - 1
    if first == 0:
        return 0
    # Counted from 0 or from 1, no number may lie beyond the last frame; where both fit, the user has to say.
    fitting = [candidate for candidate in (0, 1) if last - candidate < longest]
    if fitting == [1] or (first == 1 and (last == longest + 1 or (is_run and last in lengths))):
        return 1
    problem = f"its maps are numbered {_span(numbers)}, the video has {counted(lengths[0], 'frame')}"
    if fitting:
        raise SourceError(where, f"{problem}, of which the first may be number 0 or 1", _NUMBER_REMEDY)
    # Numbers that go on from video to video, as of one long list of frames: complete, so that nothing is guessed.
    if is_run and len(numbers) in lengths and first > longest:
        return first
    raise SourceError(where, problem, _COUNT_REMEDY)


def _as_far_as_the_end(
    where: object, numbers: Sequence[int], place: Mapping[int, int], lengths: Collection[int]
) -> Matched:
    """Note missing maps, and refuse maps that end too early: they may have another frame rate, or be cut short."""
    index = sorted(place)
    steps = {after - before for before, after in pairwise(index)}
    # A model of every tenth frame, or one that looks as far ahead as back, may stop before the end.
    # As many at the end as are missing at the beginning, or as lie between two maps.
    spared = max(1, index[0] + 1, *steps) if steps else 1
    near = [length for length in lengths if -1 <= length - 1 - index[-1] <= spared]
    if index[0] < 0 or not near:
        problem = f"its {len(numbers)} maps are numbered {_span(numbers)}, the video has {max(lengths)} frames"
        raise SourceError(where, problem, _COUNT_REMEDY)
    length = min(near, key=lambda length: abs(length - 1 - index[-1]))
    if index[-1] == length:
        kept = {frame: position for frame, position in place.items() if frame < length}
        return Matched(kept, [f"{counted(len(index), 'map')} for {counted(length, 'frame')}: the last map is left out"])
    return Matched(place, [_coverage(index, steps, length)] if len(index) < length else [])


def _coverage(index: Sequence[int], steps: Collection[int], length: int) -> str:
    step = min(steps, default=1)
    how = f", every {step} frames" if len(steps) == 1 and step > 1 else ", with gaps" if len(steps) > 1 else ""
    covered = f"of frames {index[0]} to {index[-1]} (counted from 0){how}"
    return f"{counted(len(index), 'map')} for {counted(length, 'frame')}: {covered}; frames without a map are left out"


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
