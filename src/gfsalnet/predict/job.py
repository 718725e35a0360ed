"""One source: decode ‖ predict ‖ write, frame by frame, in bounded memory."""

from __future__ import annotations

import json
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from gfsalnet._version import __version__
from gfsalnet.device import threads
from gfsalnet.errors import OutputError
from gfsalnet.files import write_json
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import read_ahead
from gfsalnet.predict.folders import SUMMARY_FILE, folder_for, missing_outputs, read_summary
from gfsalnet.predict.settings import Outcome, Settings
from gfsalnet.render import open_sinks
from gfsalnet.types import Prediction
from gfsalnet.unexpected import one_line
from gfsalnet.video import VideoInfo, VideoReader, open_source, prefetch

T = TypeVar("T")
OnFrame = Callable[[str, int, "int | None"], None]
"""Called with the source, the frames of it that are done and, where it is known, the frames to do."""


def _silent(source: str, done: int, expected: int | None) -> None:
    """Nobody watches."""


def predict_sources(
    model: SaliencyModel, sources: Sequence[str], settings: Settings, on_frame: OnFrame = _silent
) -> Iterator[Outcome]:
    """Predict one source after the other; one that fails does not stop the rest."""
    for source in sources:
        try:
            outcome = predict_source(model, source, settings, on_frame)
        except Exception as error:  # whatever it was, the other sources are not to blame
            outcome = Outcome(source=source, status="failed", message=one_line(source, error))
        yield outcome


def predict_source(model: SaliencyModel, source: str, settings: Settings, on_frame: OnFrame = _silent) -> Outcome:
    """Predict one source into a folder of its own.

    What is already there with the same model and settings is not done again. Each output appears when it is whole;
    `summary.json` comes last.

    Raises:
        SourceError: if the source cannot be read.
        OutputError: if a result cannot be written, the model has no gate or flow to save, or results of other
            settings are in the way.
    """
    began = time.monotonic()
    _require_saved_parts(model, settings.save)
    with open_source(source, rate=settings.rate, folder_as=settings.folder_as) as reader:
        request = _request(model, reader.info, settings)
        folder = folder_for(settings.output, reader.info.name, request["source"])
        words = missing_outputs(folder, settings.save, reader.info.kind, request, settings.overwrite)
        if words:
            seconds, notes = _run(model, reader, folder, words, settings, on_frame)
            summary = _summary(reader, request, folder, seconds, notes)
            write_json(folder / SUMMARY_FILE, {**summary, **({"config": settings.config} if settings.config else {})})
    return _outcome(source, folder, began, redone=bool(words))


def _require_saved_parts(model: SaliencyModel, save: tuple[str, ...]) -> None:
    for word, has_it in (("gate", model.has_gate), ("flow", model.computes_flow)):
        if word in save and not has_it:
            raise OutputError(word, f"{model.name} gives no {word}", "Save something else, or use a model that does")


def _request(model: SaliencyModel, info: VideoInfo, settings: Settings) -> dict[str, Any]:
    """All that decides what the results look like, as the summary will give it back."""
    chosen = {
        "map_size_hw": settings.map_size_hw,
        "rate": settings.rate and str(settings.rate),
        "max_frames": settings.max_frames,
    }
    request: dict[str, Any] = {"source": _identity(info), "model": model.describe(), "settings": chosen}
    return dict(json.loads(json.dumps(request)))  # JSON knows no tuples


def _identity(info: VideoInfo) -> dict[str, Any]:
    """What tells this source from others of its name, and from itself after a change."""
    if info.is_live or info.source == "-":  # never the same twice
        return {"kind": info.kind, "path": f"{info.source} at {datetime.now(timezone.utc).isoformat()}"}
    path = info.path or Path(info.source)
    source = {"kind": info.kind, "path": str(path.resolve())}
    if not path.exists():  # a glob
        return source
    status = path.stat()
    return {**source, "bytes": status.st_size, "modified_ns": status.st_mtime_ns}


def _run(
    model: SaliencyModel,
    reader: VideoReader,
    folder: Path,
    words: tuple[str, ...],
    settings: Settings,
    on_frame: OnFrame,
) -> tuple[dict[str, float], list[str]]:
    """Decode and predict in threads of their own, write in this one.

    A live source is not waited for: what comes while everything is busy is skipped, so that no delay builds up.

    Returns:
        the seconds spent in each stage, and what the user should know of the outputs.
    """
    info, seconds, started = reader.info, {"read": 0.0, "write": 0.0}, time.perf_counter()
    expected = min((n for n in (info.estimated_frames, settings.max_frames) if n is not None), default=None)
    depth = 1 if info.is_live else read_ahead(info.size_wh)
    skip = (lambda: None) if info.is_live else None
    # Of a live source, which skips frames, those that are predicted count; of any other, no more than those are read.
    wanted = reader if info.is_live else islice(reader, settings.max_frames)
    frames = prefetch(_clocked(wanted, seconds, "read"), depth, skip)
    done = 0
    try:
        with (
            threads(1, torch=False),  # the stages run beside each other; a pool in one would take the others' cores
            open_sinks(words, folder, info, map_size_hw=settings.map_size_hw) as sink,
            closing(frames),
            closing(prefetch(model.stream(frames, seconds), depth)) as predictions,
        ):
            for prediction in islice(_until_interrupted(predictions, info.is_live), settings.max_frames):
                began = time.perf_counter()
                sink.write(prediction)
                seconds["write"] += time.perf_counter() - began
                done += 1
                on_frame(info.source, done, expected)
    except BaseException:
        with suppress(OSError):
            folder.rmdir()  # only if nothing is in it
        raise
    reader.report.frames_skipped = reader.report.frames_read - done  # also what was on its way when Ctrl-C came
    return {**seconds, "total": time.perf_counter() - started}, sink.notes


def _clocked(items: Iterable[T], seconds: dict[str, float], stage: str) -> Iterator[T]:
    iterator = iter(items)
    while True:
        began = time.perf_counter()
        try:
            item = next(iterator)
        except StopIteration:
            return
        finally:
            seconds[stage] += time.perf_counter() - began
        yield item


def _until_interrupted(predictions: Iterable[Prediction], live: bool) -> Iterator[Prediction]:
    """A camera has no end: there, Ctrl-C means enough, and what has been seen is kept.

    While a prediction is being written Ctrl-C waits, so that it is in all outputs or in none.
    """
    if not live or threading.current_thread() is not threading.main_thread():
        yield from predictions
        return
    seen = writing = enough = False

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal enough
        enough = True
        if not writing:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        for prediction in predictions:
            writing = True
            yield prediction
            writing, seen = False, True
            if enough:
                return
    except KeyboardInterrupt:
        if not seen:
            raise
    finally:
        signal.signal(signal.SIGINT, before)


def _summary(
    reader: VideoReader, request: dict[str, Any], folder: Path, seconds: dict[str, float], notes: list[str]
) -> dict[str, Any]:
    info, report = reader.info, reader.report
    return {
        **request,
        "video": {"size_wh": list(info.size_wh), "rate": info.rate, "duration_seconds": info.duration_seconds},
        "frames": report.frames_read - report.frames_skipped,
        "frames_skipped": report.frames_skipped,
        "frames_lost": report.frames_lost,
        "damage": report.damage,
        "notes": [*report.notes, *notes],
        "outputs": sorted(path.name for path in folder.iterdir() if ".partial" not in path.name),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "versions": {"gfsalnet": __version__, "python": platform.python_version()},
    }


def _outcome(source: str, folder: Path, began: float, redone: bool) -> Outcome:
    """What the summary on disk says, whether it was written now or by an earlier run."""
    summary = read_summary(folder) or {}
    frames, lost, damage = summary.get("frames", 0), summary.get("frames_lost", 0), summary.get("damage")
    notes = tuple(summary.get("notes", ()))
    if damage:
        message = f"{source}: {damage}; lost: {lost} of {lost + frames} frames, the others are predicted in {folder}"
        return Outcome(source=source, status="damaged", message=message, folder=folder, notes=notes, frames=frames)
    seconds = time.monotonic() - began
    if not redone:
        return Outcome(source=source, status="skipped", message=f"{source}: already in {folder}", folder=folder)
    message = f"{source}: {frames} frames in {seconds:.1f} s, {frames / seconds:.1f} a second → {folder}"
    return Outcome(
        source=source, status="done", message=message, folder=folder, notes=notes, frames=frames, seconds=seconds
    )
