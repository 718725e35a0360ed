"""The folder of an evaluation: what was asked, and the scores of every finished video.

    settings.json       all that changes a number; another request finds the folder taken
    videos/00012.npz    scores of the 13th video

A video's file is written whole, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.errors import OutputError
from gfsalnet.evaluation.scoring import VideoScores
from gfsalnet.files import output_errors, write_json, written_whole

SETTINGS_FILE, VIDEOS_FOLDER, REPORT_FILE = "settings.json", "videos", "report.json"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
_ARRAYS = ("frame_index", "scores", "tried")


class Store:
    """An evaluation's folder, new or with results of the same request.

    Args:
        folder: made if it is not there.
        request: all that changes a number, as JSON values.

    Raises:
        OutputError: if it cannot be written, or holds results of another request.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any]) -> None:
        self.folder = folder
        with output_errors(folder):
            (folder / VIDEOS_FOLDER).mkdir(parents=True, exist_ok=True)
        before = read_request(folder)
        if before is None:
            write_json(folder / SETTINGS_FILE, request)
        elif before != request:
            difference = _difference(before, request)
            raise OutputError(folder, f"holds results of {difference}", "Delete it, or choose another --output")

    def scores(self, position: int, video: str, identity: Mapping[str, Any]) -> VideoScores | None:
        """Scores of an earlier run; None if there are none, or the maps have changed since.

        Args:
            position: of the video in the dataset's list.
            video: its name.
            identity: what tells whether they are still those of its maps and gaze.
        """
        try:
            scores, scored_from = _read(self._path(position))
        except _UNREADABLE:
            return None
        return scores if (scores.video, scored_from) == (video, identity) else None

    def keep_scores(self, position: int, scores: VideoScores, identity: Mapping[str, Any]) -> None:
        """Remember the scores of one video."""
        fields = vars(scores)
        about = {name: value for name, value in fields.items() if name not in _ARRAYS} | {"identity": identity}
        arrays = {name: fields[name] for name in _ARRAYS}
        path = self._path(position)
        with output_errors(path), written_whole(path) as partial:
            np.savez_compressed(partial, **arrays, about=np.array(json.dumps(about)))

    def reopen(self) -> None:
        """Take the report of an earlier run away: it is not finished any more."""
        with output_errors(self.folder / REPORT_FILE):
            (self.folder / REPORT_FILE).unlink(missing_ok=True)

    def forget_scores(self, position: int) -> None:
        """Remove what an earlier run left of a video that now fails."""
        with output_errors(self._path(position)):
            self._path(position).unlink(missing_ok=True)

    def _path(self, position: int) -> Path:
        return self.folder / VIDEOS_FOLDER / f"{position:05d}.npz"


def read_scores(folder: Path) -> list[VideoScores]:
    """The scores of all videos that were finished, in the dataset's order.

    Raises:
        OSError, ValueError, KeyError: if one cannot be read.
    """
    try:
        return [_read(path)[0] for path in sorted((folder / VIDEOS_FOLDER).glob("[0-9]*.npz"))]
    except (EOFError, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error


def _read(path: Path) -> tuple[VideoScores, dict[str, Any]]:
    """Scores, and the identity of the maps they are of."""
    with np.load(path, allow_pickle=False) as archive:
        about = json.loads(str(archive["about"]))
        arrays = {name: archive[name] for name in _ARRAYS}
    identity = about.pop("identity")
    return VideoScores(**about, **arrays), identity


def read_request(folder: Path) -> dict[str, Any] | None:
    """What was asked for; None in a folder that holds no evaluation."""
    try:
        request = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return request if isinstance(request, dict) else None


def _difference(before: Any, now: Any, path: str = "") -> str:
    """The first place where two requests differ, for people."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*now, *before]:
            if before.get(key) != now.get(key):
                return _difference(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))
    return f"other settings ({path} was {before}, is {now})"
