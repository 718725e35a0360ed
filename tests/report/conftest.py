"""Makes `follower` a module that the tests beside it import, and the clip that it follows."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.video import VideoWriter

sys.path.insert(0, str(Path(__file__).parent))

from follower import FRAMES, SIZE_WH, square_x


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds at 10 Hz: a white square on black."""
    path = tmp_path_factory.mktemp("clips") / "square <1>.mp4"
    with VideoWriter(path, size_wh=SIZE_WH, rate=Fraction(10)) as writer:
        for index in range(FRAMES):
            rgb = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
            rgb[24:40, square_x(index) : square_x(index) + 16] = 255
            writer.write(rgb, index / 10)
    return path
