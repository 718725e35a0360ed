"""Makes `follower` a module that the tests beside it import, and the clip that it follows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.chromium import chromium

sys.path.insert(0, str(Path(__file__).parent))

from follower import Follower, write_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds at 10 Hz: a white square on black."""
    return write_clip(tmp_path_factory.mktemp("clips") / "square <1>.mp4")


@pytest.fixture(scope="session")
def report(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two sections: the clip by one model, and by two."""
    from gfsalnet.report import Version, make_report

    path = tmp_path_factory.mktemp("page") / "report.html"
    one, two = (Version(source=str(clip), model=Follower(name)) for name in ("one", "two"))
    make_report([(one,), (one, two)], path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened
