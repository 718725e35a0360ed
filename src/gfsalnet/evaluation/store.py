"""The folder of an evaluation: what was asked, the scores of every finished video, and the report read back.

    settings.json       everything that changes a number; another request is refused
    videos/00012.npz    scores of the 13th video
    report.json         written last: only a finished evaluation has it

A video's file is written completely or not at all, so that a killed run continues where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.errors import OutputError, SourceError
from gfsalnet.evaluation.report import Report, make_report
from gfsalnet.evaluation.scoring import VideoScores
from gfsalnet.evaluation.settings import EvaluationSettings
from gfsalnet.files import difference_in_words, output_errors, write_json, written_whole
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.formats.door import opening
from gfsalnet.formats.texts import parse_json, read_json_object
from gfsalnet.store import remove_partials

SETTINGS_FILE, VIDEOS_FOLDER, REPORT_FILE = "settings.json", "videos", "report.json"
_WRITTEN = (SETTINGS_FILE, "videos.csv", "frames.csv", "report.md", "report.tex", REPORT_FILE)
_ARRAYS = ("frame_index", "scores", "tried")


class Store:
    """The folder of an evaluation, new or with results of the same request.

    Args:
        folder: made if it does not exist; claimed by this process.
        request: everything that changes a number, as JSON values.

    Raises:
        OutputError: if it cannot be written, or holds results of another request, or files of the same names that no
            evaluation has written.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any]) -> None:
        self.folder = folder
        before = read_request(folder)
        if before is None:
            _refuse_foreign(folder)
        with output_errors(folder):
            (folder / VIDEOS_FOLDER).mkdir(parents=True, exist_ok=True)
        remove_partials(folder / VIDEOS_FOLDER)
        if before is None:
            write_json(folder / SETTINGS_FILE, request)
        elif before != request:
            difference = difference_in_words(before, request)
            raise OutputError(folder, f"holds results of {difference}", "Delete it, or choose another --output")

    def scores(self, position: int, video: str, identity: Mapping[str, Any]) -> VideoScores | None:
        """The scores of an earlier run; None if there are none, or the maps have changed since.

        Args:
            position: the position of the video in the dataset's list.
            video: its name.
            identity: must equal the identity of the maps and gaze that were scored.
        """
        try:
            # Any damage means: score it again.
            scores, scored_from = _read(self._path(position))
        except SourceError:
            return None
        # By its name as well: the position alone would be another video after the list has changed.
        return scores if (scores.video, scored_from) == (video, identity) else None

    def keep_scores(self, position: int, scores: VideoScores, identity: Mapping[str, Any]) -> None:
        """Remember the scores of one video."""
        fields = vars(scores)
        about = {name: value for name, value in fields.items() if name not in _ARRAYS} | {"identity": identity}
        arrays = {name: fields[name] for name in _ARRAYS}
        path = self._path(position)
        with output_errors(path), written_whole(path) as partial:
            # Text in an array, so that one file holds all and nothing has to be unpickled.
            np.savez_compressed(partial, **arrays, about=np.array(json.dumps(about)))

    def reopen(self) -> None:
        """Remove the report of an earlier run: the evaluation is no longer finished."""
        with output_errors(self.folder / REPORT_FILE):
            (self.folder / REPORT_FILE).unlink(missing_ok=True)

    def forget_scores(self, position: int) -> None:
        """Remove the scores of a video that an earlier run scored and that now fails."""
        with output_errors(self._path(position)):
            self._path(position).unlink(missing_ok=True)

    def _path(self, position: int) -> Path:
        return self.folder / VIDEOS_FOLDER / f"{position:05d}.npz"


_AGAIN = "Run `gfsalnet evaluate` again"


def read_scores(folder: Path) -> list[VideoScores]:
    """The scores of all finished videos, in the dataset's order.

    Raises:
        SourceError: if one cannot be read.
    """
    return [_read(path)[0] for path in sorted((folder / VIDEOS_FOLDER).glob("[0-9]*.npz"))]


def _read(path: Path) -> tuple[VideoScores, dict[str, Any]]:
    """The scores in a file, and the identity of the maps and gaze that were scored."""
    archive = ArrayArchive(path, SourceError, _AGAIN)
    about = parse_json(str(archive.read("about")), path, SourceError, _AGAIN)
    arrays: dict[str, Any] = {name: archive.read(name) for name in _ARRAYS}
    with opening(path, "file of scores", SourceError, _AGAIN):
        identity = about.pop("identity")
        return VideoScores(**about, **arrays), identity


def _refuse_foreign(folder: Path) -> None:
    if there := [name for name in _WRITTEN if (folder / name).exists()]:
        problem = f"holds {', '.join(there)}, and no evaluation that has written that"
        raise OutputError(folder, problem, "Move that away, or choose another --output")


def read_request(folder: Path) -> dict[str, Any] | None:
    """The request of the evaluation in a folder; None if the folder holds none."""
    try:
        return read_json_object(folder / SETTINGS_FILE, SourceError)
    except SourceError:
        return None


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a finished evaluation."""
    return (folder / REPORT_FILE).is_file()


def read_report(folder: Path) -> Report:
    """The report of a finished evaluation, to the last digit.

    Raises:
        SourceError: if there is no finished evaluation, or it is damaged.
    """
    if not is_finished(folder):
        raise SourceError(folder, f"is no finished evaluation (it has no {REPORT_FILE})", _AGAIN)
    about = read_json_object(folder / REPORT_FILE, SourceError, _AGAIN)
    request = read_request(folder)
    if request is None:
        raise SourceError(folder, f"is no finished evaluation (its {SETTINGS_FILE} is missing or damaged)", _AGAIN)
    scored = read_scores(folder)
    with opening(folder / REPORT_FILE, "report", SourceError, _AGAIN):
        settings = EvaluationSettings(**{**request["settings"], "metrics": tuple(request["settings"]["metrics"])})
        # The report is made again from the scores, so all of them must still be there.
        counts = (len(scored) - len(about["videos_without_frames"]), sum(len(v.frame_index) for v in scored))
        if counts != (about["videos"], about["frames"]):
            raise SourceError(folder, "is no finished evaluation (the scores of some videos are missing)", _AGAIN)
        report = make_report(request, about["name"], settings, scored, about["videos_failed"], about["remarks"])
        return replace(report, config=about.get("config"))
