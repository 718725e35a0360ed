"""An evaluation read back from its folder, for comparisons."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.report import Report, make_report
from gfsalnet.evaluation.settings import Settings
from gfsalnet.evaluation.store import REPORT_FILE, read_request, read_scores


def is_finished(folder: Path) -> bool:
    """Whether an evaluation ended there."""
    return (folder / REPORT_FILE).is_file()


def read_report(folder: Path) -> Report:
    """The report of a finished evaluation, to the last digit.

    Raises:
        SourceError: if there is none, or it is damaged.
    """
    try:
        about = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
        request = read_request(folder)
        if request is None:
            raise ValueError("its settings.json is missing or damaged")
        settings = Settings(**{**request["settings"], "metrics": tuple(request["settings"]["metrics"])})
        scored = read_scores(folder)
        counts = (len(scored) - len(about["videos_without_frames"]), sum(len(v.frame_index) for v in scored))
        if counts != (about["videos"], about["frames"]):
            raise ValueError("the scores of some videos are missing or damaged")
        report = make_report(request, about["name"], settings, scored, about["videos_failed"], about["remarks"])
        report = replace(report, config=about.get("config"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(folder, f"is no finished evaluation ({error})", "Run `gfsalnet evaluate` again") from error
    return report
