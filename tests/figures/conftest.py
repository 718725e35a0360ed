"""Makes `follower`, a model made by code, a module that the tests beside it import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from follower import write_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds at 10 Hz: a white square on black."""
    return write_clip(tmp_path_factory.mktemp("clips") / "square.mp4")
