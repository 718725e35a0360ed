"""What every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real gaze and clips beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip("../shared is not here")
    return SHARED
