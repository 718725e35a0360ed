"""The family of UCF-Sports, Hollywood-2 and DHF1K: for each frame a picture, a binary fixation map and a density map.

The three belong together by the number in their names, so a file that is missing or one too many shifts nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset
from gfsalnet.gaze.disk import fixations_of, numbered, picture_frames, read_binary, read_official_map
from gfsalnet.types import Fixations, Frame, Map


class MapFolders(GazeDataset):
    """A folder a video with `images/`, `fixation/` and `maps/` in it."""

    kind = "video"
    rate: ClassVar[Fraction]
    sigma: ClassVar[float]
    """Pixels of the original frame."""
    _listed: tuple[str, Mapping[int, Path]] | None = None

    @abstractmethod
    def folder(self, video: str) -> Path:
        """Where the frames and maps of a video lie."""

    def first_number(self, video: str) -> int:
        """The number in the name of a video's first frame."""
        return 1

    def frames(self, video: str) -> Iterator[Frame]:
        """The pictures in `images/`."""
        pictures = self.pictures(video)
        if not pictures:
            raise SourceError(self.folder(video) / "images", "it holds no pictures", self.layout)
        return picture_frames(pictures, self.rate)

    def pictures(self, video: str) -> Mapping[int, Path]:
        """Those in `images/`."""
        return self._by_index(video, numbered(self.folder(video) / "images"))

    def frames_folder(self, video: str) -> Path | None:
        """None: there are no films."""
        return None

    def gaze(self, video: str) -> list[FrameGaze]:
        """The fixated pixels of each binary map, at their centres; who looked is not stored."""
        return list(self.gaze_by_index(video).values())

    def gaze_by_index(self, video: str) -> Mapping[int, FrameGaze]:
        """Every binary map, read when it is asked for."""
        self._refuse_hidden(video)
        files = self.fixation_files(video)
        if not files:
            raise DatasetError(self.folder(video) / "fixation", "it holds no fixation maps", self.layout)
        return _FixationFiles(self._by_index(video, files), self.read)

    def _by_index(self, video: str, files: Mapping[int, Path]) -> dict[int, Path]:
        first = self.first_number(video)
        return {number - first: path for number, path in files.items()}

    def _refuse_hidden(self, video: str) -> None:
        if self.split in self.hidden:
            remedy = f"Use the split {self.default_split}, or send predictions to the authors."
            raise DatasetError(f"{self.name}/{video}", f"the gaze of the split {self.split} is not public", remedy)

    def fixation_files(self, video: str) -> Mapping[int, Path]:
        """Binary maps by number."""
        return numbered(self.folder(video) / "fixation")

    def read(self, path: Path) -> Fixations:
        """The fixations of one binary map."""
        return fixations_of(read_binary(path))

    def sigma_pixels(self, video: str) -> float:
        """One for all videos."""
        return self.sigma

    def density(self, video: str, gaze: FrameGaze, size_hw: tuple[int, int]) -> Map:
        """The official map, or one made by the official sigma where its file is missing."""
        path = self._official_maps(video).get(gaze.index + self.first_number(video))
        return super().density(video, gaze, size_hw) if path is None else read_official_map(path, size_hw)

    def _official_maps(self, video: str) -> Mapping[int, Path]:
        """Listed once a video, since `density` is asked for frame by frame."""
        listed = self._listed
        if listed is None or listed[0] != video:
            self._listed = listed = video, numbered(self.folder(video) / "maps")
        return listed[1]

    def frame_counts(self, video: str) -> dict[str, int]:
        """Pictures, fixation maps, density maps."""
        counts = {"pictures": self.count_pictures(video)}
        if self.split not in self.hidden:
            maps = numbered(self.folder(video) / "maps")
            counts |= {"fixation maps": len(self.fixation_files(video)), "density maps": len(maps)}
        return counts

    def count_pictures(self, video: str) -> int:
        """How many frames `frames` yields."""
        return len(numbered(self.folder(video) / "images"))


class _FixationFiles(Mapping[int, FrameGaze]):
    """Binary maps by index as the gaze in them."""

    def __init__(self, files: Mapping[int, Path], read: Callable[[Path], Fixations]) -> None:
        self._files, self._read = files, read

    def __getitem__(self, index: int) -> FrameGaze:
        return FrameGaze(index=index, fixations=self._read(self._files[index]))

    def __iter__(self) -> Iterator[int]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
