"""What results are of, what is said of them in `summary.json`, and what is told of them to the user."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from gfsalnet._version import __version__
from gfsalnet.files import as_stored
from gfsalnet.models import SaliencyModel
from gfsalnet.predict.settings import Settings
from gfsalnet.store import ResultFolder
from gfsalnet.video import VideoInfo, VideoReader
from gfsalnet.words import counted


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one source."""

    source: str
    status: Literal["done", "skipped", "damaged", "failed"]
    """`damaged`: predicted as far as the file goes."""
    message: str
    """One line for the user."""
    folder: Path | None = None
    notes: tuple[str, ...] = ()
    """Messages for the user although nothing failed, one line each."""
    frames: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every frame of the source is predicted."""
        return self.status in ("done", "skipped")


def request_of(model: SaliencyModel, info: VideoInfo, settings: Settings) -> dict[str, Any]:
    """Everything that determines the results, in the form in which the summary will be read back."""
    return {"source": as_stored(identity(info)), **asked_of_all(model, settings)}


def asked_of_all(model: SaliencyModel, settings: Settings) -> dict[str, Any]:
    """The part of a request that all sources have in common: `model` and `settings`."""
    chosen = {
        "look": asdict(settings.look),
        "maps": asdict(settings.maps),
        "rate": settings.rate and str(settings.rate),
        "part_seconds": settings.part_seconds,
        "max_frames": settings.max_frames,
    }
    return as_stored({"model": model.describe(), "settings": chosen})


def identity(info: VideoInfo) -> dict[str, Any]:
    """What distinguishes this source from others of its name, and from itself after a change."""
    # A time that no other run has: what is read of a camera or a pipe is never taken for what was read before.
    if not info.can_be_recognised:
        return {"kind": info.kind, "path": f"{info.source} at {datetime.now(timezone.utc).isoformat()}"}
    if info.version is not None:
        return {"kind": info.kind, "path": f"{info.source} ({info.version})"}
    path = info.path or Path(info.source)
    source = {"kind": info.kind, "path": str(path.resolve())}
    if not path.exists():  # a glob
        return source
    status = path.stat()
    return {**source, "bytes": status.st_size, "modified_ns": status.st_mtime_ns}


def summary_of(
    reader: VideoReader, request: dict[str, Any], folder: ResultFolder, seconds: dict[str, float], notes: list[str]
) -> dict[str, Any]:
    """What `summary.json` says of results."""
    info, report = reader.info, reader.report
    return {
        **request,
        "video": {"size_wh": list(info.size_wh), "rate": info.rate, "duration_seconds": info.duration_seconds},
        # Those that are predicted: a live source is read faster than that.
        "frames": report.frames_read - report.frames_skipped,
        "frames_skipped": report.frames_skipped,
        "frames_lost": report.frames_lost,
        "frames_damaged": report.frames_damaged,
        "loss": report.loss_in_words() if report.damage else None,
        "damage": report.damage,
        "notes": [*report.notes, *notes],
        "outputs": folder.names(),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "versions": {"gfsalnet": __version__, "python": platform.python_version()},
    }


def outcome_of(source: str, results: ResultFolder, began: float, redone: bool) -> Outcome:
    """The outcome by the summary on disk, whether it was written now or by an earlier run."""
    summary, folder = results.summary() or {}, results.path
    frames, damage = summary.get("frames", 0), summary.get("damage")
    notes = tuple(summary.get("notes", ()))
    if damage:
        there = f"{counted(frames, 'frame')} {'is' if frames == 1 else 'are'} predicted in {folder}"
        message = f"{source}: {summary.get('loss')} ({damage}); {there}"
        return Outcome(source=source, status="damaged", message=message, folder=folder, notes=notes, frames=frames)
    seconds = time.monotonic() - began
    if not redone:
        return Outcome(source=source, status="skipped", message=f"{source}: already in {folder}", folder=folder)
    message = f"{source}: {counted(frames, 'frame')} in {seconds:.1f} s, {frames / seconds:.1f} per second → {folder}"
    return Outcome(
        source=source, status="done", message=message, folder=folder, notes=notes, frames=frames, seconds=seconds
    )
