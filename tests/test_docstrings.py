"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import gfsalnet
from gfsalnet.packages import missing_package

PACKAGE = Path(gfsalnet.__file__).parent
# Only modules that hold one are imported: pytest's own --doctest-modules would import and search all.
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if missing_package(error) is None:
            raise
        pytest.skip(str(error))
    done = doctest.testmod(module)
    assert done.attempted > 0
    assert done.failed == 0
