"""The release tier: many rounds of kills, faults and damaged inputs, drawn from a seed.

    make test-release                   the full numbers of rounds
    make test-release SECONDS=600       as many of them as fit into ten minutes
    make test-release SEED=7            other draws

A test of the tier is marked `release`, repeats itself by `rounds`, and reports by `tell`:

    @pytest.mark.release(share=0.2)                 # of the seconds, if there is a limit
    def test_predict_survives_kills(rounds, tell):
        for number, rng in rounds(200):             # 200 in the full run
            ...
        tell(f"predict: {number + 1} kills, 0 wrong bytes")

Other runs of pytest leave the tier out: it runs where `-m` names it. Small cases of what it has found belong into
tests without the mark.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

# Makes the files beside the tests modules that they import.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "serve")]

SECONDS, SEED = "GFSALNET_TEST_SECONDS", "GFSALNET_TEST_SEED"
_TOLD = "release figures"

Rounds = Callable[[int], Iterator[tuple[int, np.random.Generator]]]
"""Called with the number of rounds of a full run; gives the number of each round and its random numbers."""


def _seed() -> int:
    return int(os.environ.get(SEED) or 0)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Rounds:
    """Rounds until their number is reached or the test's share of the seconds is used up; always one at least."""
    marker = request.node.get_closest_marker("release")
    share = 1.0 if marker is None else float(marker.kwargs.get("share", 1.0))
    limit = float(os.environ.get(SECONDS) or np.inf) * share
    name = [ord(sign) for sign in request.node.name]  # tests do not share their draws

    def draw(full: int) -> Iterator[tuple[int, np.random.Generator]]:
        began = time.monotonic()
        for number in range(full):
            if number and time.monotonic() - began > limit:
                return
            yield number, np.random.default_rng((_seed(), number, *name))

    return draw


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line of figures, which is printed when all tests are done."""
    return lambda line: request.node.user_properties.append((_TOLD, line))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "release" in str(config.getoption("markexpr")):
        return
    left_out = [item for item in items if item.get_closest_marker("release")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    lines = [line for report in reports for name, line in report.user_properties if name == _TOLD]
    if lines:
        terminalreporter.section(f"release tier, seed {_seed()}")
        for line in lines:
            terminalreporter.write_line(line)
