"""A Matplotlib figure as it should look in print, and as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from gfsalnet.errors import RequestError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.packages import needed_by

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".pdf", ".png", ".svg")
_DOTS_PER_INCH = 200
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,  # real letters, which journals ask for, not outlines of them
    "svg.fonttype": "none",
    # Neither the time nor Matplotlib's version: the same numbers give the same bytes.
    "svg.hashsalt": "gfsalnet",
}
_UNDATED: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
COLOURS = ("#7a1fa2", "#e07b00", "#1f77b4", "#2a9d5c", "#8a8a96", "#b3272d")
"""Colours of lines and bars; told apart by colour-blind eyes together with `DASHES`."""
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a function draw in the style of all figures, and say what is missing without Matplotlib."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with needed_by("drawing figures"):
            import matplotlib
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    FigureCanvasAgg(figure)  # not pyplot, which keeps figures and looks for a screen
    return figure


def files_for(output: Path) -> list[Path]:
    """The files of a figure: the one asked for, or a PDF and a PNG if the name has no ending.

    Raises:
        RequestError: if the ending is none of `SUFFIXES`.
    """
    if not output.suffix:
        return [output.with_suffix(suffix) for suffix in (".pdf", ".png")]
    if output.suffix.lower() not in SUFFIXES:
        raise RequestError(output, "has an unknown ending", f"End it with {', '.join(SUFFIXES)}, or leave it out")
    return [output]


def save_figure(figure: Figure, output: Path) -> list[Path]:
    """Write a figure to its files, each whole or not at all.

    Raises:
        RequestError: if the ending is unknown.
        OutputError: if one cannot be written.
    """
    import matplotlib

    paths = files_for(output)
    for path in paths:
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Once more: how letters are stored and ids are made is looked up while it is written.
            with written_whole(path) as partial, matplotlib.rc_context(STYLE):
                kind = path.suffix[1:].lower()
                figure.savefig(partial, dpi=_DOTS_PER_INCH, format=kind, metadata=_UNDATED.get(kind))
    return paths


def without_ticks(axes: Any) -> Any:
    """Axes for a picture."""
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def panels(figure: Figure, rows: int, columns: int) -> Sequence[Sequence[Any]]:
    """Axes for pictures: `rows` lists of `columns`."""
    grid = figure.subplots(rows, columns, squeeze=False)
    return [[without_ticks(axes) for axes in row] for row in grid]


def row_label(axes: Any, text: str) -> None:
    """What a row of pictures shows, to the left of its first one."""
    axes.set_ylabel(text, rotation=0, ha="right", va="center")
