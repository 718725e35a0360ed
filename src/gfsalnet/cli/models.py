"""`gfsalnet models`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from gfsalnet.cli.console import say

if TYPE_CHECKING:
    from gfsalnet.models.entry import ModelEntry


def models() -> None:
    """List the models: what each is, whether it is ready to use, and how to get the weights of those that are not."""
    from gfsalnet.models import DEFAULT_MODEL, MODELS

    listed = [entry for entry in MODELS.values() if entry.weights_published or entry.ready]
    width = max(len(entry.name) for entry in listed)
    for entry in sorted(listed, key=lambda entry: not entry.ready):
        state = ("ready, the default" if entry.name == DEFAULT_MODEL else "ready") if entry.ready else "needs weights"
        say(f"{entry.name:{width}}  {', '.join([state, *_sizes(entry)])}")
        indent = " " * (width + 2)
        say(f"{indent}{entry.what}{f' ({entry.paper})' if entry.paper else ''}")
        say(f"{indent}licence: {entry.licence}")
        if not entry.ready:
            say(f"{indent}{entry.how_to_get}")
    _plugins(MODELS)


def _plugins(known: Collection[str]) -> None:
    """Models of other installed packages, which are not imported to be listed."""
    from gfsalnet.plugins import plugin_names

    for name, package in plugin_names("gfsalnet.models").items():
        if name not in known:
            say(f"{name}  of the installed package {package}")


def _sizes(entry: ModelEntry) -> list[str]:
    """The sizes of the network and of the published file, as far as they are known."""
    parameters = [f"{entry.parameters / 1e6:.1f} M parameters"] if entry.parameters else []
    return parameters + ([f"{entry.megabytes:g} MB"] if entry.megabytes else [])
