"""`gfsalnet web`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.cli.console import say, tell
from gfsalnet.cli.options import examples

WEB_EXAMPLES = examples("gfsalnet web", "gfsalnet web --output public/looks")


def web(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")] = Path("gfsalnet-web"),
) -> None:
    """Write a folder that predicts inside a browser tab: page, runtime and weights, for any static server.

    Whoever opens it chooses a video and sees where viewers look, saves the overlay and the table; the video does not
    leave the tab, and without a network it works too. It has the appearance stream of gfsalnet-mobile.
    """
    from gfsalnet.web import write_folder

    size = write_folder(output)
    say(f"{output}: {size / 1e6:.1f} MB")
    tell(f"look at it: python -m http.server --directory {output} 8000, then open http://127.0.0.1:8000/")
