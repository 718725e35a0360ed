"""The examination: the machine, every backend and device with a short check, and a prediction from start to end."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from gfsalnet.doctor.finding import Examination, Finding, reason

OnPart = Callable[[str], None]
"""Called with the name of each part before it is examined."""

PARTS = {
    "system": "machine:system",
    "packages": "machine:packages",
    "codecs": "machine:codecs",
    "places": "machine:places",
    "backends": "engines:backends",
    "devices": "engines:devices",
    "self-test": "self_test:self_test",
}
"""Part → the module and function that look at it."""


def _silent(part: str) -> None:
    """Report nothing."""


def examine(on_part: OnPart = _silent, *, with_self_test: bool = True) -> Examination:
    """Look at everything; about ten seconds, and a few more where PyTorch is installed.

    Whatever fails becomes a finding: nothing is raised.

    Args:
        on_part: to show progress.
        with_self_test: whether to predict a video that is drawn, and compare the result with a recorded one.
    """
    parts = [part for part in PARTS if with_self_test or part != "self-test"]
    return Examination(tuple(finding for part in parts for finding in _examined(part, on_part)))


def _examined(part: str, on_part: OnPart) -> list[Finding]:
    on_part(part)
    module, _, function = PARTS[part].partition(":")
    found: list[Finding] = []
    # What is broken may be anything, even what this imports, and the rest is to be examined all the same.
    try:
        found.extend(getattr(importlib.import_module(f"gfsalnet.doctor.{module}"), function)())
    except Exception as error:
        found.append(Finding(part, "examination", reason(error), "wrong"))
    return found
