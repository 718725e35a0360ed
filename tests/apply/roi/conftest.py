"""A busy little video, in several containers and pixel formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

SIZE_WH = (128, 96)


def picture(index: int, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """Noise of a coarse grain, the same on both halves, moving."""
    width, height = size_wh
    grain = np.random.default_rng(0).integers(40, 215, (24, 16, 3), np.uint8)
    half = cv2.resize(np.roll(grain, index, axis=0), (width // 2, height), interpolation=cv2.INTER_CUBIC)
    return np.concatenate([half, half, half[:, : width % 2]], axis=1)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A folder of three pictures."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(3):
        cv2.imwrite(str(folder / f"{index:03d}.png"), picture(index))
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a video under `tmp_path` and returns its path."""

    def make(
        name: str = "clip.mkv",
        times: Sequence[float] = tuple(n / 25 for n in range(12)),
        *,
        pixel_format: str = "yuv420p",
        size_wh: tuple[int, int] = SIZE_WH,
        codec: str = "ffv1",
        tracks: int = 0,
    ) -> Path:
        with av.open(str(tmp_path / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=Fraction(25))
            stream.width, stream.height, stream.pix_fmt = *size_wh, pixel_format
            stream.codec_context.time_base = Fraction(1, 1000)
            sounds = [container.add_stream("aac", rate=48_000, layout="mono") for _ in range(tracks)]
            for index, seconds in enumerate(times):
                frame = av.VideoFrame.from_ndarray(picture(index, size_wh), format="rgb24").reformat(
                    format=pixel_format
                )
                frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            for sound in sounds:
                for index in range(20):
                    samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                    samples.sample_rate, samples.pts, samples.time_base = 48_000, index * 1024, Fraction(1, 48_000)
                    container.mux(sound.encode(samples))
                container.mux(sound.encode(None))
        return tmp_path / name

    return make
