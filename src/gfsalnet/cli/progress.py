"""How commands show that they are at work, and how far they are: the one place for all of them.

For people a bar, or lines where there is no terminal; for programs one JSON object a line on standard error
(docs/scale.md#progress-for-other-programs).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import Annotated

import typer
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from gfsalnet.choices import ProgressForm
from gfsalnet.cli.console import err, is_for_programs, print_event, show_progress_as, shows_progress
from gfsalnet.cli.streams import visible

LINE_EVERY_SECONDS = 30.0
"""Where there is no terminal to draw a bar on: in a log, a pipe, a job of a cluster."""
EVENT_EVERY_SECONDS = 0.5
"""For programs."""


def _show_progress(form: ProgressForm) -> ProgressForm:
    show_progress_as(form)
    return form


ProgressOption = Annotated[
    ProgressForm,
    typer.Option(
        callback=_show_progress,
        is_eager=True,  # what is wrong with other options is told in this form too
        help="How far the work is: bar, for people; json, one object a line on standard error, for programs; none.",
    ),
]


def at_work(what: str) -> AbstractContextManager[object]:
    """A spinner beside what takes a while and cannot be counted; where there is no terminal, a line now and then."""
    if is_for_programs():
        print_event("work", what=what)
        return nullcontext()
    if not shows_progress():
        return nullcontext()
    return err.status(what) if err.is_terminal else _lines(lambda: what)


class Progress:
    """A bar with the count, the rate and the time left, on standard error; where there is no terminal, lines.

    Args:
        unit: what is counted, in the plural.
    """

    def __init__(self, unit: str) -> None:
        self._unit, self._stage = unit, ""
        self._began, self._first = 0.0, 0
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[state]}"))
        self._bar = Bar(*columns, console=err, transient=True, disable=not _draws())
        self._task: TaskID | None = None
        self._last_event = 0.0
        self._line = "at work"
        self._showing = ExitStack()

    def __enter__(self) -> Progress:
        if _draws():
            self._showing.enter_context(self._bar)
        elif shows_progress():
            self._showing.enter_context(_lines(lambda: self._line))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._showing.close()

    def show(
        self, what: str, done: int, total: int | None, *, stage: str | None = None, rate: float | None = None
    ) -> None:
        """Say how far the work is.

        Args:
            what: is being done, in a few words.
            done: how much of it is done.
            total: how much there is; None: unknown.
            stage: the clock starts again whenever it changes; None: whenever `what` does.
            rate: units per second, where they are not what is counted; None: measured.
        """
        now = time.monotonic()
        # Rates of two stages say nothing of each other, so that each has a clock of its own.
        stage = what if stage is None else stage
        if self._task is None:
            self._task = self._bar.add_task(what, total=total, state="")
            # What an earlier run had done says nothing about the speed of this one: the count begins at `done`.
            self._stage, self._began, self._first = stage, now, done
        elif stage != self._stage:
            self._bar.reset(self._task, total=total)
            self._stage, self._began, self._first = stage, now, done
        speed = (done - self._first) / (now - self._began) if done > self._first and now > self._began else 0.0
        left = (total - done) / speed if total is not None and done < total and speed else None
        facts = {"done": done, "total": total, "per_second": rate or speed or None, "seconds_left": left}
        parts = (_count(done, total), self._rate(rate or speed), _left(left))
        self._say(what, ", ".join(filter(None, parts)), facts, done, total)

    def _say(self, what: str, state: str, facts: Mapping[str, object], done: float, total: float | None) -> None:
        """Show it to people and to programs."""
        self._line = f"{what}: {state}"
        now = time.monotonic()
        if is_for_programs() and (done == total or now - self._last_event >= EVENT_EVERY_SECONDS):
            self._last_event = now
            print_event("progress", what=what, unit=self._unit, **facts)
        if self._task is not None:
            self._bar.update(self._task, description=visible(what), completed=done, total=total, state=state)

    def _rate(self, rate: float) -> str:
        return f"{rate:.1f} {self._unit}/s" if rate else ""


class BatchProgress(Progress):
    """One bar for many files, by what is done of all of them: which one, how many failed, the time left for all.

    Args:
        unit: what is counted of each file, in the plural.
        weights: of the files, such as their sizes, by which the time left is estimated. What is not in it counts as
            much as the mean.
        files: how many there are; None: unknown.
    """

    def __init__(self, unit: str, weights: Mapping[str, float], files: int | None) -> None:
        super().__init__(unit)
        self._weights, self._files = weights, files
        self._mean = sum(weights.values()) / len(weights) if weights else 1.0
        self._now: dict[str, tuple[int, int | None]] = {}
        self._names: dict[str, str] = {}
        self._ended = self._failed = self._units = 0
        self._done_weight = self._skipped_weight = 0.0

    def show_file(self, source: str, name: str, done: int, total: int | None) -> None:
        """Say how far a file is.

        Args:
            source: which one.
            name: what to call it.
            done: how much of it is done.
            total: how much there is; None: unknown.
        """
        self._now[source] = done, total
        self._names[source] = name
        self._show_all()

    def end_file(self, source: str, done: int, *, ok: bool, skipped: bool = False) -> None:
        """Say that a file has come to its end.

        Args:
            source: which one.
            done: how much of it is done.
            ok: whether it has succeeded.
            skipped: whether nothing had to be done. Then, or if nothing was, it says nothing of how long others take.
        """
        self._now.pop(source, None)
        self._names.pop(source, None)
        self._ended, self._failed, self._units = self._ended + 1, self._failed + (not ok), self._units + done
        weight = self._weights.get(source, self._mean)
        if skipped or not done:
            self._skipped_weight += weight
        else:
            self._done_weight += weight
        self._show_all()

    def _show_all(self) -> None:
        now = time.monotonic()
        name = next(iter(self._names.values()), "")  # of several at a time the one that was begun first
        if self._task is None:
            self._began = now
            self._task = self._bar.add_task("", total=None, state="")
        seconds = now - self._began
        units = self._units + sum(done for done, _ in self._now.values())
        share = self._share()
        # After the first second: before, the start of the processes would be taken for the speed.
        left = seconds * (1 - share) / share if share and 0 < share < 1 and seconds > 1 else None
        file = min(self._ended + 1, self._files or self._ended + 1)
        where = f"file {file}" + (f" of {self._files}" if self._files is not None else "")
        speed = units / seconds if seconds > 1 else 0.0
        failed = f"{self._failed} failed" if self._failed else ""
        state = ", ".join(filter(None, (f"{units} {self._unit}", self._rate(speed), _left(left), failed)))
        facts = {"file": file, "files": self._files, "failed": self._failed, "done": units, "share": share}
        rates = {"per_second": speed or None, "seconds_left": left}
        self._say(
            f"{where}: {name}" if name else where,
            state,
            {**facts, **rates},
            share or 0.0,
            None if share is None else 1.0,
        )

    def _share(self) -> float | None:
        """How much of all is done, 0…1."""
        if self._files is None:
            return None
        all_weight = sum(self._weights.values()) + self._mean * max(0, self._files - len(self._weights))
        at_work = sum(
            self._weights.get(source, self._mean) * min(1.0, done / total)
            for source, (done, total) in self._now.items()
            if total
        )
        # Skipped files take no time, so they are neither done nor to do.
        to_do = all_weight - self._skipped_weight
        return min(1.0, (self._done_weight + at_work) / to_do) if to_do > 0 else 1.0


def tell_failures(failures: Mapping[str, str], written: object = None) -> None:
    """What failed in a batch and why: a table for people, an event for programs.

    Args:
        failures: source → why.
        written: the file that says the same.
    """
    if is_for_programs():
        print_event("failures", failures=[{"source": s, "problem": p} for s, p in failures.items()], file=written)
    elif failures:
        from rich.table import Table
        from rich.text import Text

        grid = Table(title=f"{len(failures)} failed", title_justify="left", box=None, padding=(0, 2, 0, 0))
        grid.add_column("source", overflow="fold")
        grid.add_column("why", overflow="fold", ratio=1)
        for source, problem in failures.items():
            grid.add_row(Text(visible(source)), Text(visible(problem.removeprefix(f"{source}: "))))
        err.print(grid)
        if written is not None:
            err.print(f"the same in {visible(written)}")


def _draws() -> bool:
    return bool(err.is_terminal) and shows_progress()


def _count(done: int, total: int | None) -> str:
    return f"{done}" if total is None else f"{done} of {total}"


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{_clock(seconds)} left"


def _clock(seconds: float) -> str:
    """Such as 0:07 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def _lines(text: Callable[[], str]) -> Iterator[None]:
    """Print a line every half minute until the block is left."""
    ended, began = threading.Event(), time.monotonic()

    def say_now_and_then() -> None:
        while not ended.wait(LINE_EVERY_SECONDS):
            err.print(f"{visible(text())} ({_clock(time.monotonic() - began)})")

    # A thread, because the work itself may be one long call; a daemon, so that it never keeps the program alive.
    thread = threading.Thread(target=say_now_and_then, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
