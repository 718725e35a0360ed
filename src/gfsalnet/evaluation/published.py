"""Tables I–VI of the GFSalNet paper, to set one's own numbers beside the published ones.

Kocak, Erdem & Erdem, “A Gated Fusion Network for Dynamic Saliency Prediction” (arXiv 2102.07682). The paper scored all
models anew on its own ground truth: of UCF-Sports and Hollywood-2 the free viewers only, of UCF-Sports 43 clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gfsalnet.errors import GFSalNetError
from gfsalnet.evaluation.report import Report
from gfsalnet.evaluation.report_files import write_text
from gfsalnet.evaluation.settings import METRIC_LABELS
from gfsalnet.evaluation.tables import UNDEFINED, Table, best_two, number
from gfsalnet.formats.texts import read_toml
from gfsalnet.words import counted


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table of the paper."""

    number: str
    """A Roman numeral."""
    dataset: str
    """Its name in the paper."""
    columns: tuple[str, ...]
    """Metrics, in the order of the paper."""
    rows: Mapping[str, tuple[float, ...]]
    """Method → values in the order of `columns`."""
    differs: str = ""
    """A sentence on what makes it hard to compare with."""

    def beside(self, report: Report) -> Table:
        """The published rows, and under them those of a report, averaged both ways; a dash where it lacks a metric."""
        videos = counted(len(report.videos), "video")
        rows = [[method, *(f"{value:.3f}" for value in values)] for method, values in self.rows.items()]
        if report.prediction is not None:
            own = {"per-video": report.prediction.per_video, "pooled frames": report.prediction.pooled}
            for how, means in own.items():
                cells = [number(means[metric].value) if metric in means else UNDEFINED for metric in self.columns]
                rows.append([f"{report.name} ({how} mean)", *cells])
        about, settings = report.request["dataset"], report.request["settings"]
        notes = [
            f"Above the line: table {self.number} of arXiv 2102.07682; MIT's code; averaging not stated.",
            f"Below the line: {about['name']} {about['split']}, {counted(report.frames, 'frame')} of {videos}, "
            f"protocol {settings['protocol']}, gfsalnet {report.request['gfsalnet']}.",
        ]
        return Table(
            caption=f"Published on {self.dataset}, and {report.name} on {about['name']} {about['split']}",
            columns=["", *(METRIC_LABELS[metric] for metric in self.columns)],
            rows=rows,
            notes=[*notes, *self._warnings(about["name"])],
            rules_before=(len(self.rows),),
            best={
                place: best_two(list(column), more_is_better="↑" in METRIC_LABELS[metric])
                for place, (metric, column) in enumerate(zip(self.columns, self._columns(rows), strict=True), start=1)
            },
        )

    def _columns(self, rows: Sequence[Sequence[str]]) -> list[list[float]]:
        """The numbers of each column, NaN where there is none."""
        return [[_number(row[place]) for row in rows] for place in range(1, len(self.columns) + 1)]

    def _warnings(self, evaluated: str) -> list[str]:
        """Sentences on what makes the rows hard to compare."""
        if self.dataset.casefold() == evaluated.removesuffix("-viewers").casefold():
            return [self.differs] * bool(self.differs)
        return [f"The rows cannot be compared: below the line is {evaluated}, not {self.dataset}."]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _table(given: Mapping[str, Any]) -> PublishedTable:
    rows = {method: tuple(values) for method, values in given["rows"].items()}
    return PublishedTable(**{**given, "columns": tuple(given["columns"]), "rows": rows})


PAPER_TABLES: Mapping[str, PublishedTable] = {
    given["number"]: _table(given)
    for given in read_toml(Path(__file__).with_name("paper_tables.toml"), GFSalNetError)["table"]
}
"""Number → table: I UCF-Sports, II Hollywood-2, III DHF1K, IV DIEM, V DIEM-Meta, VI LEDOV-Meta."""


def write_paper_table(report: Report, number: str, folder: Path) -> None:
    """Write `paper-table-I.md` and `.tex`, … with the report's rows under the published ones.

    Raises:
        OutputError: if a file cannot be written.
    """
    table = PAPER_TABLES[number].beside(report)
    write_text(folder / f"paper-table-{number}.md", table.markdown())
    write_text(folder / f"paper-table-{number}.tex", table.latex())
