"""What the fit sees: for each frame with gaze the model's maps before they are read, small, and where people looked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import numpy as np

from gfsalnet.errors import DatasetError, GFSalNetError
from gfsalnet.flow.estimator import zero_flow
from gfsalnet.gaze import FrameGaze, GazeDataset, fixation_counts
from gfsalnet.gaze.check import doubts_of
from gfsalnet.maps import Map, resize_density
from gfsalnet.models.gfsalnet import GFSalNetModel, Unread
from gfsalnet.models.memory import Timed, remembered
from gfsalnet.models.over_time import Kind, MapsOverTime, OverTime
from gfsalnet.types import Fixations, Frame

MOST_LOOKS = 48
"""Frames of one video that are used, evenly spaced among those with gaze."""
FEWEST_FIXATIONS = 50
"""Least number of fixations in all: fewer say nothing about where people look."""
MOST_CELLS = 5000
"""Largest number of cells of a map: finer detail says little of so few numbers."""
WARM_UP_FRAMES = 60
"""Frames before each that the model sees: its whole reach at 60 frames a second."""
_APART_SECONDS = 1 / 16
"""Time between the maps that the memory is given: it is an average."""


@dataclass(frozen=True, eq=False)
class Look:
    """A frame on which somebody looked at something."""

    second: int
    """Second of the video in which the frame lies."""
    seen: list[Unread]
    """The frame, last, and those before it that its map remembers."""
    fixations: Fixations
    """Those inside the picture."""

    @cached_property
    def counts(self) -> Map:
        """(h, w): how many fixations each cell of the map has."""
        height, width = self.seen[-1].density.shape
        return fixation_counts(self.fixations, (height, width))

    def map(self, how: OverTime, kind: Kind) -> Map:
        """(h, w): the density that the model gives with such numbers."""
        over_time = MapsOverTime(how, kind)
        # Without a memory the frames before it change nothing.
        seen = self.seen if how.memory.tau_seconds else self.seen[-1:]
        fused = (Timed(u, u.time_seconds, False, over_time.fused(u.density, u.motion)) for u in seen)
        *_, (_, maps) = remembered(fused, how.memory)
        assert maps is not None
        return maps.saliency


@dataclass(frozen=True, eq=False)
class LookedAt:
    """A video or picture, and the frames of it that count."""

    name: str
    looks: list[Look]
    gaze: list[FrameGaze]
    """All of it, for the centre that others share with it."""


def looked_at(
    model: GFSalNetModel,
    dataset: GazeDataset,
    reach_seconds: float,
    on_video: Callable[[int, int], None],
    on_skipped: Callable[[str], None],
) -> list[LookedAt]:
    """Run the network over every recording with gaze, once.

    Args:
        model: whose maps are wanted.
        dataset: a split.
        reach_seconds: how long before a frame the memory may reach.
        on_video: called with the recordings done and in all.
        on_skipped: called with what is wrong with a recording that is left out.

    Raises:
        DatasetError: if the gaze cannot be in pixels and seconds.
    """
    found = []
    _require_pixels(dataset)
    for done, name in enumerate(dataset.videos):
        on_video(done, len(dataset.videos))
        try:
            gaze = [item for item in dataset.gaze(name) if item.fixations.inside.any()]
            looks = _looks(model, dataset, name, gaze, reach_seconds) if gaze else []
        except GFSalNetError as error:
            on_skipped(str(error))
            continue
        if looks:
            found.append(LookedAt(name, looks, gaze))
    on_video(len(dataset.videos), len(dataset.videos))
    return found


def kind_of(dataset: GazeDataset) -> Kind:
    """How a model reads the maps of its pictures."""
    return "still" if dataset.kind == "image" else "video"


def _require_pixels(dataset: GazeDataset) -> None:
    """Refuse gaze in other units, which a fit would follow to wherever it points."""
    qualities = {}
    for name in dataset.videos:
        with suppress(GFSalNetError):  # said when the recording is read
            qualities[name] = dataset.quality(name)
    doubts = doubts_of(qualities, but=("late",))
    said = [*doubts.whole, *(f"{name}: {text}" for name, texts in doubts.videos.items() for text in texts)]
    if said:
        remedy = "Mend the gaze; `gfsalnet dataset check` shows whether it is right"
        raise DatasetError(f"{dataset.name} {dataset.split}", "; ".join(said[:3]), remedy)


def _looks(
    model: GFSalNetModel, dataset: GazeDataset, name: str, gaze: Sequence[FrameGaze], reach_seconds: float
) -> list[Look]:
    # `unique`: of fewer frames than that each comes once.
    chosen = np.unique(np.linspace(0, len(gaze) - 1, MOST_LOOKS).round().astype(int))
    wanted = {gaze[place].index: gaze[place].fixations for place in chosen}
    looks, before = [], list[Unread]()
    for unread in _unread(model, dataset, name, sorted(wanted)):
        if before and not 0 < unread.time_seconds - before[-1].time_seconds < 1:
            before = []  # a run begins
        # What the memory cannot reach from here need not be kept.
        before = [seen for seen in before if seen.time_seconds > unread.time_seconds - reach_seconds]
        now = _small(unread, kind_of(dataset))
        if unread.index in wanted:
            fixations = wanted[unread.index]
            looks.append(Look(int(unread.time_seconds), [*before, now], _inside(fixations)))
        if not before or unread.time_seconds - before[-1].time_seconds >= _APART_SECONDS:
            before.append(now)
    return looks


def _unread(model: GFSalNetModel, dataset: GazeDataset, name: str, wanted: list[int]) -> Iterator[Unread]:
    """The wanted frames and those shortly before them, in order; the network sees no others."""
    last = wanted[-1]
    needed = np.zeros(last + 1, bool)
    for index in wanted:
        needed[max(index - WARM_UP_FRAMES, 0) : index + 1] = True
    with closing(_until(dataset.frames(name), last)) as frames:
        # Index less running number is constant along neighbours; each run of them is a video of its own to the network.
        numbered = ((frame.index - place, frame) for place, frame in enumerate(f for f in frames if needed[f.index]))
        for _, run in groupby(numbered, key=lambda pair: pair[0]):
            # `groupby` shares its iterator: a run is read to its end before the next one begins.
            yield from model.unread((frame for _, frame in run), kind_of(dataset))


def _until(frames: Iterable[Frame], last: int) -> Generator[Frame, None, None]:
    for frame in frames:
        yield frame
        if frame.index >= last:
            return


def _small(unread: Unread, kind: Kind) -> Unread:
    """The same with a map of few cells, and without what motion was measured in; of a picture, without motion."""
    height, width = unread.density.shape
    share = min((MOST_CELLS / (height * width)) ** 0.5, 1)
    density = resize_density(unread.density, (max(round(height * share), 1), max(round(width * share), 1)))
    none = zero_flow((1, 1))
    motion = None if unread.motion is None or kind == "still" else replace(unread.motion, field=none, left=none)
    return replace(unread, density=density, motion=motion)


def _inside(fixations: Fixations) -> Fixations:
    inside = fixations.inside
    subject = None if fixations.subject is None else fixations.subject[inside]
    return Fixations(x=fixations.x[inside], y=fixations.y[inside], size_wh=fixations.size_wh, subject=subject)


def viewers(recordings: Sequence[LookedAt]) -> int | None:
    """How many people looked; None where the gaze does not say."""
    subjects = [look.fixations.subject for recording in recordings for look in recording.looks]
    if any(subject is None for subject in subjects):
        return None
    return len(np.unique(np.concatenate([subject for subject in subjects if subject is not None])))


def require_some(recordings: Sequence[LookedAt], dataset: GazeDataset, fewest: int) -> None:
    """Refuse a dataset with too little gaze.

    Raises:
        DatasetError: if fewer recordings than that have gaze, or there are few fixations in all.
    """
    if len(recordings) < fewest:
        noun = {"video": "videos", "image": "pictures"}[dataset.kind]
        problem = f"{len(recordings)} of its {len(dataset.videos)} {noun} have gaze that can be used"
        remedy = f"Fitting needs at least {fewest}; `gfsalnet dataset check` says what there is"
        raise DatasetError(f"{dataset.name} {dataset.split}", problem, remedy)
    fixations = sum(len(look.fixations) for recording in recordings for look in recording.looks)
    if fixations < FEWEST_FIXATIONS:
        problem = f"there are {fixations} fixations on the {len(recordings)} recordings that have gaze"
        remedy = f"Fitting needs at least {FEWEST_FIXATIONS}, better hundreds"
        raise DatasetError(f"{dataset.name} {dataset.split}", problem, remedy)
