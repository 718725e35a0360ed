"""Small videos made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gfsalnet.types import RGB


def draw(index: int, size_wh: tuple[int, int] = (96, 64)) -> RGB:
    """A colour ramp with a white square that moves, and a patch of noise that keeps packets from being tiny."""
    width, height = size_wh
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0] = np.linspace(0, 200, width)
    rgb[..., 1] = np.linspace(0, 120, height)[:, None]
    rgb[..., 2] = 40
    x = (index * 3) % max(1, width - 16)
    rgb[height // 4 : height // 2, x : x + 16] = 255
    patch = rgb[height // 2 :, : width // 3]
    patch[:] = np.random.default_rng(index).integers(0, 255, patch.shape)
    return rgb


def tone(index: int, samples: int, rate: int) -> av.AudioFrame:
    """Mono 440 Hz, the `index`-th frame of `samples`."""
    times = (np.arange(samples) + index * samples) / rate
    wave = (0.4 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, index * samples, Fraction(1, rate)
    return frame


def write_audio(container: Any, stream: Any, seconds: float) -> None:
    samples = 1024
    for index in range(round(seconds * stream.sample_rate / samples)):
        for packet in stream.encode(tone(index, samples, stream.sample_rate)):
            container.mux(packet)
    for packet in stream.encode(None):
        container.mux(packet)


@pytest.fixture(
    params=[
        pytest.param(("torchcodec_nasa_13013.mp4", "intel_preview_classroom.mp4"), id="two", marks=pytest.mark.shared),
        pytest.param((), id="all", marks=[pytest.mark.shared, pytest.mark.slow]),
    ]
)
def some_real_clips(request: pytest.FixtureRequest, shared_dir: Path) -> list[Path]:
    """The smallest two, one of them with a cut; among the slow tests all eighteen."""
    if request.param:
        return [shared_dir / "data" / "clips" / name for name in request.param]
    clips = [*sorted((shared_dir / "data" / "clips").iterdir()), shared_dir / "data" / "dhf1k_0002" / "video.avi"]
    assert len(clips) == 18
    return clips


@pytest.fixture
def picture() -> Callable[..., RGB]:
    return draw


@pytest.fixture
def encode(tmp_path: Path) -> Callable[..., Path]:
    """A function that encodes a video under `tmp_path` and returns its path."""

    def make(
        name: str,
        count: int = 12,
        *,
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        size_wh: tuple[int, int] = (96, 64),
        rate: Fraction | int = 25,
        stamps: Sequence[int] | None = None,
        time_base: Fraction | None = None,
        options: dict[str, str] | None = None,
        muxer: dict[str, str] | None = None,
        format: str | None = None,
        audio: str | None = None,
        audio_seconds: float | None = None,
        frames: Sequence[RGB] | None = None,
        setup: Callable[[Any], None] = lambda stream: None,
    ) -> Path:
        path = tmp_path / name
        pictures = frames if frames is not None else [draw(index, size_wh) for index in range(count)]
        base = time_base or 1 / Fraction(rate)
        with av.open(str(path), "w", format=format, container_options=muxer or {}) as container:
            stream = container.add_stream(codec, rate=Fraction(rate), options=options or {})
            stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], pixel_format
            stream.codec_context.time_base = base
            setup(stream)
            sound = container.add_stream(audio, rate=48_000, layout="mono") if audio else None
            for index, rgb in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
                frame.pts, frame.time_base = stamps[index] if stamps else index, base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if sound is not None:
                write_audio(container, sound, audio_seconds or float(len(pictures) / rate))
        return path

    return make
