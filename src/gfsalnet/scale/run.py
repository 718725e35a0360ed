"""A shard of a manifest, predicted: what is missing, and an outcome for every row that is tried."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from gfsalnet.errors import GFSalNetError, OutputError
from gfsalnet.files import as_stored, difference_in_words
from gfsalnet.formats.texts import parse_json
from gfsalnet.predict import Listed, Outcome
from gfsalnet.scale.destination import Destination, destination_of
from gfsalnet.scale.identity import source_of
from gfsalnet.scale.outcomes import OutcomeLog, read_outcomes
from gfsalnet.scale.plan import ALL, Plan, Request, plan

REQUEST_FILE = "request.json"
Predict: TypeAlias = "Callable[[Iterable[str | Listed]], Iterable[Outcome]]"
"""Predicts sources one after the other or several at once, taking few more than it is at work on, in any order."""
_SENDERS = 4
"""Results that are sent to a store at once."""
Row: TypeAlias = "dict[str, Any]"


@dataclass
class Shard:
    """What there is to do, and the place for it; `outcomes` does it."""

    plan: Plan
    destination: Destination
    log: OutcomeLog

    def outcomes(self, predict: Predict) -> Generator[Outcome, None, None]:
        """Predict what is missing; an outcome of every row that is tried, or not even that.

        Raises:
            OutputError: if at the end the outcomes cannot be written down.
        """
        under_way: dict[str, Row] = {}
        try:
            # Known by their summaries alone: written down, so that the next run need not read those again.
            for row in self.plan.found_rows():
                self.log.add(row)
            for row in self.plan.bad:
                # Once, not in every run: the log would grow by all bad rows each time.
                if (row["uri"], row["problem"]) not in self.plan.noted:
                    self.log.add(row)
                ok = row["status"] == "left out"
                message = f"{row['uri']}: {row['problem']}"
                yield Outcome(source=row["uri"], status="skipped" if ok else "failed", message=message)
            for row, outcome in self._published(self._made(predict, under_way)):
                yield self._noted(row, outcome)
        finally:
            self.log.flush()

    def _made(self, predict: Predict, under_way: dict[str, Row]) -> Iterator[tuple[Row, Outcome]]:
        for outcome in predict(self._listed(under_way)):
            source = outcome.source if outcome.folder is None else self._source(outcome.folder, under_way)
            yield under_way.pop(source), outcome

    def _listed(self, under_way: dict[str, Row]) -> Iterator[str | Listed]:
        for row in self.plan.rows():
            source = source_of(row["uri"])
            # Before it is handed out: its outcome may come while the generator waits.
            under_way[source] = row
            yield Listed(source=source, folder=self.destination.folder(row["id"]), content=_content(row))

    def _source(self, folder: Path, under_way: Mapping[str, Row]) -> str:
        """Which source a result is of; its outcome may spell it as the disk does."""
        return next(source for source, row in under_way.items() if row["id"] == folder.name)

    def _published(self, made: Iterable[tuple[Row, Outcome]]) -> Iterator[tuple[Row, Outcome]]:
        """Send results to their place, while the next ones are made."""
        sent: deque[tuple[Row, Future[Outcome]]] = deque()
        with ThreadPoolExecutor(_SENDERS) as pool:
            for row, outcome in made:
                if self.destination.is_here:
                    yield row, outcome
                    continue
                sent.append((row, pool.submit(self._publish, row, outcome)))
                # In order, and no more than a few behind: results that wait to be sent take room on the disk.
                while sent and (len(sent) > _SENDERS or sent[0][1].done()):
                    row, sending = sent.popleft()
                    yield row, sending.result()
            for row, sending in sent:
                yield row, sending.result()

    def _publish(self, row: Row, outcome: Outcome) -> Outcome:
        try:
            if outcome.status != "failed":
                self.destination.publish(row["id"])
        except GFSalNetError as error:
            return replace(outcome, status="failed", message=f"{outcome.source}: {error}", folder=None)
        return outcome

    def _noted(self, row: Row, outcome: Outcome) -> Outcome:
        """Write down what became of a row."""
        problem = outcome.message.removeprefix(f"{outcome.source}: ")
        kept = {name: row[name] for name in ("id", "uri", "size_bytes", "modified", "version")}
        status = "done" if outcome.status == "skipped" else outcome.status
        done = {"frames": outcome.frames, "seconds": outcome.seconds} if status != "failed" else {}
        self.log.add({**kept, **done, "status": status, "problem": None if status == "done" else problem})
        return outcome


def _content(row: Row) -> dict[str, int | str]:
    """What the source must still be."""
    if row["version"] is not None:
        return {"version": row["version"]}
    now = {"bytes": row["size_bytes"], "modified_us": row["modified"]}
    return {name: value for name, value in now.items() if value is not None}


def open_shard(
    manifest: Path,
    output: str,
    *,
    asked: Mapping[str, Any],
    save: tuple[str, ...],
    shard: str = ALL,
    overwrite: bool = False,
) -> Shard:
    """Find out what is to be done of a shard.

    Args:
        manifest: a Parquet file, see `tables.MANIFEST`.
        output: a folder, or an address of a store.
        asked: of every source, as `gfsalnet.predict.asked_of_all` gives it.
        save: words of `gfsalnet.render.SINKS`.
        shard: such as `3/64`.
        overwrite: whether what is done is to be done again, and may be of another model and other settings.

    Raises:
        SourceError: if the manifest cannot be read.
        OutputError: if results of another request are there, or nothing can be read or written there.
    """
    text = json.dumps(asked, indent=2, ensure_ascii=False) + "\n"
    # Of the same text that lies beside the results: equal digests are equal requests.
    request = Request(asked, save, hashlib.sha256(text.encode()).hexdigest()[:16])
    destination = destination_of(output)
    _settle(destination, output, asked, text, overwrite)
    outcomes = read_outcomes(destination)
    planned = plan(manifest, shard, request, outcomes, destination, again=overwrite)
    log = OutcomeLog(destination, {"request": request.digest, "save": ",".join(save), "shard": shard})
    return Shard(planned, destination, log)


def _settle(destination: Destination, output: str, asked: Mapping[str, Any], text: str, overwrite: bool) -> None:
    """Write down what the results are of, or make sure that it is what was written down before."""
    before = destination.read(REQUEST_FILE)
    if before is None or overwrite:
        destination.write(REQUEST_FILE, text.encode())
        return
    earlier = parse_json(before.decode("utf-8", "replace"), Path(REQUEST_FILE), OutputError)
    if earlier != as_stored(asked):
        difference = difference_in_words(earlier, asked)
        raise OutputError(output, f"holds results of {difference}", "Add --overwrite, or choose another --output")
