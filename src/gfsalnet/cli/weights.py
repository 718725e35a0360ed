"""`gfsalnet weights convert`, `gfsalnet weights download` and `gfsalnet weights keys`."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.cli.console import App, say
from gfsalnet.cli.options import checked, completed, examples
from gfsalnet.cli.progress import Progress

app = App(help="Get the weights of the compared models.", no_args_is_help=True)

CONVERT_EXAMPLES = examples(
    "gfsalnet weights convert unisal weights_best.pth",
    "gfsalnet weights convert pwcnet pwc_net.pth.tar --output weights/pwcnet",
)
DOWNLOAD_EXAMPLES = examples("gfsalnet weights download unisal", "gfsalnet weights download vinet")
KEYS_EXAMPLES = examples("gfsalnet weights keys model.pth", "gfsalnet weights keys checkpoint.index > keys.txt")


def _names() -> list[str]:
    from gfsalnet.models.published.entries import PUBLISHED

    return [entry.name for entry in PUBLISHED]


def _check_name(text: str) -> None:
    if text not in _names():
        raise ValueError(f"{text} is no model with weights of others; there are {', '.join(_names())}")


def _check_convertible(text: str) -> None:
    if text != "pwcnet":
        _check_name(text)


def _setting(change: str) -> tuple[str, float]:
    key, _, value = change.partition("=")
    with suppress(ValueError):
        if math.isfinite(number := float(value)):
            return key, number
    raise ValueError(f"{change}: write KEY=VALUE, the value a number")


@app.command(epilog=CONVERT_EXAMPLES)
def convert(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            callback=checked(_check_convertible),
            autocompletion=completed(lambda: [*_names(), "pwcnet"]),
            help="Model that the weights are of: a name from gfsalnet models, or pwcnet for optical flow.",
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Weights as their authors published them; of a TensorFlow checkpoint, any of its files.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for the converted weights. Default: the one where the model's name finds them.",
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            callback=checked(_setting),
            help="Setting of the model to keep with the weights (docs/models.md); may be repeated.",
        ),
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


@app.command(epilog=DOWNLOAD_EXAMPLES)
def download(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            callback=checked(_check_name),
            autocompletion=completed(_names),
            help="Model to fetch the weights of: a name from gfsalnet models.",
        ),
    ],
) -> None:
    """Fetch weights from where their authors published them, and convert them.

    Only weights whose licence lets anyone have them are fetched; gfsalnet models says how to get the others.
    """
    from gfsalnet.models.official_weights.convert import compared_entry
    from gfsalnet.models.official_weights.download import download_weights
    from gfsalnet.models.official_weights.store import notes_of

    with Progress("MB") as progress:

        def on_progress(done_bytes: int, total_bytes: int | None) -> None:
            progress.show("fetching", done_bytes // 10**6, total_bytes and total_bytes // 10**6)

        folder = download_weights(model, on_progress)
    notes = notes_of(folder)
    if origin := notes.get("origin"):
        say(f"fetched {origin} (licence: {notes.get('licence')})")
        source = compared_entry(model).download
        if source is not None and source.sha256 is None:
            say(f"nobody published its SHA-256; it is {notes.get('sha256')}, and later downloads must have the same")
    say(f"every array fits, weights in {folder}; use them with --model {model}")


@app.command(epilog=KEYS_EXAMPLES)
def keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights file of any format that convert reads.")],
) -> None:
    """List the arrays of a weights file: name, shape and type, one per line, in the file's order. Nothing in it is run.

    Send the list with a report about weights that do not convert, such as those of the GFSalNet paper's authors.
    """
    from gfsalnet.models.official_weights.read import read_official

    arrays = read_official(file)
    for name, array in arrays.items():
        say(f"{name}  {'x'.join(map(str, array.shape)) or 'scalar'}  {array.dtype}")
