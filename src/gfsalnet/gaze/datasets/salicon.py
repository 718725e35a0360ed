"""SALICON: 640x480 pictures of MS COCO with the mouse traces of many viewers.

    ROOT/images/COCO_train2014_000000000009.jpg …               or in images/train/, images/val/, images/test/
    ROOT/fixations/{train,val}/COCO_train2014_000000000009.mat
    ROOT/maps/{train,val}/COCO_train2014_000000000009.png

The releases of 2015 and 2017 hold the same pictures with differently extracted fixations, so their numbers differ.
Fixations are (x, y), 1-based pixels. The gaze of the test split is hidden. The maps' sigma is about 19 pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.formats.mat import read_mat
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, SplitSize
from gfsalnet.gaze.disk import centres, read_official_map, require_folder
from gfsalnet.maps import Map
from gfsalnet.types import Fixations, Frame
from gfsalnet.video import read_image


class SALICON(GazeDataset):
    """SALICON, `train`, `val` or `test`; a picture is called by its file name without `.jpg`."""

    name = "salicon"
    kind = "image"
    splits = ("train", "val", "test")
    layout = (
        "SALICON has images/COCO_train2014_000000000009.jpg and so on, fixations/{train,val}/ and maps/{train,val}/."
    )
    default_split = "val"
    official: ClassVar = {
        "train": SplitSize(videos=10_000, frames=10_000),
        "val": SplitSize(videos=5000, frames=5000),
        "test": SplitSize(videos=5000, frames=5000),
    }
    hidden: ClassVar = frozenset({"test"})

    def __init__(self, root: Path, split: str = "val") -> None:
        super().__init__(root, split)
        images = require_folder(root / "images", self.layout)
        self._images = images / split if (images / split).is_dir() else images
        self._videos = sorted(path.stem for path in self._images.glob(f"COCO_{split}2014_*.jpg"))
        if not self._videos:
            raise DatasetError(
                self._images, f"it holds no pictures such as COCO_{split}2014_000000000001.jpg", self.layout
            )

    @property
    def videos(self) -> list[str]:
        """The pictures of the split by number."""
        return list(self._videos)

    def frames(self, video: str) -> Iterator[Frame]:
        """The picture."""
        yield Frame(read_image(self._images / f"{video}.jpg"))

    def pictures(self, video: str) -> Mapping[int, Path]:
        """The picture."""
        return {0: self._images / f"{video}.jpg"}

    def gaze(self, video: str) -> list[FrameGaze]:
        """All viewers' fixations, at the centres of their pixels."""
        if self.split in self.hidden:
            remedy = "Use the split val, or send predictions to the authors' server."
            raise DatasetError(f"{self.name}/{video}", "the gaze of the split test is not public", remedy)
        path = self._fixations(video)
        content = read_mat(path, "resolution", "gaze")
        try:
            height, width = (int(side) for side in content["resolution"].ravel())
            points = [_points(viewer["fixations"]) for viewer in content["gaze"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problem = f"its gaze is not a struct with N x 2 fixations for each viewer ({error})"
            raise DatasetError(path, problem, "Use the official release.") from error
        # The empty part, so that a picture without viewers can be joined; less 1, as the file counts pixels from 1.
        xy = np.concatenate([np.zeros((0, 2), np.int64), *points]) - 1
        subject = np.repeat(np.arange(len(points)), [len(part) for part in points])
        fixations = Fixations(x=centres(xy[:, 0]), y=centres(xy[:, 1]), size_wh=(width, height), subject=subject)
        return [FrameGaze(index=0, fixations=fixations)]

    def sigma_pixels(self, video: str) -> float:
        """Sigma in pixels of the picture: the Gaussian of the LSUN'17 kit, as far as it is known."""
        return 19.0

    def density(self, video: str, gaze: FrameGaze, size_hw: tuple[int, int]) -> Map:
        """The official map, or one made with `sigma_pixels` where its file is missing."""
        path = self._map(video)
        return read_official_map(path, size_hw) if path.is_file() else super().density(video, gaze, size_hw)

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """The picture, its fixations and its map."""
        picture = self._images / f"{video}.jpg"
        if not picture.stat().st_size:
            raise SourceError(picture, "the file is empty", "Copy or download it again.")
        if self.split in self.hidden:
            return {"pictures": range(1)}
        fixations, maps = self._fixations(video).is_file(), self._map(video).is_file()
        return {"pictures": range(1), "fixations": range(fixations), "density maps": range(maps)}

    def _fixations(self, video: str) -> Path:
        return self.root / "fixations" / self.split / f"{video}.mat"

    def _map(self, video: str) -> Path:
        return self.root / "maps" / self.split / f"{video}.png"


def _points(stored: Any) -> NDArray[np.int64]:
    """(N, 2) x, y; an empty one may have any shape."""
    points = np.asarray(stored)
    return points.astype(np.int64).reshape(-1, 2) if points.size else np.zeros((0, 2), np.int64)
