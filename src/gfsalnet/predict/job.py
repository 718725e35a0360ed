"""One source: decode ‖ predict ‖ write, frame by frame, in bounded memory."""

from __future__ import annotations

import logging
import platform
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeVar

from gfsalnet._version import __version__
from gfsalnet.choices import FolderAs
from gfsalnet.device import threads
from gfsalnet.errors import OutputError
from gfsalnet.files import as_stored
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import read_ahead
from gfsalnet.predict.folders import ALL_OUTPUTS, claimed_folder, folder_for, is_of_other_content, missing_outputs
from gfsalnet.predict.listed import Listed
from gfsalnet.render import Look, MapForm, open_sinks
from gfsalnet.stopping import handled_by
from gfsalnet.store import ResultFolder, TakenError
from gfsalnet.types import Prediction
from gfsalnet.unexpected import one_line
from gfsalnet.video import VideoInfo, VideoReader, open_source, prefetch

log = logging.getLogger(__name__)

T = TypeVar("T")
OnFrame = Callable[[str, int, "int | None"], None]
"""Called with the source, its frames that are done and, if known, the frames to do."""
OnWait = Callable[[TakenError], None]
"""Called before another process is waited for, with the error that says which it is and what it makes."""
_ASK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How sources are predicted and what is written."""

    output: Path
    """The folder in which every source gets a folder of its own."""
    save: tuple[str, ...] = ("overlay", "maps", "csv")
    """Words of `gfsalnet.render.SINKS`."""
    look: Look = field(default_factory=Look)
    """How maps are drawn."""
    maps: MapForm = field(default_factory=MapForm)
    """How maps are stored."""
    part_seconds: tuple[float | None, float | None] = (None, None)
    """Predict the frames from the first of these times on and before the second; None: where the source begins or
    ends."""
    rate: Fraction | None = None
    """Frames per second of folders of frames; None: 25."""
    folder_as: FolderAs | None = None
    """What folders are taken for; None: their content decides."""
    max_frames: int | None = None
    """Stop after this many frames of each source; None: at its end."""
    overwrite: bool = False
    """Whether existing results are made again."""
    allow_playlists: bool = False
    """Whether playlists are read, with the files and addresses that they name."""
    config: Mapping[str, Any] | None = None
    """The configuration file that decided some of this, and what it decided: JSON values, for the summary."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "output", Path(self.output))  # a string is accepted too


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


def _silent(source: str, done: int, expected: int | None) -> None:
    """Report nothing."""


def predict_sources(
    model: SaliencyModel,
    sources: Iterable[str | Listed],
    settings: Settings,
    on_frame: OnFrame = _silent,
    on_wait: OnWait = lambda taken: None,
) -> Generator[Outcome, None, None]:
    """Predict one source after the other; one that fails does not stop the rest.

    Several processes may be given the same sources and folder: they share the work. A source that another one is at
    work on comes last, when it is waited for, and made here if the other process ends without it.
    """
    later: list[str | Listed] = []
    result: Outcome | TakenError
    for source in sources:
        result = _attempt(model, source, settings, on_frame)
        if isinstance(result, Outcome):
            yield result
        else:
            later.append(source)
    for source in later:
        told = ""
        while isinstance(result := _attempt(model, source, settings, on_frame), TakenError):
            if told != str(result):  # once for each process that is waited for
                told = str(result)
                on_wait(result)
            time.sleep(_ASK_AGAIN_SECONDS)
        yield result


def _attempt(model: SaliencyModel, source: str | Listed, settings: Settings, on_frame: OnFrame) -> Outcome | TakenError:
    try:
        return predict_source(model, source, settings, on_frame)
    except TakenError as taken:
        return taken
    except Exception as error:  # one bad source must not stop the others
        return Outcome(source=str(source), status="failed", message=one_line(source, error))


def predict_source(
    model: SaliencyModel, source: str | Listed, settings: Settings, on_frame: OnFrame = _silent
) -> Outcome:
    """Predict one source into a folder of its own.

    Results that exist for the same model and settings are not made again. The outputs appear together when all are
    complete; `summary.json` is written last. A `Listed` source is made again where its result is of other content.

    Raises:
        SourceError: if the source cannot be read.
        OutputError: if a result cannot be written, the model has no gate or flow to save, or results of other
            settings are in the way.
        TakenError: an `OutputError` that says which other process is at work on the source.
    """
    began = time.monotonic()
    _require_saved_parts(model, settings.save)
    with _open(str(source), settings) as reader:
        info = reader.info
        request = _request(model, info, settings)
        own, overwrite = None, settings.overwrite
        if isinstance(source, Listed):
            source.require_unchanged(info)
            own = ResultFolder(source.folder)
            overwrite |= is_of_other_content(own, request["source"])
        wanted = (settings.save, info.kind, request, overwrite)
        folder = own or folder_for(settings.output, info.name, request["source"])
        if not missing_outputs(folder, *wanted):  # also where nothing may be written
            log.info("%s: results of the same request are in %s", info.source, folder)
            return _outcome(info.source, folder, began, redone=False)
        with claimed_folder(settings.output, info.name, request["source"], own) as folder:
            words = missing_outputs(folder, *wanted)  # fewer, if another process has just ended
            if words:
                _make(model, reader, folder, words, request, replace(settings, overwrite=overwrite), on_frame)
            return _outcome(info.source, folder, began, redone=bool(words))


def _make(
    model: SaliencyModel,
    reader: VideoReader,
    folder: ResultFolder,
    words: tuple[str, ...],
    request: dict[str, Any],
    settings: Settings,
    on_frame: OnFrame,
) -> None:
    # Outputs that are not asked for stay only where a summary says that they are of this request.
    keep = ALL_OUTPUTS if folder.summary() is not None and not settings.overwrite else ()
    with folder.outputs(ALL_OUTPUTS, keep) as hidden:
        seconds, notes = _run(model, reader, hidden, words, settings, on_frame)
    summary = _summary(reader, request, folder, seconds, notes)
    log.info("%s: %d frames, seconds by stage: %s", reader.info.source, summary["frames"], summary["seconds"])
    folder.finish({**summary, **({"config": settings.config} if settings.config else {})})


def _open(source: str, settings: Settings) -> VideoReader:
    return open_source(
        source,
        rate=settings.rate,
        folder_as=settings.folder_as,
        allow_playlists=settings.allow_playlists,
        start_seconds=settings.part_seconds[0],
        end_seconds=settings.part_seconds[1],
    )


def _require_saved_parts(model: SaliencyModel, save: tuple[str, ...]) -> None:
    for word, has_it in (("gate", model.has_gate), ("flow", model.computes_flow)):
        if word in save and not has_it:
            raise OutputError(word, f"{model.name} gives no {word}", "Save something else, or use a model that does")


def _request(model: SaliencyModel, info: VideoInfo, settings: Settings) -> dict[str, Any]:
    """Everything that determines the results, in the form in which the summary will be read back."""
    chosen = {
        "look": asdict(settings.look),
        "maps": asdict(settings.maps),
        "rate": settings.rate and str(settings.rate),
        "part_seconds": settings.part_seconds,
        "max_frames": settings.max_frames,
    }
    return as_stored({"source": identity(info), "model": model.describe(), "settings": chosen})


def identity(info: VideoInfo) -> dict[str, Any]:
    """What distinguishes this source from others of its name, and from itself after a change."""
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


def _run(
    model: SaliencyModel,
    reader: VideoReader,
    folder: Path,
    words: tuple[str, ...],
    settings: Settings,
    on_frame: OnFrame,
) -> tuple[dict[str, float], list[str]]:
    """Decode and predict in threads of their own, write in this one.

    Frames of a live source that arrive while everything is busy are skipped, so that no delay builds up.

    Returns:
        the seconds spent in each stage, and notes on the outputs for the user.
    """
    info, seconds, started = reader.info, {"read": 0.0, "write": 0.0}, time.perf_counter()
    expected = min((n for n in (info.estimated_frames, settings.max_frames) if n is not None), default=None)
    depth = 1 if info.is_live else read_ahead(info.size_wh)
    skip = (lambda: None) if info.is_live else None
    # `max_frames` limits what is read; a live source skips frames, so there it limits what is predicted (see below).
    wanted = reader if info.is_live else islice(reader, settings.max_frames)
    frames = prefetch(_clocked(wanted, seconds, "read"), depth, skip)
    # Standard input lies in a file as long as its reader is open, which is where its sinks end.
    again = None if info.is_live else partial(_open, str(info.path or info.address or info.source), settings)
    done = 0
    with (
        # The stages run beside each other: a pool in one of them would take the others' cores, and the flow of DIS
        # depends on the number of threads. Left last, when no stage runs any more.
        threads(1, torch=False),
        open_sinks(words, folder, info, look=settings.look, maps=settings.maps, reopen=again) as sink,
        closing(frames),
        closing(prefetch(model.stream(frames, seconds), depth)) as predictions,
    ):
        for prediction in islice(_until_interrupted(predictions, info.is_live), settings.max_frames):
            began = time.perf_counter()
            sink.write(prediction)
            seconds["write"] += time.perf_counter() - began
            done += 1
            on_frame(info.source, done, expected)
    reader.report.frames_skipped = reader.report.frames_read - done  # including frames that were still queued at Ctrl-C
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
        del item


def _until_interrupted(predictions: Iterable[Prediction], live: bool) -> Iterator[Prediction]:
    """A camera has no end, so Ctrl-C ends it normally: what has been predicted is kept.

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
            # Between predictions the wait for the next one is broken off at once.
            raise KeyboardInterrupt

    with handled_by(on_interrupt):
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


def _summary(
    reader: VideoReader, request: dict[str, Any], folder: ResultFolder, seconds: dict[str, float], notes: list[str]
) -> dict[str, Any]:
    info, report = reader.info, reader.report
    return {
        **request,
        "video": {"size_wh": list(info.size_wh), "rate": info.rate, "duration_seconds": info.duration_seconds},
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


def _outcome(source: str, results: ResultFolder, began: float, redone: bool) -> Outcome:
    """The outcome by the summary on disk, whether it was written now or by an earlier run."""
    summary, folder = results.summary() or {}, results.path
    frames, damage = summary.get("frames", 0), summary.get("damage")
    notes = tuple(summary.get("notes", ()))
    if damage:
        message = f"{source}: {summary.get('loss')} ({damage}); {frames} frames are predicted in {folder}"
        return Outcome(source=source, status="damaged", message=message, folder=folder, notes=notes, frames=frames)
    seconds = time.monotonic() - began
    if not redone:
        return Outcome(source=source, status="skipped", message=f"{source}: already in {folder}", folder=folder)
    message = f"{source}: {frames} frames in {seconds:.1f} s, {frames / seconds:.1f} per second → {folder}"
    return Outcome(
        source=source, status="done", message=message, folder=folder, notes=notes, frames=frames, seconds=seconds
    )
