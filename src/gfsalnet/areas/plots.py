"""Curves over time and bars over areas, with intervals over viewers; needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.drawing import COLOURS
from gfsalnet.areas.over_viewers import OverViewers
from gfsalnet.files import output_errors, written_whole
from gfsalnet.packages import needed_by

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_AREAS = 12
"""Most areas in one picture: more are not told apart."""
Curve = tuple[str, NDArray[np.float64], NDArray[np.float64]]
"""Name of the area, (N,) seconds, (N,) values 0…1."""


def draw_curves(path: Path, predicted: Sequence[Curve], people: Sequence[Curve]) -> list[str]:
    """The share of attention of each area over time: predicted as a line, of the viewers as a dotted one.

    Returns:
        a remark if there are more areas than can be told apart.
    """
    with needed_by("a picture of curves"):
        from matplotlib.figure import Figure
    # Without pyplot: no window system is asked for, no global figure stays open.
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.add_subplot()
    names = list(dict.fromkeys(name for name, _, _ in (*predicted, *people)))[:MOST_AREAS]
    for curves, style, whose in ((predicted, "-", "predicted"), (people, ":", "viewers")):
        for name, seconds, values in curves:
            if name in names and len(seconds):
                axes.plot(seconds, values * 100, style, color=_colour(names.index(name)), label=f"{name}, {whose}")
    axes.set_xlabel("time in the video (s)")
    axes.set_ylabel("share of attention (%)")
    axes.set_ylim(0)
    _finish(axes)
    return _save(figure, path, len({name for name, _, _ in (*predicted, *people)}))


def draw_bars(path: Path, predicted: Sequence[tuple[str, float | None]], people: Sequence[OverViewers]) -> list[str]:
    """The share of attention of each area, predicted and of the viewers with its 95 % interval over viewers.

    Returns:
        a remark if there are more areas than can be told apart.
    """
    with needed_by("a picture of bars"):
        from matplotlib.figure import Figure
    of = {item.area: item for item in people if item.measure == "gaze_share"}
    names = list(dict.fromkeys([*(name for name, _ in predicted), *of]))
    shown = names[:MOST_AREAS]
    figure = Figure(figsize=(max(4.0, 1.1 * len(shown) + 2), 3.6), layout="constrained")
    axes, place = figure.add_subplot(), np.arange(len(shown))
    shares = dict(predicted)
    values = [100 * (shares.get(name) or 0) for name in shown]
    if predicted:
        axes.bar(place - 0.2, values, 0.38, color=_colour(2), label="predicted")
    if of:
        # NaN draws nothing: where nobody has gaze there is no bar, and of one viewer no interval.
        ends = [_percentages(of.get(name)) for name in shown]
        means, low, high = np.array(ends).T
        counts = sorted({of[name].n for name in shown if name in of and of[name].n} or {0})
        n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        axes.bar(
            place + 0.2,
            means,
            0.38,
            yerr=[means - low, high - means],
            capsize=3,
            color=_colour(1),
            label=f"viewers (n = {n})",
        )
    axes.set_xticks(place, shown)
    axes.set_ylabel("share of attention (%)")
    _finish(axes)
    return _save(figure, path, len(names))


def _percentages(item: OverViewers | None) -> tuple[float, float, float]:
    """Mean, lower and upper end of the interval; NaN where there is none."""
    values = (None, None, None) if item is None else (item.mean, item.low, item.high)
    mean, low, high = (np.nan if value is None else 100 * value for value in values)
    return mean, low, high


def _colour(number: int) -> tuple[float, float, float]:
    red, green, blue = COLOURS[number % len(COLOURS)]
    return red / 255, green / 255, blue / 255


def _finish(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))


def _save(figure: Figure, path: Path, count: int) -> list[str]:
    with output_errors(path), written_whole(path) as partial:
        figure.savefig(partial, dpi=130)
    return [f"{path.name} shows the first {MOST_AREAS} of {count} areas"] if count > MOST_AREAS else []
