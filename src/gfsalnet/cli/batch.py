"""Predicting a list of sources: progress, a line for each, and at the end what failed and why."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gfsalnet.cli.console import SOME_FAILED, is_for_programs, print_error, print_event, tell
from gfsalnet.cli.processes import Processes
from gfsalnet.cli.progress import BatchProgress, Progress, tell_failures
from gfsalnet.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfsalnet.models import SaliencyModel
    from gfsalnet.predict import Outcome, Settings


def run_batch(
    model: SaliencyModel,
    sources: list[str],
    settings: Settings,
    processes: Processes | None = None,
) -> None:
    """Predict sources, and say what comes of them.

    Args:
        model: in this process.
        sources: as they are opened.
        settings: how.
        processes: what predicts; None: this process alone.

    Raises:
        Exit: with 1 if some source failed.
    """
    from gfsalnet.device import settle_memory

    settle_memory()  # here and not in the library: the setting is the whole process's
    with _progress(sources) as progress:

        def on_frame(source: str, done: int, total: int | None) -> None:
            name = Path(source).name
            if isinstance(progress, BatchProgress):
                progress.show_file(source, name, done, total)
            else:
                progress.show(name, done, total, stage=source)

        used = processes or Processes()
        outcomes = used.predict(model, sources, settings, on_frame, sources, settings.output)
        failures = _told(outcomes, progress)
    finish_batch(settings.output, sources, failures)


def finish_batch(output: Path, sources: Iterable[str], failures: dict[str, str]) -> None:
    """Write `failures.csv`, say what failed, and end with the status for it.

    Args:
        output: the folder of all results.
        sources: those that were tried.
        failures: source → why it failed.

    Raises:
        Exit: with 1 if there are any.
    """
    from gfsalnet.store import FAILURES_FILE, note_failures

    tried, written = list(sources), None
    if len(tried) > 1 or (output / FAILURES_FILE).exists():
        with suppress(OutputError):  # a folder that cannot be written has been named for each source
            # Also those without a failure: what an earlier run has noted of them is taken out.
            written = note_failures(output, {source: failures.get(source) for source in tried})
    if len(tried) > 1:
        tell(f"{len(tried) - len(failures)} of {len(tried)} sources done")
        tell_failures(failures, written)
    if failures:
        raise typer.Exit(SOME_FAILED)


def _progress(sources: list[str]) -> Progress:
    if len(sources) == 1:
        return Progress("frames")
    # By bytes: how many frames a file has is known only once it is opened.
    return BatchProgress("frames", {s: float(os.path.getsize(s)) for s in sources if os.path.isfile(s)}, len(sources))


def _told(outcomes: Iterator[Outcome], progress: Progress) -> dict[str, str]:
    """Print a line for each as it comes; returns what failed, and why."""
    failures = {}
    for outcome in outcomes:
        if not outcome.ok:
            failures[outcome.source] = outcome.message
        if isinstance(progress, BatchProgress):
            skipped = outcome.status == "skipped"
            progress.end_file(outcome.source, outcome.frames, ok=outcome.ok, skipped=skipped)
        tell_outcome(outcome)
    return failures


def tell_outcome(outcome: Outcome) -> None:
    """What became of a source: some lines for people, or an event for programs."""
    if is_for_programs():
        print_event(
            "outcome",
            source=outcome.source,
            status=outcome.status,
            message=outcome.message,
            folder=outcome.folder,
            frames=outcome.frames,
            seconds=round(outcome.seconds, 3),
            notes=outcome.notes,
        )
        return
    (tell if outcome.ok else print_error)(outcome.message)
    for note in outcome.notes:
        tell(f"  note: {note}")
    for drawn in [] if outcome.folder is None else _drawn(outcome.folder):
        tell(f"  look at {drawn}")


def _drawn(folder: Path) -> list[Path]:
    """The page, the pictures and the videos among the results that are made to be looked at."""
    words = ("report", "overlay", "focus", "contours", "side", "gate", "flow")
    return [path for word in words for path in folder.glob(f"{word}.*")]
