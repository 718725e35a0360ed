"""`gfsalnet weights convert`, `gfsalnet weights download` and `gfsalnet weights keys`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

app = typer.Typer(help="Get the weights of the compared models.", no_args_is_help=True)


@app.command()
def convert(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A name from gfsalnet models, or pwcnet for optical flow.")
    ],
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The weights as their authors published them; of a checkpoint any file."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A folder for the converted weights; if not given, where the name finds them."
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the model, see docs/models.md; may be repeated."),
    ] = None,
) -> None:
    """Convert weights that you fetched. Nothing in the file is run, and every name and shape is checked."""
    from gfsalnet.models.official_weights.convert import PWCNET, convert_weights

    settings = dict(_setting(change) for change in changes or [])
    folder = convert_weights(model, file, output, settings=settings)
    if model == PWCNET:
        say(f"every array fits; use them with --flow {PWCNET}:{folder / 'model.safetensors'}")
    else:
        say(f"every array fits, weights in {folder}; use them with --model {folder if output else model}")


@app.command()
def download(model: Annotated[str, typer.Argument(metavar="MODEL", help="A name from gfsalnet models.")]) -> None:
    """Fetch weights from where their authors published them, and convert them.

    Only weights whose licence lets anyone have them; gfsalnet models says how to get the others.
    """
    from gfsalnet.models.official_weights.download import download_weights
    from gfsalnet.models.official_weights.store import notes_of

    with progress_bar("MB") as bar:
        folder = download_weights(model, _follow(bar))
    if origin := notes_of(folder).get("origin"):
        say(f"fetched {origin} (licence: {notes_of(folder).get('licence')})")
    say(f"every array fits, weights in {folder}; use them with --model {model}")


@app.command()
def keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A weights file of any format that convert reads.")],
) -> None:
    """List the arrays of a weights file: name, shape and type, a line each, in the file's order. Nothing in it is run.

    Send the list with a report about weights that do not convert, such as those of the GFSalNet paper's authors.
    """
    from gfsalnet.models.official_weights.read import read_official

    arrays = read_official(file)
    for name, array in arrays.items():
        say(f"{name}  {'x'.join(map(str, array.shape)) or 'scalar'}  {array.dtype}")


def _setting(change: str) -> tuple[str, float]:
    key, _, value = change.partition("=")
    try:
        return key, float(value)
    except ValueError:
        raise typer.BadParameter(f"{change}: write KEY=VALUE, the value a number", param_hint="--set") from None


def _follow(bar: Progress) -> Callable[[int, int | None], None]:
    """Show how much of a file is here, in megabytes."""
    task = bar.add_task("fetching", total=None, rate="–")
    began: tuple[float, int] | None = None

    def on_progress(done_bytes: int, total_bytes: int | None) -> None:
        nonlocal began
        now = time.monotonic()
        began = began or (now, done_bytes)
        rate = f"{(done_bytes - began[1]) / (now - began[0]) / 1e6:.1f}" if now > began[0] else "–"
        bar.update(task, completed=done_bytes // 10**6, total=total_bytes and total_bytes // 10**6, rate=rate)

    return on_progress
