"""Plug-ins: models, flow estimators and datasets that other installed packages offer by entry points.

They are looked up when a name is none of ours, or when names are listed, and imported only when they are used.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any, Literal, TypeAlias

from gfsalnet.errors import GFSalNetError

Group: TypeAlias = Literal["gfsalnet.models", "gfsalnet.flow", "gfsalnet.datasets"]
"""The entry-point groups that are looked at."""


def plugin_names(group: Group) -> dict[str, str]:
    """The names that installed packages offer, sorted → the package that offers each; nothing is imported."""
    found = importlib.metadata.entry_points(group=group)
    return {entry.name: entry.dist.name if entry.dist else "" for entry in sorted(found, key=lambda entry: entry.name)}


def load_plugin(group: Group, name: str) -> Any:
    """What an installed package offers under that name; None if none does.

    Raises:
        GFSalNetError: if it cannot be imported.
    """
    for entry in importlib.metadata.entry_points(group=group, name=name):
        try:
            return entry.load()
        except Exception as error:  # the code of others may fail in any way
            raise broken_plugin(name, plugin_names(group)[name], error) from error
    return None


def broken_plugin(name: str, package: str, error: Exception) -> GFSalNetError:
    """What to tell the user of a plug-in that fails: one line, with the package that it came from."""
    problem = f"is a plug-in of the package {package}, which fails ({type(error).__name__}: {error})"
    return GFSalNetError(name, problem, f"Update {package}, uninstall it, or tell its authors")
