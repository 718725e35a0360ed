"""Training curves of one run or several, and bars of metrics with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gfsalnet.errors import SourceError
from gfsalnet.evaluation import METRIC_LABELS, Report, compare
from gfsalnet.figures.canvas import COLOURS, DASHES, new_figure, styled
from gfsalnet.formats.door import opening
from gfsalnet.formats.texts import read_csv_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVES_FILE = "curves.csv"
_MEASURES = {
    "kldiv": "KL of validation",
    "nss": "NSS of validation",
    "cc": "CC of validation",
    "train_kl": "KL of training",
}


def read_curves(run: Path) -> dict[str, list[float]]:
    """The columns of a run's curves.csv.

    Args:
        run: a folder that `gfsalnet train` wrote, or the file in it.

    Raises:
        SourceError: if there is none, or it is damaged.
    """
    path = run / CURVES_FILE if run.is_dir() else run
    remedy = "Give the folder of a training run"
    rows = read_csv_rows(path, SourceError, remedy)
    with opening(path, "table of curves", SourceError, remedy):
        # An empty cell was not measured in that epoch: NaN leaves a gap in the line.
        columns = {name: [float(row[name] or "nan") for row in rows] for name in rows[0]} if rows else {}
    if not columns.get("epoch"):
        raise SourceError(run, f"has no epoch in its {CURVES_FILE} yet", "Wait for the first, or give another run")
    return columns


@styled
def figure_training(runs: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """A panel for each measure, a line for each run."""
    measures = [name for name in _MEASURES if any(name in columns for columns in runs.values())]
    figure = new_figure(2.9 * len(measures), 2.6)
    for axes, measure in zip(figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        for place, (name, columns) in enumerate(runs.items()):
            if measure in columns:
                # Stored from 0 on, shown from 1 on.
                epochs = [epoch + 1 for epoch in columns["epoch"]]
                style = {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place % len(DASHES)]}
                axes.plot(epochs, columns[measure], marker=".", label=name, **style)
        axes.set(title=_MEASURES[measure], xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    if len(runs) > 1:
        figure.axes[0].legend(frameon=False)
    return figure


@styled
def figure_metrics(bars: Mapping[str, Mapping[str, tuple[float, float, float]]], own: Sequence[str] = ()) -> Figure:
    """A panel for each metric, a bar with its interval for each predictor.

    Args:
        bars: heading of a metric → predictor → value, low and high; NaN where there is none.
        own: predictors that stand out from the others, which are floor and ceiling.
    """
    names = list(dict.fromkeys(name for of_metric in bars.values() for name in of_metric))
    figure = new_figure(max(2.4, 0.32 * len(names) + 1) * len(bars) * 0.8 + 1, 2.4 + 0.05 * max(map(len, names)))
    for axes, (heading, of_metric) in zip(figure.subplots(1, len(bars), squeeze=False)[0], bars.items(), strict=True):
        for place, name in enumerate(names):
            value, low, high = of_metric.get(name, (math.nan,) * 3)
            if not math.isfinite(value):
                continue
            colour = COLOURS[own.index(name) % len(COLOURS)] if name in own else "#b9b9c2"
            axes.bar(place, value, color=colour, width=0.75)
            if math.isfinite(low) and math.isfinite(high):
                axes.errorbar(place, value, [[value - low], [high - value]], color="black", linewidth=1, capsize=2.5)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set(title=heading, xlim=(-0.6, len(names) - 0.4))
        axes.axhline(0, color="black", linewidth=0.8)
    return figure


def bars_of(reports: Sequence[Report]) -> dict[str, dict[str, tuple[float, float, float]]]:
    """What `figure_metrics` draws of evaluations of one split: floor, each model, ceiling, as means over videos.

    Raises:
        SourceError: if two are not of the same split, scored by the same settings.
    """
    compare(reports)  # which refuses what cannot be compared
    first = reports[0]
    labelled = [(first.label(row.predictor), row) for row in first.rows]
    # Other models come right after the first report's own, before its ceiling.
    place = next((n + 1 for n, (_, row) in enumerate(labelled) if row is first.prediction), len(labelled))
    labelled[place:place] = [
        (report.name, report.prediction) for report in reports[1:] if report.prediction is not None
    ]
    return {
        METRIC_LABELS[metric]: {
            name: (row.per_video[metric].value, row.per_video[metric].low, row.per_video[metric].high)
            for name, row in labelled
            if metric in row.per_video
        }
        for metric in first.metrics
    }
