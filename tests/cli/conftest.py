"""Makes `command` a module that the tests beside it import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gfsalnet.packages import is_installed

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are put together, but their files stay empty: to render the plots takes longer than an evaluation."""
    if is_installed("matplotlib"):
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **_: Path(path).touch())
