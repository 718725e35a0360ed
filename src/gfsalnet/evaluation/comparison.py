"""Several evaluations of one split side by side, and how far each lies from the first, video by video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.means import Mean, video_mean
from gfsalnet.evaluation.report import Report, Row, json_values
from gfsalnet.evaluation.report_files import note_on_intervals, report_tables, write_csv, write_text
from gfsalnet.evaluation.scoring import PREDICTION, PREDICTORS, VideoScores
from gfsalnet.evaluation.settings import METRIC_LABELS
from gfsalnet.evaluation.tables import UNDEFINED, Table, best_two, with_interval
from gfsalnet.files import output_errors, write_json

_PLACE = PREDICTORS.index(PREDICTION)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One evaluation minus the first, on the frames that both scored."""

    name: str
    reference: str
    frames: int
    """The number of frames that both scored."""
    means: dict[str, Mean]
    """Metric → mean over videos of the mean difference of their frames."""


def compare(reports: Sequence[Report]) -> list[Difference]:
    """The difference of each report from the first in the metrics' own units, paired by frame, averaged by video.

    Raises:
        SourceError: if two are not of the same split, scored by the same settings.
    """
    first = reports[0]
    for other in reports[1:]:
        _require_comparable(first, other)
    return [_difference(first, other) for other in reports[1:]]


def _require_comparable(first: Report, other: Report) -> None:
    for key in ("dataset", "settings"):
        before, now = first.request[key], other.request[key]
        for name in before:
            # The place of the dataset, and how often humans were scored, change no score of a model.
            if name not in ("root", "humans_every") and before[name] != now.get(name):
                problem = f"was evaluated with {key} {name} {now.get(name)}, {first.name} with {before[name]}"
                raise SourceError(other.name, problem, "Evaluate both alike")


def _difference(first: Report, other: Report) -> Difference:
    theirs = {scores.video: scores for scores in other.videos}
    pairs = [_paired(mine, theirs[mine.video]) for mine in first.videos if mine.video in theirs]
    means = {}
    for m, metric in enumerate(first.metrics):
        columns = [pair[:, m] for pair in pairs]
        defined = [column[np.isfinite(column)] for column in columns]
        # As in a report: the mean of each video first, then the mean over videos.
        sums = np.array([column.sum() for column in defined], np.float64)
        counts = np.array([len(column) for column in defined], np.float64)
        value, low, high = video_mean(sums, counts, first.request["settings"]["seed"])
        undefined = sum(len(column) for column in columns) - int(counts.sum())
        means[metric] = Mean(value=value, low=low, high=high, count=int((counts > 0).sum()), undefined=undefined)
    frames = sum(len(pair) for pair in pairs)
    return Difference(name=other.name, reference=first.name, frames=frames, means=means)


def _paired(mine: VideoScores, theirs: VideoScores) -> NDArray[np.float64]:
    """(F, M) differences on the frames that both scored."""
    # Rows of both that belong to the same frame: one may lack maps that the other has.
    _, here, there = np.intersect1d(mine.frame_index, theirs.frame_index, assume_unique=True, return_indices=True)
    with np.errstate(invalid="ignore"):  # the difference of two infinities is NaN
        paired: NDArray[np.float64] = theirs.scores[there, _PLACE] - mine.scores[here, _PLACE]
    return paired


def comparison_tables(reports: Sequence[Report], differences: Sequence[Difference]) -> list[Table]:
    """A table of all rows together, and one of the differences."""
    first = reports[0]
    labelled = [(first.label(row.predictor), row) for row in first.rows]
    place = [row.predictor for row in first.rows].index(PREDICTION) + 1
    others = [(report.name, report.prediction) for report in reports[1:]]
    # Behind the first one's own row, between floor and ceiling: those depend on the split alone.
    labelled[place:place] = [(name, row) for name, row in others if row is not None]
    metrics = first.metrics
    headings = [METRIC_LABELS[metric] for metric in metrics]
    about = first.request["dataset"]
    caption = f"{about['name']} {about['split']}, protocol {first.request['settings']['protocol']}"
    return [
        Table(
            caption=f"{caption}: mean over videos of each video's mean",
            columns=["", "videos", *headings],
            rows=[[label, str(row.videos), *_means(row, metrics)] for label, row in labelled],
            notes=report_tables(first)[-1].notes,
            rules_before=(place - 1, place + len(others)),
            best=_best([row for _, row in labelled[place - 1 : place + len(others)]], metrics, place - 1),
        ),
        Table(
            caption=f"{caption}: difference from {first.name}, paired by frame, mean over videos",
            columns=["", "frames", *headings],
            rows=[[d.name, str(d.frames), *(_signed(d.means[metric]) for metric in metrics)] for d in differences],
            notes=[
                note_on_intervals(
                    [mean for d in differences for mean in d.means.values()], "of the paired differences"
                ),
                "An interval without 0 is a difference that other videos of this kind would show too.",
                "Only frames that both scored count.",
            ],
        ),
    ]


def _best(rows: Sequence[Row], metrics: Sequence[str], first: int) -> dict[int, tuple[int | None, int | None]]:
    """Column → the rows of the best and the second best of what is compared; floor and ceiling do not take part."""
    found = {}
    # The first two columns are the predictor's name and its number of videos or frames.
    for column, metric in enumerate(metrics, start=2):
        values = [row.per_video[metric].value if metric in row.per_video else float("nan") for row in rows]
        places = best_two(values, more_is_better="↑" in METRIC_LABELS[metric])
        found[column] = (
            None if places[0] is None else places[0] + first,
            None if places[1] is None else places[1] + first,
        )
    return found


def _means(row: Row, metrics: Sequence[str]) -> list[str]:
    means = [row.per_video.get(metric) for metric in metrics]
    return [UNDEFINED if mean is None else with_interval(mean.value, mean.low, mean.high) for mean in means]


def _signed(mean: Mean) -> str:
    text = with_interval(mean.value, mean.low, mean.high)
    return f"+{text}" if mean.value > 0 else text


def write_comparison(reports: Sequence[Report], folder: Path) -> list[Table]:
    """Compare, and write `comparison.json`, `.csv`, `.md` and `.tex`.

    Returns:
        the tables.

    Raises:
        SourceError: if two are not comparable.
        OutputError: if a file cannot be written.
    """
    differences = compare(reports)
    tables = comparison_tables(reports, differences)
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_csv(
        folder / "comparison.csv", ["name", "reference", "metric", *Mean.__dataclass_fields__], _csv_rows(differences)
    )
    write_text(folder / "comparison.md", "\n".join(table.markdown() for table in tables))
    write_text(folder / "comparison.tex", "\n".join(table.latex() for table in tables))
    write_json(folder / "comparison.json", _as_json(reports, differences))
    return tables


def _csv_rows(differences: Sequence[Difference]) -> list[list[object]]:
    return [
        [d.name, d.reference, metric, *asdict(mean).values()] for d in differences for metric, mean in d.means.items()
    ]


def _as_json(reports: Sequence[Report], differences: Sequence[Difference]) -> Mapping[str, Any]:
    values = {
        "reports": [report.as_json() for report in reports],
        "differences": [asdict(difference) for difference in differences],
    }
    return dict(json_values(values))
