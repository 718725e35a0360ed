"""The family of UCF-Sports, Hollywood-2 and DHF1K: for each frame a picture, a binary fixation map and a density map.

The three belong together by the number in their names, so a file that is missing or one too many shifts nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
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
        pictures = numbered(self.folder(video) / "images")
        if not pictures:
            raise SourceError(self.folder(video) / "images", "it holds no pictures", self.layout)
        first = self.first_number(video)
        return picture_frames({number - first: path for number, path in pictures.items()}, self.rate)

    def gaze(self, video: str) -> list[FrameGaze]:
        """The fixated pixels of each binary map, at their centres; who looked is not stored."""
        self._refuse_hidden(video)
        files, first = self.fixation_files(video), self.first_number(video)
        if not files:
            raise DatasetError(self.folder(video) / "fixation", "it holds no fixation maps", self.layout)
        return [FrameGaze(index=number - first, fixations=self.read(path)) for number, path in files.items()]

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
        if self._listed is None or self._listed[0] != video:
            self._listed = video, numbered(self.folder(video) / "maps")
        return self._listed[1]

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
