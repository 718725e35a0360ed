"""What every model is: something that turns frames into predictions, one for one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

from gfsalnet.types import Frame, Prediction
from gfsalnet.video import frames_from, open_source, prefetch

READ_AHEAD_BYTES = 2**23
"""How much decoded video may wait to be predicted, and to be written: enough that no stage waits for another."""


def read_ahead(size_wh: tuple[int, int]) -> int:
    """How many decoded frames of that size may wait: 1 to 8."""
    return min(max(READ_AHEAD_BYTES // (size_wh[0] * size_wh[1] * 3), 1), 8)


class SaliencyModel(ABC):
    """A model behind the one interface that prediction, evaluation and comparison use."""

    name: str
    frames_back: ClassVar[int] = 0
    """How many earlier frames a prediction depends on."""
    reach_seconds: float = 0.0
    """How long ago a frame may have been that still has some influence, besides those `frames_back`."""
    frames_ahead: ClassVar[int] = 0
    """How many later frames a prediction has to wait for."""
    input_size_hw: tuple[int, int]
    """The size frames are brought to; models that keep the frame's aspect use this area."""
    has_gate: bool = False
    """Whether predictions carry a gate and the maps of both streams."""
    computes_flow: bool = False
    """Whether predictions carry optical flow."""
    backend_name: str = ""
    """What runs the network, as `--backend` knows it, where there is a choice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        """Stage → wall-clock seconds spent in it by the latest `stream`."""

    @abstractmethod
    def stream(self, frames: Iterable[Frame]) -> Iterator[Prediction]:
        """Exactly one prediction for every frame, in order; what is remembered ends at a shot cut and at the end."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """All that changes a prediction, as JSON values: name, weights, settings."""

    def predict(self, source: Any, *, rate: Fraction | float | None = None) -> Generator[Prediction, None, None]:
        """Predict one source: exactly one prediction per frame, in order.

        A generator: frames are decoded ahead in a thread, and only a few are held at a time.

        Args:
            source: the path of a video file or an image, a folder or glob of frames, a URL, a camera number, `-` for
                standard input; or what is in memory: an array (H, W, 3) uint8 RGB or (T, H, W, 3), a PIL image, a torch
                tensor, or an iterable of those (see `gfsalnet.video.frames_from`).
            rate: frames per second of pictures, which have no times of their own; 25 if None. Video has its own.

        Raises:
            SourceError: if the source cannot be read.
            ValueError, TypeError: if what is in memory is no picture.
        """
        if isinstance(source, (str, Path, int)):
            with open_source(source, rate=None if rate is None else Fraction(rate)) as reader:
                yield from self.stream(prefetch(reader, read_ahead(reader.info.size_wh)))
        else:
            yield from self.stream(frames_from(source, rate))

    def __call__(self, picture: Any) -> Prediction:
        """The prediction for one picture: a path, an array (H, W, 3) uint8 RGB, a PIL image or a torch tensor.

        Raises:
            SourceError: if a file cannot be read.
            ValueError: if there is more than one frame: use `predict`.
        """
        with closing(self.predict(picture)) as predictions:
            first = next(predictions)
            if next(predictions, None) is not None:
                raise ValueError("model(picture) takes one picture, and this has several: use model.predict(...)")
        return first

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        """Add the seconds spent inside to a stage of `seconds`."""
        began = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - began
