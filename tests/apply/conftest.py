"""A model that looks where it is bright, and videos of a bright disc, made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from gfsalnet.models import SaliencyModel
from gfsalnet.types import RGB, Frame, Prediction
from gfsalnet.video import ShotDetector


class BrightnessModel(SaliencyModel):
    """Looks where it is bright; a shot starts at a cut."""

    name = "brightness"
    input_size_hw = (24, 32)

    def describe(self) -> dict[str, Any]:
        return {"name": self.name}

    def stream(self, frames: Iterable[Frame], seconds: dict[str, float] | None = None) -> Iterator[Prediction]:
        detector = ShotDetector()
        for number, frame in enumerate(frames):
            small = cv2.resize(frame.rgb, self.input_size_hw[::-1], interpolation=cv2.INTER_AREA).mean(2)
            light = np.maximum(small - 200, 0) + 1e-3
            starts = detector.is_cut(frame.rgb) or number == 0
            yield Prediction(frame=frame, map_density=(light / light.sum()).astype(np.float32), starts_shot=starts)


@pytest.fixture
def model() -> SaliencyModel:
    return BrightnessModel()


def disc(
    x: float, y: float, size_wh: tuple[int, int] = (160, 90), ground: int | tuple[int, int, int] = 40, radius: int = 10
) -> RGB:
    """A white disc on a ground that is too dark to be looked at."""
    rgb = np.empty((size_wh[1], size_wh[0], 3), np.uint8)
    rgb[:] = ground
    cv2.circle(rgb, (round(x), round(y)), radius, (255, 255, 255), -1)
    return rgb


@pytest.fixture
def draw() -> Callable[..., RGB]:
    return disc


@pytest.fixture
def encode(tmp_path: Path) -> Callable[..., Path]:
    """A function that encodes frames under `tmp_path`, with tones of these pitches as sound tracks."""

    def make(
        name: str,
        frames: Sequence[RGB],
        *,
        rate: int = 10,
        stamps: Sequence[int] | None = None,
        pixel_format: str = "yuv420p",
        codec: str = "libx264",
        tones_hz: Sequence[int] = (),
        setup: Callable[[Any], None] = lambda stream: None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate, options={"crf": "8"} if codec == "libx264" else {})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = pixel_format
            stream.codec_context.time_base = Fraction(1, 1000)
            setup(stream)
            sounds = [container.add_stream("aac", rate=48_000, layout="mono") for _ in tones_hz]
            for index, rgb in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
                frame.pts = stamps[index] if stamps is not None else index * 1000 // rate
                frame.time_base = Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            for sound, hz in zip(sounds, tones_hz, strict=True):
                for start in range(0, 48_000 * len(frames) // rate, 1024):
                    wave = np.sin(2 * np.pi * hz * (np.arange(1024) + start) / 48_000).astype(np.float32) / 2
                    audio = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
                    audio.sample_rate, audio.pts, audio.time_base = 48_000, start, Fraction(1, 48_000)
                    container.mux(sound.encode(audio))
                container.mux(sound.encode(None))
        return path

    return make
