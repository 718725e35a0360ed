"""AViMoS (AIM 2024, ECCV workshop): 1,500 full-HD videos with sound, the mouse traces of over 70 viewers each.

    ROOT/TrainTestSplit.json                             {"train": [names], "public_test": …, "private_test": …}
    ROOT/Videos/<name>.mp4
    ROOT/FixationsTrain/…/<name>/fixations.json          also FixationsTest; for each frame a list of [row, column]
    ROOT/SaliencyTrain/…/<name>.mp4                      also SaliencyTest; grey, 10 bits, each frame min-max normalised

Positions that several viewers share are repeated, and the challenge counts them as often.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import av
import numpy as np

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.formats.texts import read_json
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, SplitSize
from gfsalnet.gaze.disk import centres, require_folder
from gfsalnet.gaze.maps import gaze_density
from gfsalnet.gaze.names import NameIndex
from gfsalnet.gaze.video_files import video_frames, video_info
from gfsalnet.maps import Map, resize_map
from gfsalnet.types import Fixations, Frame
from gfsalnet.video import count_frames
from gfsalnet.video.pyav import FILE, open_input

_SHAPE = "it is not a list over frames of lists of [row, column]"


class AViMoS(GazeDataset):
    """AViMoS, `train`, `public_test` or `private_test`; the ground truth of all three is public."""

    name = "avimos"
    kind = "video"
    splits = ("train", "public_test", "private_test")
    layout = (
        "AViMoS has TrainTestSplit.json, Videos/, FixationsTrain/, FixationsTest/, SaliencyTrain/ and SaliencyTest/."
    )
    default_split = "public_test"
    official: ClassVar = {"train": SplitSize(videos=1000)}
    maps_are_videos = True

    def __init__(self, root: Path, split: str = "public_test") -> None:
        super().__init__(root, split)
        listed = _listed(root / "TrainTestSplit.json", split, self.layout)
        part = "Train" if split == "train" else "Test"
        fixations = require_folder(root / f"Fixations{part}", self.layout)
        self._video_files = _called(listed, _by_stem(require_folder(root / "Videos", self.layout)))
        self._fixations = _called(listed, {path.parent.name: path for path in fixations.rglob("fixations.json")})
        self._maps = _called(listed, _by_stem(root / f"Saliency{part}"))
        # With either of the two: what of the other is missing is said of the video, not passed over.
        self._videos = [name for name in listed if name in self._video_files or name in self._fixations]
        self._playing: tuple[str, int, Iterator[Map]] = ("", 0, iter(()))
        if not self._videos:
            raise DatasetError(root, f"it holds none of the {len(listed)} videos of the split {split}", self.layout)

    def __reduce__(self) -> tuple[type[AViMoS], tuple[Path, str]]:
        # A map video that is being decoded cannot be pickled: the copy in another process opens it anew.
        return type(self), (self.root, self.split)

    @property
    def videos(self) -> list[str]:
        """The videos of the split in the order of TrainTestSplit.json."""
        return list(self._videos)

    def frames(self, video: str) -> Iterator[Frame]:
        """The video."""
        return video_frames(self._video_file(video))

    def gaze(self, video: str) -> list[FrameGaze]:
        """Every frame, at the centres of the pixels; who looked is not stored."""
        size_wh = video_info(self._video_file(video)).size_wh
        path = self._fixations.get(video)
        if path is None:
            raise DatasetError(f"{self.name}/{video}", "there is no fixations.json of it", self.layout)
        try:
            return [FrameGaze(index=i, fixations=_fixations(points, size_wh)) for i, points in enumerate(_read(path))]
        except (TypeError, ValueError, OverflowError) as error:
            raise DatasetError(path, f"{_SHAPE} ({error})", "Download it again.") from error

    def sigma_pixels(self, video: str) -> float:
        """2 % of the longer side in pixels: the authors do not say. Only used where the official map is missing."""
        return 0.02 * max(video_info(self._video_file(video)).size_wh)

    def density(self, video: str, gaze: FrameGaze, size_hw: tuple[int, int]) -> Map:
        """(h, w), sums to 1: the official map video, less its frame's minimum as in the challenge; fast in order."""
        if video not in self._maps:
            return super().density(video, gaze, size_hw)
        # The decoder stays open between calls: opening it anew would decode from the start for each frame.
        playing, position, maps = self._playing
        # Another video, or a step back: from the beginning again.
        if playing != video or gaze.index < position:
            position, maps = 0, _grey_frames(self._maps[video])
        for index, grey in enumerate(maps, start=position):
            if index == gaze.index:
                self._playing = (video, index + 1, maps)
                return gaze_density(resize_map(grey - grey.min(), size_hw))
        self._playing = ("", 0, iter(()))
        raise DatasetError(self._maps[video], f"it has no frame {gaze.index}", "Download it again.")

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """Pictures, frames with fixations, and frames of the map video."""
        fixations, maps = self._fixations.get(video), self._maps.get(video)
        return {
            "pictures": range(count_frames(self._video_file(video))),
            "fixations": range(0 if fixations is None else len(_read(fixations))),
            "density maps": range(0 if maps is None else count_frames(maps)),
        }

    def _video_file(self, video: str) -> Path:
        if video not in self._video_files:
            raise SourceError(self.root / "Videos", f"it does not hold {video}.mp4", self.layout)
        return self._video_files[video]


def _listed(path: Path, split: str, layout: str) -> list[str]:
    content = read_json(path, DatasetError, layout)
    if not isinstance(content, dict) or not isinstance(content.get(split), list):
        raise DatasetError(path, f"it has no list {split}", layout)
    return [str(name).removesuffix(".mp4") for name in content[split]]


def _by_stem(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".mp4")
    return {path.stem: path for path in files if not path.name.startswith(".")}


def _called(listed: list[str], files: dict[str, Path]) -> dict[str, Path]:
    """The files by the names of the list; names may differ in case, accents or leading zeros."""
    there = NameIndex(files)
    found = {name: there.find(name) for name in listed}
    return {name: files[hits[0]] for name, hits in found.items() if len(hits) == 1}


@lru_cache(maxsize=2)
def _read(path: Path) -> list[list[list[int]]]:
    frames = read_json(path, DatasetError, "Download it again.")
    if not isinstance(frames, list) or not all(isinstance(points, list) for points in frames):
        raise DatasetError(path, _SHAPE, "Download it again.")
    return frames


def _fixations(points: list[list[int]], size_wh: tuple[int, int]) -> Fixations:
    # The authors store [row, column], that is y before x.
    rows_columns = np.array(points, np.int64).reshape(-1, 2)
    return Fixations(x=centres(rows_columns[:, 1]), y=centres(rows_columns[:, 0]), size_wh=size_wh)


def _grey_frames(path: Path) -> Iterator[Map]:
    """(H, W) maps with all 10 bits, which conversion to RGB would lose."""
    try:
        with open_input(f"{FILE}{path.absolute()}") as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="gray16le").astype(np.float32)
    except av.FFmpegError as error:
        raise DatasetError(path, f"it cannot be decoded ({error.strerror})", "Download it again.") from error
