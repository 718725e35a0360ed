"""`gfsalnet models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfsalnet.cli.console import out, say

if TYPE_CHECKING:
    from gfsalnet.models.entry import ModelEntry


def models() -> None:
    """List the models: what each is, whether it is ready to use, and how to get the weights of those that are not."""
    from rich.table import Table

    from gfsalnet.models import DEFAULT_MODEL, MODELS

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("model", "state", "parameters", "what it is", "licence"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "parameters" else "left")
    listed = [entry for entry in MODELS.values() if entry.published or entry.ready]
    for entry in listed:
        state = ("ready, the default" if entry.name == DEFAULT_MODEL else "ready") if entry.ready else "needs weights"
        what = f"{entry.what} ({entry.paper})" if entry.paper else entry.what
        table.add_row(entry.name, state, _parameters(entry), what, entry.licence)
    out.print(table)
    for entry in listed:
        if not entry.ready:
            size = f" ({entry.megabytes:g} MB)" if entry.megabytes else ""
            say(f"\n{entry.name}{size}: {entry.how_to_get}")


def _parameters(entry: ModelEntry) -> str:
    return f"{entry.parameters / 1e6:.1f} M" if entry.parameters else "–"
