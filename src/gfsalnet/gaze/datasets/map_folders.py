"""The family of UCF-Sports, Hollywood-2 and DHF1K: for each frame a picture, a binary fixation map and a density map.

The three are matched by the number in their names, so a missing or surplus file shifts nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset
from gfsalnet.gaze.disk import fixations_of, read_binary, read_official_map
from gfsalnet.gaze.names import find_folder
from gfsalnet.gaze.numbers import first_of_parts, numbered
from gfsalnet.gaze.video_files import Timeline, picture_frames
from gfsalnet.maps import Map
from gfsalnet.types import Fixations, Frame


class MapFolders(GazeDataset):
    """A folder per video with `images/`, `fixation/` (or `fixations/`) and `maps/` in it."""

    kind = "video"
    rate: ClassVar[Fraction]
    sigma: ClassVar[float]
    """Pixels of the original frame."""
    _listed: tuple[str, Mapping[int, Path]] | None = None

    @abstractmethod
    def folder(self, video: str) -> Path:
        """The folder of the frames and maps of a video."""

    def first_number(self, video: str) -> int:
        """The number in the names of a video's first frame: 1, or 0 where a part counts from there.

        Raises:
            DatasetError: if the parts count differently.
        """
        return first_of_parts(f"{self.name}/{video}", self.files(video))

    def files(self, video: str) -> Mapping[str, Mapping[int, Path]]:
        """Pictures, fixation maps and density maps by number."""
        return {
            "pictures": numbered(self.picture_folder(video)),
            "fixation maps": self.fixation_files(video),
            "density maps": numbered(find_folder(self.folder(video), "maps")),
        }

    def picture_folder(self, video: str) -> Path:
        """The folder of its frames."""
        return find_folder(self.folder(video), "images")

    def fixation_folder(self, video: str) -> Path:
        """The folder of its binary maps."""
        # The authors' releases write `fixation`, copies such as ViNet's `fixations`.
        folders = [find_folder(self.folder(video), name) for name in ("fixation", "fixations")]
        return next((folder for folder in folders if folder.is_dir()), folders[0])

    def frames(self, video: str) -> Iterator[Frame]:
        """The pictures in `images/`."""
        pictures = self.pictures(video)
        if not pictures:
            raise SourceError(self.picture_folder(video), "it holds no pictures", self.layout)
        return picture_frames(pictures, self.times(video))

    def times(self, video: str) -> Timeline | Fraction:
        """When its pictures are shown."""
        return self.rate

    def pictures(self, video: str) -> Mapping[int, Path]:
        """The pictures in `images/` by 0-based index."""
        return self._by_index(video, numbered(self.picture_folder(video)))

    def frames_folder(self, video: str) -> Path | None:
        """None: there are no videos."""
        return None

    def gaze(self, video: str) -> list[FrameGaze]:
        """The fixated pixels of each binary map, at their centres; who looked is not stored."""
        return list(self.gaze_by_index(video).values())

    def gaze_by_index(self, video: str) -> Mapping[int, FrameGaze]:
        """Every binary map, read on access."""
        self._refuse_hidden(video)
        files = self.fixation_files(video)
        if not files:
            raise DatasetError(self.fixation_folder(video), "it holds no fixation maps", self.layout)
        # Listed and not read: training takes single frames of thousands.
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
        return numbered(self.fixation_folder(video))

    def read(self, path: Path) -> Fixations:
        """The fixations of one binary map (H, W), at the centres of its pixels."""
        return fixations_of(read_binary(path))

    def sigma_pixels(self, video: str) -> float:
        """Sigma in pixels of the original frame, the same for all videos."""
        return self.sigma

    def density(self, video: str, gaze: FrameGaze, size_hw: tuple[int, int]) -> Map:
        """(h, w), sums to 1: the official map, or one made by the official sigma where its file is missing."""
        path = self._official_maps(video).get(gaze.index)
        return super().density(video, gaze, size_hw) if path is None else read_official_map(path, size_hw)

    def _official_maps(self, video: str) -> Mapping[int, Path]:
        """The density maps by index, listed once per video, since `density` is called frame by frame."""
        listed = self._listed
        if listed is None or listed[0] != video:
            self._listed = listed = video, self._by_index(video, self.files(video)["density maps"])
        return listed[1]

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """Pictures, fixation maps, density maps."""
        files = {part: self._by_index(video, files) for part, files in self.files(video).items()}
        pictures = {"pictures": self.picture_indices(video)}
        return pictures if self.split in self.hidden else {**files, **pictures}

    def picture_indices(self, video: str) -> Collection[int]:
        """Indices of the frames that `frames` yields."""
        return self.pictures(video)


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
