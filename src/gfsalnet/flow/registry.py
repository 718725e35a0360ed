"""Estimators by name, for the command line, recipes and the records beside weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from gfsalnet.errors import GFSalNetError
from gfsalnet.flow.dis import DISFlow
from gfsalnet.flow.estimator import FlowEstimator

ESTIMATORS: Mapping[str, tuple[Callable[..., FlowEstimator], Mapping[str, Any]]] = {
    "dis": (DISFlow, {}),
    "dis-fast": (DISFlow, {"preset": "fast"}),
    "dis-ultrafast": (DISFlow, {"preset": "ultrafast"}),
    "dis-evident": (DISFlow, {"preset": "fast", "needs_evidence": True}),
}
"""Name → what makes it, and the settings that the name stands for."""


def make_estimator(name: str, **settings: Any) -> FlowEstimator:
    """The estimator of that name; `settings` are its constructor's and win over those of the name.

    `make_estimator(e.name, **e.settings)` makes an estimator like `e`, also after a trip through JSON.

    Raises:
        GFSalNetError: if the name or a setting is unknown, or a value makes no sense.
    """
    if name not in ESTIMATORS:
        known = ", ".join(ESTIMATORS)
        raise GFSalNetError(f"flow estimator {name!r}", "is unknown", f"Use one of: {known}.")
    factory, named_settings = ESTIMATORS[name]
    possible = inspect.signature(factory).parameters
    unknown = sorted(set(settings) - set(possible))
    if unknown:
        problem = f"has no setting {', '.join(unknown)}"
        raise GFSalNetError(f"flow estimator {name!r}", problem, f"It has: {', '.join(possible)}.")
    return factory(**{**named_settings, **settings})
