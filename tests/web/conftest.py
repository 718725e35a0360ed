"""The folder behind a server, a browser, and a clip."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.chromium import chromium

from gfsalnet.demo import draw_frame
from gfsalnet.web import HEADERS, write_folder

sys.path.insert(0, str(Path(__file__).parent))

from answering import Served, served

RATE, FRAMES = 20, 24


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("web")
    write_folder(path)
    return path


@pytest.fixture
def plain(folder: Path) -> Iterator[Served]:
    """As any static server has it."""
    with served(folder, {}) as running:
        yield running


@pytest.fixture
def isolated(folder: Path) -> Iterator[Served]:
    """With the headers that allow threads."""
    with served(folder, HEADERS) as running:
        yield running


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A moving scene with a tone, H.264 and AAC, 640x360."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        sound = container.add_stream("aac", rate=48000)
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(draw_frame(index / RATE), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(frame))
        seconds = np.arange(48000 * FRAMES // RATE) / 48000
        tone = av.AudioFrame.from_ndarray(np.float32(0.1 * np.sin(2764 * seconds))[None], format="fltp", layout="mono")
        tone.sample_rate, tone.pts = 48000, 0
        container.mux(sound.encode(tone))
        for stream in (video, sound):
            container.mux(stream.encode(None))
    return path


@pytest.fixture
def launch() -> Iterator[Callable[..., Any]]:
    """Start Chromium, with these flags, for one test: pages of tests that are over would go on beside the others."""
    with ExitStack() as launched:
        yield lambda *flags: launched.enter_context(chromium(*flags))


@pytest.fixture
def browser(launch: Callable[..., Any]) -> Any:
    return launch()
