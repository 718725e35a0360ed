"""DIEM: 84 videos, about 50 viewers each, sampled once per frame at 30 frames per second.

    ROOT/<name>_<W>x<H>/video/*.mp4
    ROOT/<name>_<W>x<H>/event_data/*.txt        one file per viewer

A line of a text file is: frame (1-based), then x, y, pupil, event of the left eye, then of the right; event 1 is a
fixation. The coordinates are those of a 1280x960 screen with the video in its middle at its own size. The point of a
viewer in a frame is the mean of the eyes that fixate.

The test is on the first 300 frames of 20 videos (Borji et al.); the other 64 are for training.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, SplitSize
from gfsalnet.gaze.disk import grouped_rows, require_folder, viewer_points
from gfsalnet.gaze.video_files import video_frames
from gfsalnet.types import Frame
from gfsalnet.video import count_frames

TEST_FRAMES = 300
TEST_VIDEOS = frozenset(
    """
    BBC_life_in_cold_blood_1278x710 BBC_wildlife_serpent_1280x704 DIY_SOS_1280x712 advert_bbc4_bees_1024x576
    advert_bbc4_library_1024x576 advert_iphone_1272x720 ami_ib4010_closeup_720x576 ami_ib4010_left_720x576
    harry_potter_6_trailer_1280x544 music_gummybear_880x720 music_trailer_nine_inch_nails_1280x720
    news_tony_blair_resignation_720x540 nightlife_in_mozambique_1280x580 one_show_1280x712
    pingpong_angle_shot_960x720 pingpong_no_bodies_960x720 sport_scramblers_1280x720
    sport_wimbledon_federer_final_1280x704 tv_uni_challenge_final_1280x712
    university_forum_construction_ionic_1280x720
    """.split()  # noqa: SIM905 - twenty quoted strings would be harder to read
)
_SCREEN_WH = (1280, 960)
_SIZE = re.compile(r"_(\d+)x(\d+)$")
_COLUMNS = 9
_FIXATION = 1


class DIEM(GazeDataset):
    """DIEM, `train` or `test`; a video is called by its folder."""

    name = "diem"
    kind = "video"
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    layout = "DIEM has a folder per video, such as DIY_SOS_1280x712, with video/*.mp4 and event_data/*.txt in it."
    official: ClassVar = {"train": SplitSize(videos=64), "test": SplitSize(videos=20, frames=20 * TEST_FRAMES)}
    limit: int | None = None
    """How many frames of each video belong to the split; None: all."""

    def __init__(self, root: Path, split: str = "test") -> None:
        super().__init__(root, split)
        require_folder(root, self.layout)
        # Python sorts by code point, upper case first, as the published indices count.
        found = sorted(path.name for path in root.iterdir() if path.is_dir() and _SIZE.search(path.name))
        self._videos = [name for name in found if (name in TEST_VIDEOS) == (split == "test")]
        if not self._videos:
            raise DatasetError(root, f"it holds no video of the split {split}", self.layout)
        if split == "test":
            self.limit = TEST_FRAMES

    @property
    def videos(self) -> list[str]:
        """The videos of the split in the order of the published indices: upper case before lower case."""
        return list(self._videos)

    def frames(self, video: str) -> Iterator[Frame]:
        """The video, in the test its first 300 frames."""
        return islice(video_frames(self._video_file(video)), self.limit)

    def gaze(self, video: str) -> list[FrameGaze]:
        """One point per viewer and frame, in pixels of the video; `subject` is the place of the viewer's file."""
        size_wh = size_in_name_wh(video)
        # Sorted, because the order of a listing differs between systems and numbers the viewers.
        files = sorted((self.root / video / "event_data").glob("*.txt"))
        if not files:
            raise DatasetError(self.root / video / "event_data", "it holds no gaze", self.layout)
        points = np.concatenate([_viewer_points(path, number, size_wh) for number, path in enumerate(files)])
        frames = points[:, 0].astype(np.int64)
        groups = grouped_rows(frames, self.limit or int(frames.max(initial=-1)) + 1)
        return [FrameGaze(index=i, fixations=viewer_points(points[rows], size_wh)) for i, rows in enumerate(groups)]

    def sigma_pixels(self, video: str) -> float:
        """2 % of the longer side, about one degree on that screen: there is no official value."""
        return 0.02 * max(size_in_name_wh(video))

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """Pictures only: gaze goes on after the end of some videos."""
        return {"pictures": range(count_frames(self._video_file(video)))[: self.limit]}

    def whole_length(self, video: str) -> int | None:
        """The test counts the first 300 frames of longer videos."""
        return count_frames(self._video_file(video))

    def _video_file(self, video: str) -> Path:
        folder = self.root / video / "video"
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        path = next((file for file in files if file.suffix.lower() == ".mp4" and file.name[0] != "."), None)
        if path is None:
            raise SourceError(folder, "it holds no MP4", self.layout)
        return path


def size_in_name_wh(video: str) -> tuple[int, int]:
    """Width and height of a video, in pixels, from the end of its name."""
    found = _SIZE.search(video)
    if found is None:
        raise ValueError(f"{video} does not end in a size such as _1280x720")
    return int(found[1]), int(found[2])


def _viewer_points(path: Path, number: int, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """(N, 4) rows of 0-based frame, viewer, x, y in pixels of the video."""
    rows = _read(path)
    left, right = rows[:, 1:3], rows[:, 5:7]
    fixates = np.stack([rows[:, 4] == _FIXATION, rows[:, 8] == _FIXATION], axis=1)
    # A line may mark a fixation and yet have no position.
    fixates &= np.stack([np.isfinite(left).all(1), np.isfinite(right).all(1)], axis=1)
    # Zero for eyes that do not fixate, so that the sum below counts the others only.
    eyes = np.where(fixates[..., None], np.stack([left, right], axis=1), 0)
    seen = fixates.any(axis=1)
    xy = eyes[seen].sum(axis=1) / fixates[seen].sum(axis=1, keepdims=True)
    # From pixels of the screen to pixels of the video in its middle.
    xy -= [(_SCREEN_WH[0] - size_wh[0]) / 2, (_SCREEN_WH[1] - size_wh[1]) / 2]
    # The file counts frames from 1.
    return np.column_stack([rows[seen, 0] - 1, np.full(len(xy), number), xy])


def _read(path: Path) -> NDArray[np.float64]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        rows = np.array([line.split() for line in text.splitlines() if line.strip()], np.float64)
        return rows.reshape(-1, _COLUMNS)
    except (OSError, ValueError) as error:
        problem = f"it is not a table of {_COLUMNS} numbers per line ({error})"
        raise DatasetError(path, problem, "Copy or download it again.") from error
