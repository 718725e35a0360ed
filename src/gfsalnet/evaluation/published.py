"""Tables I–VI of the GFSalNet paper, to set one's own numbers beside the published ones.

Kocak, Erdem & Erdem, “A Gated Fusion Network for Dynamic Saliency Prediction” (arXiv 2102.07682). The paper scored all
models anew on its own ground truth: of UCF-Sports and Hollywood-2 the free viewers only, of UCF-Sports 43 clips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gfsalnet.evaluation.report import Report
from gfsalnet.evaluation.report_files import write_text
from gfsalnet.evaluation.settings import METRIC_LABELS
from gfsalnet.evaluation.tables import UNDEFINED, Table, number

COLUMNS = ("auc_judd", "cc", "nss", "sim", "kldiv")
"""In the order of the paper's tables."""


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table of the paper."""

    number: str
    """Roman."""
    dataset: str
    """As the paper calls it."""
    rows: Mapping[str, tuple[float, ...]]
    """Method → values in the order of `columns`."""
    columns: tuple[str, ...] = COLUMNS
    differs: str = ""
    """What makes it hard to compare with: a sentence."""

    def beside(self, report: Report) -> Table:
        """The published rows, and under them those of a report, averaged both ways; a dash where it lacks a metric."""
        videos = f"{len(report.videos)} video{'s' * (len(report.videos) != 1)}"
        rows = [[method, *(f"{value:.3f}" for value in values)] for method, values in self.rows.items()]
        if report.prediction is not None:
            own = {"per-video": report.prediction.per_video, "pooled frames": report.prediction.pooled}
            for how, means in own.items():
                cells = [number(means[metric].value) if metric in means else UNDEFINED for metric in self.columns]
                rows.append([f"{report.name} ({how} mean)", *cells])
        about, settings = report.request["dataset"], report.request["settings"]
        notes = [
            f"Above the line: table {self.number} of arXiv 2102.07682; MIT's code; averaging not stated.",
            f"Below the line: {about['name']} {about['split']}, {report.frames} frames of {videos}, "
            f"protocol {settings['protocol']}, gfsalnet {report.request['gfsalnet']}.",
        ]
        return Table(
            caption=f"Published on {self.dataset}, and {report.name} on {about['name']} {about['split']}",
            columns=["", *(METRIC_LABELS[metric] for metric in self.columns)],
            rows=rows,
            notes=[*notes, *self._warnings(about["name"])],
            rules_before=(len(self.rows),),
        )

    def _warnings(self, evaluated: str) -> list[str]:
        """What makes the rows hard to compare."""
        if self.dataset.casefold() == evaluated.removesuffix("-viewers").casefold():
            return [self.differs] * bool(self.differs)
        return [f"The rows cannot be compared: below the line is {evaluated}, not {self.dataset}."]


PAPER_TABLES: Mapping[str, PublishedTable] = {
    table.number: table
    for table in (
        PublishedTable(
            number="I",
            dataset="UCF-Sports",
            rows={
                "SalGAN": (0.869, 0.389, 2.074, 0.258, 2.169),
                "PQFT": (0.776, 0.211, 1.189, 0.157, 2.458),
                "Fang et al.": (0.879, 0.387, 2.319, 0.247, 2.012),
                "AWS-D": (0.845, 0.313, 1.870, 0.195, 2.202),
                "Bak et al.": (0.864, 0.387, 2.231, 0.130, 2.575),
                "OM-CNN": (0.880, 0.398, 2.443, 0.294, 1.902),
                "ACLNet": (0.876, 0.367, 2.045, 0.292, 2.135),
                "SalEMA": (0.895, 0.470, 2.979, 0.384, 1.728),
                "STRA-Net": (0.902, 0.479, 2.916, 0.384, 2.483),
                "TASED-Net": (0.887, 0.453, 2.680, 0.369, 1.876),
                "GFSalNet, spatial stream": (0.870, 0.461, 3.029, 0.377, 2.504),
                "GFSalNet, temporal stream": (0.851, 0.418, 2.535, 0.345, 2.721),
                "GFSalNet, setting 1": (0.914, 0.526, 3.333, 0.382, 1.516),
                "GFSalNet, setting 2": (0.911, 0.499, 2.980, 0.353, 1.568),
            },
            differs="The paper's ground truth is of free viewers and 43 clips, the common re-release's of all and 47.",
        ),
        PublishedTable(
            number="II",
            dataset="Hollywood-2",
            rows={
                "SalGAN": (0.892, 0.428, 2.383, 0.298, 1.760),
                "PQFT": (0.689, 0.150, 0.610, 0.139, 2.387),
                "Fang et al.": (0.862, 0.312, 1.614, 0.221, 1.781),
                "AWS-D": (0.747, 0.227, 0.994, 0.193, 2.256),
                "Bak et al.": (0.840, 0.310, 1.439, 0.158, 2.339),
                "OM-CNN": (0.893, 0.430, 2.625, 0.330, 1.896),
                "ACLNet": (0.899, 0.459, 2.463, 0.342, 1.701),
                "SalEMA": (0.873, 0.383, 2.226, 0.330, 3.157),
                "STRA-Net": (0.913, 0.558, 3.226, 0.459, 2.251),
                "TASED-Net": (0.916, 0.570, 3.324, 0.471, 2.740),
                "GFSalNet, spatial stream": (0.904, 0.501, 3.051, 0.378, 1.473),
                "GFSalNet, temporal stream": (0.898, 0.489, 2.581, 0.362, 1.468),
                "GFSalNet, setting 1": (0.914, 0.549, 3.114, 0.413, 1.277),
                "GFSalNet, setting 2": (0.919, 0.563, 3.201, 0.424, 1.242),
            },
            differs="The paper's ground truth is of free viewers, the common re-release's of all.",
        ),
        PublishedTable(
            number="III",
            dataset="DHF1K",
            columns=COLUMNS[:4],
            rows={
                "SalGAN": (0.866, 0.370, 2.043, 0.262),
                "PQFT": (0.699, 0.137, 0.749, 0.139),
                "Fang et al.": (0.819, 0.273, 1.539, 0.198),
                "AWS-D": (0.703, 0.174, 0.940, 0.157),
                "Bak et al.": (0.834, 0.325, 1.632, 0.197),
                "OM-CNN": (0.856, 0.344, 1.911, 0.256),
                "ACLNet": (0.890, 0.434, 2.354, 0.315),
                "SalEMA": (0.890, 0.449, 2.574, 0.466),
                "STRA-Net": (0.895, 0.458, 2.558, 0.355),
                "TASED-Net": (0.895, 0.470, 2.667, 0.361),
                "GFSalNet, setting 1": (0.891, 0.448, 2.505, 0.326),
                "GFSalNet, setting 2": (0.895, 0.457, 2.528, 0.321),
            },
            differs="Published values are of the hidden test split, scored by the dataset's authors.",
        ),
        PublishedTable(
            number="IV",
            dataset="DIEM",
            rows={
                "SalGAN": (0.860, 0.492, 2.068, 0.392, 1.431),
                "PQFT": (0.680, 0.190, 0.656, 0.220, 2.140),
                "Fang et al.": (0.825, 0.360, 1.407, 0.313, 1.688),
                "AWS-D": (0.768, 0.313, 1.228, 0.272, 1.825),
                "Bak et al.": (0.810, 0.313, 1.212, 0.206, 2.050),
                "OM-CNN": (0.847, 0.464, 2.037, 0.381, 1.599),
                "ACLNet": (0.878, 0.554, 2.283, 0.444, 1.331),
                "SalEMA": (0.863, 0.513, 2.249, 0.452, 2.393),
                "STRA-Net": (0.864, 0.527, 2.277, 0.456, 2.461),
                "TASED-Net": (0.872, 0.535, 2.259, 0.470, 2.635),
                "GFSalNet, spatial stream": (0.868, 0.512, 2.202, 0.439, 1.387),
                "GFSalNet, temporal stream": (0.846, 0.446, 1.785, 0.391, 1.513),
                "GFSalNet, setting 1": (0.870, 0.543, 2.313, 0.454, 1.401),
                "GFSalNet, setting 2": (0.874, 0.525, 2.228, 0.421, 1.176),
            },
            differs="The first 300 frames of 20 videos; the Gaussian of the published ground truth is not stated.",
        ),
        PublishedTable(
            number="V",
            dataset="DIEM-Meta",
            rows={
                "ACLNet": (0.845, 0.437, 1.627, 0.391, 1.473),
                "SalEMA": (0.832, 0.392, 1.576, 0.374, 1.664),
                "STRA-Net": (0.840, 0.419, 1.637, 0.385, 1.634),
                "TASED-Net": (0.857, 0.455, 1.810, 0.416, 1.479),
                "GFSalNet": (0.857, 0.460, 1.814, 0.395, 1.305),
            },
        ),
        PublishedTable(
            number="VI",
            dataset="LEDOV-Meta",
            rows={
                "ACLNet": (0.879, 0.384, 1.750, 0.342, 1.837),
                "SalEMA": (0.863, 0.380, 1.815, 0.353, 1.850),
                "STRA-Net": (0.893, 0.423, 2.041, 0.370, 2.304),
                "TASED-Net": (0.882, 0.489, 2.450, 0.403, 1.697),
                "GFSalNet": (0.892, 0.457, 2.190, 0.370, 1.485),
            },
        ),
    )
}
"""By number: I UCF-Sports, II Hollywood-2, III DHF1K, IV DIEM, V DIEM-Meta, VI LEDOV-Meta."""


def write_paper_table(report: Report, number: str, folder: Path) -> None:
    """Write `paper-table-I.md` and `.tex`, … with the report's rows under the published ones.

    Raises:
        OutputError: if a file cannot be written.
    """
    table = PAPER_TABLES[number].beside(report)
    write_text(folder / f"paper-table-{number}.md", table.markdown())
    write_text(folder / f"paper-table-{number}.tex", table.latex())
