"""What every model is: something that turns frames into predictions, one for one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from gfsalnet.types import Frame, Prediction
from gfsalnet.video import frames_from, open_source, prefetch, rate_of_pictures

StageSeconds: TypeAlias = "dict[str, float]"
"""Stage → wall-clock seconds spent in it. Stages run in several threads, but only one thread adds to each stage."""

READ_AHEAD_BYTES = 2**23
"""How much decoded video may wait to be predicted, and to be written: enough that no stage waits for another."""


def read_ahead(size_wh: tuple[int, int]) -> int:
    """How many decoded frames of that size may wait: 1 to 8."""
    return min(max(READ_AHEAD_BYTES // (size_wh[0] * size_wh[1] * 3), 1), 8)


class SaliencyModel(ABC):
    """A model behind the one interface that prediction, evaluation and comparison use."""

    name: str
    reach_frames: float = 0
    """How many earlier frames of its shot a prediction depends on; infinite where a state is carried on."""
    reach_seconds: float = 0.0
    """How long before a frame another one may lie that still has some influence, besides those of `reach_frames`."""
    lookahead_frames: int = 0
    """How many later frames of its shot a prediction depends on, and has to wait for."""
    input_size_hw: tuple[int, int]
    """The size frames are brought to; models that keep the frame's aspect use this area."""
    has_gate: bool = False
    """Whether predictions carry a gate and the maps of both streams."""
    computes_flow: bool = False
    """Whether predictions carry optical flow."""
    backend_name: str = ""
    """What runs the network, as `--backend` knows it, where there is a choice."""

    @abstractmethod
    def stream(self, frames: Iterable[Frame], seconds: StageSeconds | None = None) -> Iterator[Prediction]:
        """Exactly one prediction for every frame, in order; what is remembered ends at the end.

        Args:
            frames: of one video, in order.
            seconds: where to add up the seconds that each stage takes, as the stream goes on; None: nowhere.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """All that changes a prediction, as JSON values: name, weights, settings."""

    def predict(
        self,
        source: Any,
        *,
        rate: Fraction | float | None = None,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
    ) -> Generator[Prediction, None, None]:
        """Predict one source: exactly one prediction per frame, in order.

        A generator: frames are decoded ahead in a thread, and only a few are held at a time.

        Args:
            source: the path of a video file or an image, a folder or glob of frames, a URL, a camera number, `-` for
                standard input; or what is in memory: an array (H, W, 3) uint8 RGB or (T, H, W, 3), a PIL image, a torch
                tensor, or an iterable of those (see `gfsalnet.video.frames_from`).
            rate: frames per second of pictures, which have no times of their own; 25 if None. Video has its own.
            start_seconds: predict from the first frame on that is not before this time; for what is not in memory.
            end_seconds: predict to the last frame before this time; for what is not in memory.

        Raises:
            SourceError: if the source cannot be read.
            ValueError, TypeError: if what is in memory is no picture, or the rate is no finite number above 0.
        """
        if isinstance(source, (str, Path, int)):
            fraction = None if rate is None else rate_of_pictures(rate)
            with open_source(source, rate=fraction, start_seconds=start_seconds, end_seconds=end_seconds) as reader:
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
def timed(seconds: StageSeconds, stage: str) -> Iterator[None]:
    """Add the wall-clock seconds spent inside to a stage."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - began
