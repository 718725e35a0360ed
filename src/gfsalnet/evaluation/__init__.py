"""A model, or a folder of maps, over a split of a dataset → scores between floor and ceiling.

    dataset = gaze.open_dataset("dhf1k", Path("DHF1K"), "val")
    report = evaluate(dataset, ModelSource("gfsalnet-mobile"), EvaluationSettings(), Path("results"))

The numbers are those of `gfsalnet.metrics`; here they are applied to frames and averaged.
"""

from __future__ import annotations

from gfsalnet.evaluation.comparison import compare, write_comparison
from gfsalnet.evaluation.map_files import MapsFolder, as_map_source
from gfsalnet.evaluation.published import PAPER_TABLES, PublishedTable, write_paper_table
from gfsalnet.evaluation.report import Report, Row
from gfsalnet.evaluation.run import default_workers, evaluate
from gfsalnet.evaluation.scoring import PREDICTORS, VideoScores
from gfsalnet.evaluation.settings import METRIC_LABELS, EvaluationSettings
from gfsalnet.evaluation.single import score
from gfsalnet.evaluation.sources import MapSource, ModelSource
from gfsalnet.evaluation.store import is_finished, read_report

__all__ = [
    "METRIC_LABELS",
    "PAPER_TABLES",
    "PREDICTORS",
    "EvaluationSettings",
    "MapSource",
    "MapsFolder",
    "ModelSource",
    "PublishedTable",
    "Report",
    "Row",
    "VideoScores",
    "as_map_source",
    "compare",
    "default_workers",
    "evaluate",
    "is_finished",
    "read_report",
    "score",
    "write_comparison",
    "write_paper_table",
]
