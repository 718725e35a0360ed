"""`gfsalnet models`."""

from __future__ import annotations

from gfsalnet.cli.console import out


def models() -> None:
    """List the models: what each is, and whether it is ready to use."""
    from rich.table import Table

    from gfsalnet.models import DEFAULT_MODEL, MODELS

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("model", "state", "what it is", "licence"):
        table.add_column(heading, overflow="fold")
    for entry in MODELS.values():
        state = ("ready, the default" if entry.name == DEFAULT_MODEL else "ready") if entry.ready else "needs weights"
        table.add_row(entry.name, state, entry.what, entry.licence)
    out.print(table)
    for entry in MODELS.values():
        if not entry.ready:
            out.print(f"\n{entry.name}: {entry.how_to_get}")
