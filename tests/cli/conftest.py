"""Makes `command` a module that the tests beside it import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gfsalnet.cli.console import show_progress_as
from gfsalnet.packages import is_installed

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def as_a_new_process() -> None:
    """A command does not inherit how the one before it was told to show progress."""
    show_progress_as("bar")


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are put together, but their files stay empty: to render the plots takes longer than an evaluation."""
    if is_installed("matplotlib"):
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **_: Path(path).touch())
