"""A drawn dataset whose viewers follow a bright blob, and models of it; a module of its own for worker processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import FrameGaze, GazeDataset
from gfsalnet.maps import Map
from gfsalnet.models import SaliencyModel
from gfsalnet.types import Fixations, Frame, Prediction

WIDTH, HEIGHT = 96, 64
SIGMA_PIXELS = 5.0


def blob(x: float, y: float, sigma: float) -> Map:
    """(64, 96) float32, peak 1."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)).astype(np.float32)


class Drawn(GazeDataset):
    """Videos in which a blob wanders; five viewers look at it within three pixels, but at frame 2 nobody does."""

    name, kind, splits, layout = "drawn", "video", ("test",), "drawn"

    def __init__(self, names: tuple[str, ...] = ("a", "b", "c", "d"), length: int = 5, viewers: int = 5) -> None:
        super().__init__(Path("/drawn"), "test")
        self.names, self.length, self.viewers = names, length, viewers
        self.damaged: frozenset[str] = frozenset()

    @property
    def videos(self) -> list[str]:
        return list(self.names)

    def position(self, video: str, index: int) -> tuple[float, float]:
        place = 7 * self.names.index(video) + 3 * index
        return 12 + (place * 11) % (WIDTH - 24), 12 + (place * 5) % (HEIGHT - 24)

    def frames(self, video: str) -> Iterator[Frame]:
        for index in range(self.length):
            grey = (255 * blob(*self.position(video, index), 4)).astype(np.uint8)
            yield Frame(np.stack([grey] * 3, axis=2), index / 25, index)

    def gaze(self, video: str) -> list[FrameGaze]:
        if video in self.damaged:
            raise DatasetError(f"drawn/{video}", "its gaze is damaged", "Draw it again.")
        return [FrameGaze(index=index, fixations=self.fixations(video, index)) for index in range(self.length)]

    def fixations(self, video: str, index: int) -> Fixations:
        x, y = self.position(video, index)
        rng = np.random.default_rng(self.names.index(video) * 100 + index)
        count = 0 if index == 2 else 2 * self.viewers
        xy = rng.normal((x, y), 3, (count, 2)).astype(np.float32)
        subject = np.arange(count) % max(self.viewers, 1)
        return Fixations(x=xy[:, 0], y=xy[:, 1], size_wh=(WIDTH, HEIGHT), subject=subject)

    def sigma_pixels(self, video: str) -> float:
        return SIGMA_PIXELS


class BlobModel(SaliencyModel):
    """Finds the brightest pixel, and looks there and, with `doubt`, at the middle too."""

    input_size_hw = (HEIGHT, WIDTH)

    def __init__(self, doubt: float = 0.3, name: str = "blob") -> None:
        super().__init__()
        self.doubt, self.name = doubt, name

    def stream(self, frames: Iterable[Frame]) -> Iterator[Prediction]:
        for frame in frames:
            y, x = np.unravel_index(frame.rgb[..., 0].argmax(), frame.size_hw)
            saliency = blob(float(x), float(y), SIGMA_PIXELS) + self.doubt * blob(WIDTH / 2, HEIGHT / 2, 15)
            yield Prediction(frame=frame, map_density=saliency / saliency.sum())

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "doubt": self.doubt}


class ThreadModel(BlobModel):
    """Doubts as much as torch has threads: its maps tell how it was run."""

    def stream(self, frames: Iterable[Frame]) -> Iterator[Prediction]:
        import torch

        self.doubt = torch.get_num_threads()
        return super().stream(frames)

    def describe(self) -> dict[str, Any]:
        return {"name": self.name}


def write_maps(root: Path, dataset: Drawn, model: BlobModel, videos: Iterable[str] | None = None) -> Path:
    """`root/<video>/0001.npy` … as another program would write them."""
    for video in dataset.videos if videos is None else videos:
        folder = root / video
        folder.mkdir(parents=True)
        for prediction in model.stream(dataset.frames(video)):
            np.save(folder / f"{prediction.frame_index + 1:04d}.npy", prediction.map_density)
    return root
