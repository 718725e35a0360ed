"""The interface of every dataset: videos or pictures in a split, their frames, and the gaze on each frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from gfsalnet.errors import DatasetError, RequestError
from gfsalnet.gaze.maps import density_map
from gfsalnet.gaze.numbers import numbered
from gfsalnet.gaze.quality import Quality
from gfsalnet.maps import Map
from gfsalnet.types import RGB, Fixations, Frame, Sample
from gfsalnet.video.stills import read_image


@dataclass(frozen=True, kw_only=True)
class FrameGaze:
    """The gaze on one frame; the picture is read separately and only where it is needed."""

    index: int
    """0-based position of the frame in its video; 0 for a picture."""
    fixations: Fixations


@dataclass(frozen=True, kw_only=True)
class SplitSize:
    """The size of a split according to its authors."""

    videos: int
    frames: int | None = None
    """None where the authors do not say."""


@dataclass(frozen=True)
class Recording:
    """One video or picture of a dataset: iterate over it for its frames with gaze."""

    dataset: GazeDataset
    name: str
    """One of `dataset.videos`."""

    def __iter__(self) -> Iterator[Sample]:
        """Every frame that has gaze, in order, decoded as it is asked for."""
        return self.dataset.samples(self.name)

    def frames(self) -> Iterator[Frame]:
        """All frames in order, also those without gaze."""
        return self.dataset.frames(self.name)

    def gaze(self) -> list[FrameGaze]:
        """The gaze on each frame, without the pictures."""
        return self.dataset.gaze(self.name)

    def __repr__(self) -> str:
        return f"Recording({self.name!r} of {self.dataset.name} {self.dataset.split})"


class UnknownSplitError(RequestError, DatasetError):
    """The dataset has no such split."""


class GazeDataset(ABC):
    """One split of a dataset on disk: `len(dataset)` recordings, by position, by name, or one after another.

    A picture counts as a video of one frame, so that all datasets are read alike. Nothing is decoded before it is
    asked for. What is missing on disk is left out of `videos`; `check_dataset` compares with `official`.

    Args:
        root: the folder as its authors distribute it.
        split: one of `splits`.

    Raises:
        DatasetError: if the folder is not this dataset, or there is no such split.
    """

    name: str
    splits: ClassVar[tuple[str, ...]]
    kind: Literal["video", "image"]
    layout: ClassVar[str]
    """One sentence: what is expected where."""
    default_split: ClassVar[str] = "test"
    """The split that results are reported on: the last with public gaze."""
    official: ClassVar[Mapping[str, SplitSize]] = {}
    hidden: ClassVar[frozenset[str]] = frozenset()
    """Splits whose gaze is not public."""
    frames_in_layout: ClassVar[bool] = False
    """Whether the authors' layout has a place for extracted frames; they are then read instead of the video."""
    extracted: ClassVar[str] = "frames"
    """The folder of `root` for extracted frames where the layout has none."""
    maps_are_videos: ClassVar[bool] = False
    """Whether `density` decodes a video: it is then fast only in frame order, and only for one thread at a time."""

    def __init__(self, root: Path, split: str) -> None:
        if split not in self.splits:
            raise UnknownSplitError(self.name, f"has no split {split!r}", f"Use one of: {', '.join(self.splits)}")
        self.root, self.split = root, split

    def official_size(self) -> SplitSize | None:
        """The size of the split according to its authors; None if they do not say."""
        return self.official.get(self.split)

    @classmethod
    def separate_splits(cls) -> tuple[str, ...]:
        """The splits that together hold everything once."""
        return ("all",) if "all" in cls.splits else cls.splits

    @property
    @abstractmethod
    def videos(self) -> list[str]:
        """Names of the videos or pictures of the split, in the dataset's own order."""

    def __len__(self) -> int:
        """How many videos or pictures the split holds."""
        return len(self.videos)

    def __getitem__(self, key: int | str) -> Recording:
        """A video or picture by its position or name.

        Raises:
            IndexError: if there is no such position.
            KeyError: if there is no such name.
        """
        if isinstance(key, str):
            if key not in self.videos:
                raise KeyError(f"{key!r} is none of the {len(self)} of {self.name} {self.split}")
            return Recording(self, key)
        return Recording(self, self.videos[key])

    def __iter__(self) -> Iterator[Recording]:
        """The videos or pictures in the dataset's own order."""
        return (Recording(self, video) for video in self.videos)

    def __repr__(self) -> str:
        noun = {"video": "videos", "image": "pictures"}[self.kind]
        return f"{type(self).__name__}({str(self.root)!r}, split={self.split!r}: {len(self)} {noun})"

    @abstractmethod
    def frames(self, video: str) -> Iterator[Frame]:
        """All frames (H, W, 3) of a video in order, with their times in seconds, also those without gaze.

        Raises:
            SourceError: if a picture or video is missing or damaged.
        """

    @abstractmethod
    def gaze(self, video: str) -> list[FrameGaze]:
        """The gaze on each frame that counts for evaluation, by index; frames may be missing, gaze may be empty.

        Points are 0-based pixels of the original frame, `x` right and `y` down. Those outside it are kept:
        `Fixations.inside` tells them, and no map counts them.

        Raises:
            DatasetError: if the gaze of this video is missing or damaged.
        """

    def gaze_by_index(self, video: str) -> Mapping[int, FrameGaze]:
        """The gaze on frames with fixations, by 0-based index, for access in any order.

        Where each frame has a file of its own, the files are listed now and read one by one on access; frames without
        fixations are then included.

        Raises:
            DatasetError: if the gaze of this video is missing or damaged.
        """
        return {item.index: item for item in self.gaze(video) if item.fixations.inside.any()}

    def pictures(self, video: str) -> Mapping[int, Path]:
        """The frames stored as one file each, by index, for access in any order; empty if there are none.

        For a video these are the extracted frames.
        """
        folder = self.frames_folder(video)
        return {} if folder is None else {number - 1: path for number, path in numbered(folder).items()}

    def read_picture(self, path: Path) -> RGB:
        """(H, W, 3) uint8: a picture that `pictures` names, wherever that lies; may be called from several threads.

        Raises:
            SourceError, DatasetError: if it is missing or damaged.
        """
        return read_image(path)

    @abstractmethod
    def sigma_pixels(self, video: str) -> float:
        """The Gaussian of the dataset's official density, in pixels of the original frame."""

    def density(self, video: str, gaze: FrameGaze, size_hw: tuple[int, int]) -> Map:
        """The density (h, w) of one frame at `size_hw`: float32, sums to 1, or all zero without gaze.

        Made from the fixations by the official sigma; datasets that ship official maps read those instead.
        """
        # By the width: maps have the aspect of their pictures, but for rounding.
        scale = size_hw[1] / gaze.fixations.size_wh[0]
        return density_map(gaze.fixations, size_hw, self.sigma_pixels(video) * scale)

    def samples(self, video: str) -> Iterator[Sample]:
        """Every frame that has gaze with it, in order."""
        gaze = {item.index: item.fixations for item in self.gaze(video)}
        for frame in self.frames(video):
            if frame.index in gaze:
                name = f"{self.name}/{video}" if self.kind == "image" else f"{self.name}/{video}/{frame.index:06d}"
                yield Sample(name=name, frame=frame, fixations=gaze[frame.index])

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """Which frames each part of the dataset holds of a video, by index: the pictures first, then gaze, maps, ….

        Frames are counted, if possible without decoding. Parts are matched by number and never shifted.

        Raises:
            SourceError: if the pictures or the video are missing or damaged.
            DatasetError: if another part is damaged, or numbers do not tell which belong together.
        """
        return {"pictures": [frame.index for frame in self.frames(video)]}

    def frame_counts(self, video: str) -> dict[str, int]:
        """How many frames each of the `parts` holds.

        Raises:
            SourceError, DatasetError: as `parts`.
        """
        return {part: len(frames) for part, frames in self.parts(video).items()}

    def quality(self, video: str, gaze: Sequence[FrameGaze] | None = None) -> Quality:
        """Counts that tell whether the gaze of a video can be in the right units.

        Args:
            video: its name.
            gaze: the result of `gaze(video)`, if it is already available.

        Raises:
            SourceError, DatasetError: as `parts` and `gaze`.
        """
        pictures = self.parts(video)["pictures"]
        end = max(pictures, default=-1) + 1
        frames = self.gaze(video) if gaze is None else gaze
        late = sum(len(item.fixations) for item in frames if item.index >= end)
        counted = Quality.of([item.fixations for item in frames if item.index < end], late=late)
        # Gaze by frame samples one long fixation at the same point again and again, so repeats are no sign of a fault.
        return replace(counted, alike=0)

    def whole_length(self, video: str) -> int | None:
        """Frames of the uncut video where only its beginning counts, since a model may have predicted all of it."""
        return None

    def frames_folder(self, video: str) -> Path | None:
        """Where frames are extracted to, numbered from 1; None where the dataset already has pictures."""
        return self.root / self.extracted / video if self.kind == "video" else None

    def remarks(self) -> list[str]:
        """Remarks on the split as a whole, such as rows of a table that were left out."""
        return []
