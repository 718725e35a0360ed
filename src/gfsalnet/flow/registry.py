"""Estimators by name, for the command line, recipes and the records beside weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from gfsalnet.errors import RequestError
from gfsalnet.flow.dis import DISFlow
from gfsalnet.flow.estimator import FlowEstimator
from gfsalnet.flow.farneback import FarnebackFlow
from gfsalnet.flow.precomputed import PrecomputedFlow
from gfsalnet.flow.pwcnet import PWCNetFlow
from gfsalnet.plugins import load_plugin, plugin_names

ESTIMATORS: Mapping[str, tuple[Callable[..., FlowEstimator], Mapping[str, Any]]] = {
    "dis": (DISFlow, {}),
    "dis-fast": (DISFlow, {"preset": "fast"}),
    "dis-ultrafast": (DISFlow, {"preset": "ultrafast"}),
    "dis-evident": (DISFlow, {"preset": "fast", "needs_evidence": True}),
    "farneback": (FarnebackFlow, {}),
    "pwcnet": (PWCNetFlow, {}),
    "folder": (PrecomputedFlow, {}),
}
"""Name → the class, and the settings that the name stands for."""

AFTER_COLON: Mapping[str, str] = {"pwcnet": "weights", "folder": "folder"}
"""Name → the setting that may follow it, as in `pwcnet:FILE` and `folder:DIR`."""


def make_estimator(name: str, **settings: Any) -> FlowEstimator:
    """The estimator of that name; `settings` are its constructor's and win over those of the name.

    What follows a colon, as in `pwcnet:FILE` and `folder:DIR`, is a setting too, and wins over the others.

    `make_estimator(e.name, **e.settings)` makes an estimator like `e`, also after a trip through JSON.

    Raises:
        RequestError: if the name or a setting is unknown.
        GFSalNetError: if a value makes no sense.
    """
    check_estimator_name(name)
    name, colon, value = name.partition(":")
    factory: Callable[..., FlowEstimator]
    # Names of ours first: a plug-in cannot change what a recorded name means.
    factory, named_settings = ESTIMATORS.get(name) or (load_plugin("gfsalnet.flow", name), {})
    if colon:
        settings[AFTER_COLON[name]] = value
    possible = inspect.signature(factory).parameters
    unknown = sorted(set(settings) - set(possible))
    if unknown:
        problem = f"has no setting {', '.join(unknown)}"
        raise RequestError(f"flow estimator {name!r}", problem, f"It has: {', '.join(possible)}.")
    return factory(**{**named_settings, **settings})


def estimator_names() -> list[str]:
    """All names that `make_estimator` takes, those of plug-ins last."""
    return [*ESTIMATORS, *(name for name in plugin_names("gfsalnet.flow") if name not in ESTIMATORS)]


def check_estimator_name(name: str) -> None:
    """Whether `make_estimator` knows the name and takes what follows its colon; nothing is made.

    Raises:
        RequestError: if it does not.
    """
    name, colon, value = name.partition(":")
    where = f"flow estimator {name!r}"
    if name not in ESTIMATORS and name not in plugin_names("gfsalnet.flow"):
        raise RequestError(where, "is unknown", f"Use one of: {', '.join(estimator_names())}.")
    if colon and name not in AFTER_COLON:
        raise RequestError(where, f"takes no {value!r} after a colon", "Leave it out.")
