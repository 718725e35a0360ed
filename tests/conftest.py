"""What every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A machine that is busy with other work is no failure.
settings.register_profile("gfsalnet", deadline=None)
settings.load_profile("gfsalnet")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing that tests keep goes to the user's folders; all workers share one."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GFSALNET_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real gaze and clips beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip("../shared is not here")
    return SHARED
