"""What every test may use, and which tests there are where an optional package is missing."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from gfsalnet.packages import missing_package

# A machine that is busy with other work is no failure.
settings.register_profile("gfsalnet", deadline=None)
settings.load_profile("gfsalnet")

# Workers share the cores: a pool of OpenMP threads in each would spin while it waits. OpenMP looks at this only once.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the files that import, and the folders whose conftest.py imports, an optional package that is missing.

    Where all are installed nothing is left out.
    """
    file = collection_path / "conftest.py" if collection_path.is_dir() else collection_path
    if file.suffix != ".py" or not file.is_file() or file == Path(__file__):
        return None
    return True if _needs_what_is_missing(file) else None


def _needs_what_is_missing(file: Path) -> bool:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            try:
                exec(compile(ast.Module([node], []), str(file), "exec"), {"__name__": "imports"})
            except ImportError as error:
                if missing_package(error) is not None:
                    return True
    return False


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
