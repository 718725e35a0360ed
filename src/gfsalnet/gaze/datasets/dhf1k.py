"""DHF1K, 1,000 videos of 640x360 at 30 frames per second, 17 viewers.

    ROOT/video/001.AVI … 700.AVI (… 1000.AVI)
    ROOT/annotation/0001/maps/0001.png, fixation/0001.png, fixation/maps/0001.mat (a binary matrix `I`)
    ROOT/annotation/0001/images/0001.png                        extracted frames, which `dataset prepare` makes
    ROOT/exportdata_train/P001/P001_Trail0001.txt               raw gaze, read by `dhf1k-viewers`

Also read: ROOT/video/0001/0001.png beside ROOT/annotation, as TASED-Net has the frames, and
ROOT/0001/{images,maps,fixations}/0001.png, as ViNet has all, also in train/, val/ and test/. Split: 1–600, 601–700 and
701–1000, whose gaze is hidden. The official density is a Gaussian with a full width at half maximum of 30 pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.formats.mat import read_mat
from gfsalnet.gaze.dataset import FrameGaze, SplitSize
from gfsalnet.gaze.datasets.map_folders import MapFolders
from gfsalnet.gaze.disk import fixations_of, grouped_rows, require_folder, viewer_points
from gfsalnet.gaze.names import find_folder
from gfsalnet.gaze.numbers import numbered
from gfsalnet.gaze.video_files import Timeline, video_frames, video_timeline
from gfsalnet.maps import Map
from gfsalnet.types import Fixations, Frame
from gfsalnet.video import count_frames

_NUMBERS = {"train": (1, 600), "val": (601, 700), "test": (701, 1000)}
SIZE_WH = (640, 360)
_SCREEN_WH = (1440, 900)
_RATE = Fraction(30)
_MATRIX = "I"
_SPLIT_FOLDERS = ("train", "training", "val", "validation", "test", "testing")
_MOST_FRAMES = 1558
"""Frames of the longest video."""
_CLOCK_SECONDS = 5e-7
"""The eye tracker's times are whole microseconds."""


class DHF1K(MapFolders):
    """DHF1K, `train`, `val` or `test`, with the official binary maps; videos are called `0001` … `1000`."""

    name = "dhf1k"
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test")
    layout = "DHF1K has video/001.AVI and annotation/0001/{maps,fixation}/0001.png, and so on."
    default_split = "val"
    official: ClassVar = {
        "train": SplitSize(videos=600, frames=346_140),
        "val": SplitSize(videos=100, frames=60_273),
        "test": SplitSize(videos=300, frames=176_192),
    }
    hidden: ClassVar = frozenset({"test"})
    frames_in_layout = True
    rate = _RATE
    sigma = 12.74

    def __init__(self, root: Path, split: str = "val") -> None:
        super().__init__(root, split)
        require_folder(root, self.layout)
        first, last = _NUMBERS[split]
        self._media = find_folder(root, "video")
        self._video_files = _video_files(self._media)
        self._frame_folders = _numbered_folders(self._media)
        self._folders = self._annotation_folders()
        # Any of the three makes it a video of the split, so that a missing part is reported and not passed over.
        there = {*self._video_files, *self._frame_folders, *self._folders}
        self._videos = [f"{n:04d}" for n in range(first, last + 1) if n in there]
        if not self._videos:
            raise DatasetError(root, f"it holds none of the videos {first:04d} to {last:04d}", self.layout)

    def _annotation_folders(self) -> dict[int, Path]:
        """Number of a video → its folder, of the first place that has it."""
        bases = [find_folder(self.root, "annotation"), self.root]
        places = [*bases, *(base / name for base in bases for name in _SPLIT_FOLDERS)]
        found: dict[int, Path] = {}
        for place in places:
            # Earlier places win.
            found = {**_numbered_folders(place), **found}
        return found

    @property
    def videos(self) -> list[str]:
        """The videos of the split of which at least a part exists, by number."""
        return list(self._videos)

    def folder(self, video: str) -> Path:
        """ROOT/annotation/0001."""
        return self._folders.get(int(video), self.root / "annotation" / video)

    def picture_folder(self, video: str) -> Path:
        """ROOT/annotation/0001/images, or ROOT/video/0001."""
        images, frames = super().picture_folder(video), self._frame_folders.get(int(video))
        if numbered(images) or frames is None:
            return images
        return frames if numbered(frames) else frames / "images"

    def frames_folder(self, video: str) -> Path | None:
        """ROOT/annotation/0001/images; None where there is no video to make it from."""
        return super().picture_folder(video) if int(video) in self._video_files else None

    def frames(self, video: str) -> Iterator[Frame]:
        """The extracted frames, or the video where there are none."""
        if self.pictures(video):
            return super().frames(video)
        if int(video) not in self._video_files:
            raise SourceError(self._media, f"it does not hold {int(video):03d}.AVI", self.layout)
        return video_frames(self._video_files[int(video)])

    def times(self, video: str) -> Timeline | Fraction:
        """The times of the video's frames if it exists, otherwise 30 frames per second."""
        path = self._video_files.get(int(video))
        return self.rate if path is None else video_timeline(path)

    def picture_indices(self, video: str) -> Collection[int]:
        """Indices of the extracted frames, or of the video's frames."""
        pictures, path = self.pictures(video), self._video_files.get(int(video))
        return range(count_frames(path)) if path is not None and not pictures else pictures

    def fixation_files(self, video: str) -> Mapping[int, Path]:
        """The PNG maps, and the MATLAB ones of frames that have none."""
        folder = self.fixation_folder(video)
        # The PNG wins if both exist.
        matrices = {**numbered(folder, (".mat",)), **numbered(folder / "maps", (".mat", ".png"))}
        return dict(sorted({**matrices, **numbered(folder)}.items()))

    def read(self, path: Path) -> Fixations:
        """The fixations of one PNG or MATLAB map (H, W), at the centres of its pixels."""
        return _read_matrix(path) if path.suffix.lower() == ".mat" else super().read(path)


class DHF1KViewers(DHF1K):
    """DHF1K with the viewers apart, from their raw gaze: one point per viewer and frame.

    The point is the mean of the samples that the eye tracker calls fixation, in video pixels: the video was shown
    1440 pixels wide in the middle of a 1440x900 screen. Densities are made from these points.
    """

    name = "dhf1k-viewers"
    splits = ("train", "val")
    layout = (
        "The raw gaze of DHF1K, exportdata_train/P001/P001_Trail0001.txt and so on, lies beside video/ or annotation/."
    )

    def __init__(self, root: Path, split: str = "val") -> None:
        super().__init__(root, split)
        require_folder(root / "exportdata_train", self.layout)

    def gaze(self, video: str) -> list[FrameGaze]:
        """Every frame up to the last with gaze, in pixels of the video; `subject` is the number of the viewer."""
        files = sorted((self.root / "exportdata_train").glob(f"P*/P*_Trail{video}.txt"))
        if not files:
            raise DatasetError(self.root / "exportdata_train", f"it holds no P001_Trail{video}.txt", self.layout)
        path = self._video_files.get(int(video))
        # Without the video, as many frames as the longest has: what lies behind the end of this one is never asked for.
        timeline = Timeline.steady(_MOST_FRAMES, _RATE) if path is None else video_timeline(path)
        points = np.concatenate([_viewer_points(path, timeline) for path in files])
        frames = points[:, 0].astype(np.int64)
        groups = grouped_rows(frames, int(frames.max(initial=-1)) + 1)
        return [FrameGaze(index=i, fixations=viewer_points(points[rows], SIZE_WH)) for i, rows in enumerate(groups)]

    def gaze_by_index(self, video: str) -> Mapping[int, FrameGaze]:
        """The frames with fixations inside the picture."""
        # Past `MapFolders`, which would read the binary maps.
        return super(MapFolders, self).gaze_by_index(video)

    def density(self, video: str, gaze: FrameGaze, size_hw: tuple[int, int]) -> Map:
        """(h, w), sums to 1: the density made from the points with the official sigma."""
        return super(MapFolders, self).density(video, gaze, size_hw)

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """Pictures only: gaze goes on after the end of the video."""
        return {"pictures": self.picture_indices(video)}


def _video_files(folder: Path) -> dict[int, Path]:
    return dict(numbered(folder, (".avi", ".mp4")))


def _numbered_folders(parent: Path) -> dict[int, Path]:
    """Folders that are called by a number, with however many zeros in front."""
    if not parent.is_dir():
        return {}
    return {int(path.name): path for path in sorted(parent.iterdir()) if path.name.isdecimal() and path.is_dir()}


def _read_matrix(path: Path) -> Fixations:
    matrix = read_mat(path, _MATRIX)[_MATRIX]
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
        raise DatasetError(path, f"{_MATRIX} is no matrix", "Copy or download it again.")
    return fixations_of(matrix > 0)


def _viewer_points(path: Path, timeline: Timeline) -> NDArray[np.float64]:
    """(N, 4) rows of frame, viewer, x, y: the means of one viewer's fixation samples while each frame is shown.

    Samples outside the video count only in a frame that has no others.
    """
    samples = _fixation_samples(path)
    samples[:, 0] = timeline.frame_at(samples[:, 0], _CLOCK_SECONDS)
    # The video filled the width of the screen; above and below it were bars.
    scale = SIZE_WH[0] / _SCREEN_WH[0]
    bar_pixels = (_SCREEN_WH[1] - SIZE_WH[1] / scale) / 2
    x, y = samples[:, 1] * scale, (samples[:, 2] - bar_pixels) * scale
    inside = (x >= 0) & (x < SIZE_WH[0]) & (y >= 0) & (y < SIZE_WH[1])
    frames, which = np.unique(samples[:, 0], return_inverse=True)
    counts = inside | (np.bincount(which, inside, len(frames)) == 0)[which]
    total = np.bincount(which, counts, len(frames))
    means = [np.bincount(which, values * counts, len(frames)) / total for values in (x, y)]
    viewer = np.full(len(frames), int(path.stem.split("_")[0].lstrip("P")))
    return np.stack([frames, viewer, *means], axis=1)


def _fixation_samples(path: Path) -> NDArray[np.float64]:
    """(N, 3) rows of seconds, x, y on the screen. Time is in microseconds; the first sample's is the video's start."""
    try:
        rows = [line.split() for line in path.read_text(errors="replace").splitlines()[1:] if line.strip()]
        start = float(rows[0][0]) if rows else 0.0
        fixated = [row for row in rows if len(row) > 3 and row[3].startswith("F")]
        values = np.array([row[:3] for row in fixated], np.float64).reshape(-1, 3)
    except (OSError, ValueError, IndexError) as error:
        raise DatasetError(path, f"it is not a readable gaze record ({error})", "Copy or download it again.") from error
    values[:, 0] = (values[:, 0] - start) / 1e6
    return values
