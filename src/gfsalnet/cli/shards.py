"""`gfsalnet predict --manifest`: a shard of many sources, of which only what goes wrong is a line of its own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gfsalnet.cli.batch import tell_outcome
from gfsalnet.cli.console import SOME_FAILED, is_for_programs, tell
from gfsalnet.cli.processes import Processes
from gfsalnet.cli.progress import BatchProgress, at_work, tell_failures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfsalnet.models import SaliencyModel
    from gfsalnet.predict import Listed, Outcome, Settings
    from gfsalnet.scale.plan import Plan

LISTED = 20
"""Failures in the table at the end: there may be any number."""
_LOOKED_AT = 32
"""Sources by whose lengths the number of processes is chosen."""


@dataclass(frozen=True)
class Shard:
    """Rows of a manifest, such as `3/64`, and the folder or address for their results."""

    manifest: Path
    shard: str
    output: str


def run_shard(
    model: SaliencyModel,
    of: Shard,
    settings: Settings,
    processes: Processes,
) -> None:
    """Predict what is missing of a shard, and say what comes of it.

    Args:
        model: in this process.
        of: which rows, and where their results go.
        settings: how; its folder is not used.
        processes: what predicts.

    Raises:
        Exit: with 1 if some row has failed, or is damaged.
    """
    from gfsalnet.device import settle_memory
    from gfsalnet.predict import asked_of_all
    from gfsalnet.scale.run import open_shard

    settle_memory()  # here and not in the library: the setting is the whole process's
    with at_work(f"reading {of.manifest}, and what is done of it"):
        asked, save = asked_of_all(model, settings), settings.save
        work = open_shard(of.manifest, of.output, asked=asked, save=save, shard=of.shard, overwrite=settings.overwrite)
    plan = work.plan
    tell(f"{of.manifest}, shard {of.shard}: {_state(plan)}")
    first = [row["uri"] for row in islice(plan.rows(), _LOOKED_AT)]
    failures: dict[str, str] = {}
    failed = done = 0
    progress = BatchProgress("frames", {}, len(plan.to_do))
    with progress:

        def on_frame(source: str, frames: int, expected: int | None) -> None:
            progress.show_file(source, Path(source).name, frames, expected)

        def predict(sources: Iterable[str | Listed]) -> Iterable[Outcome]:
            return processes.predict(model, sources, settings, on_frame, first, work.destination.made_in)

        for outcome in work.outcomes(predict):
            progress.end_file(outcome.source, outcome.frames, ok=outcome.ok, skipped=outcome.status == "skipped")
            failed, done = failed + (not outcome.ok), done + outcome.ok
            # All are in the outcomes beside the results; in memory and on the screen a few.
            if not outcome.ok and len(failures) < LISTED:
                failures[outcome.source] = outcome.message
            if not outcome.ok or is_for_programs():
                tell_outcome(outcome)
    tell(f"{of.output}: {done} more done, {failed} failed")
    tell_failures(failures, f"{of.output}/outcomes")
    if failed or plan.damaged:
        raise typer.Exit(SOME_FAILED)


def _state(plan: Plan) -> str:
    damaged = f", {plan.damaged} damaged" if plan.damaged else ""
    bad = f", {len(plan.bad)} that cannot be tried" if plan.bad else ""
    return f"{plan.done} done{damaged}, {len(plan.to_do)} to do{bad}"
