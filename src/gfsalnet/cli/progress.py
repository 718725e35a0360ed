"""How commands show that they are at work, and how far they are: the one place for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import TracebackType

from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from gfsalnet.cli.console import err, is_quiet
from gfsalnet.cli.streams import visible

LINE_EVERY_SECONDS = 30.0
"""Where there is no terminal to draw a bar on: in a log, a pipe, a job of a cluster."""


def at_work(what: str) -> AbstractContextManager[object]:
    """A spinner beside what takes a while and cannot be counted; where there is no terminal, a line now and then."""
    if is_quiet():
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
        self._bar = Bar(*columns, console=err, transient=True, disable=is_quiet() or not err.is_terminal)
        self._task: TaskID | None = None
        self._line = "at work"
        self._showing = ExitStack()

    def __enter__(self) -> Progress:
        if not is_quiet():
            self._showing.enter_context(self._bar if err.is_terminal else _lines(lambda: self._line))
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
            self._stage, self._began, self._first = stage, now, done
        elif stage != self._stage:
            self._bar.reset(self._task, total=total)
            self._stage, self._began, self._first = stage, now, done
        speed = (done - self._first) / (now - self._began) if done > self._first and now > self._began else 0.0
        state = ", ".join(filter(None, (_count(done, total), self._rate(rate or speed), _left(done, total, speed))))
        self._line = f"{what}: {state}"
        self._bar.update(self._task, description=visible(what), completed=done, total=total, state=state)

    def _rate(self, rate: float) -> str:
        return f"{rate:.1f} {self._unit}/s" if rate else ""


def _count(done: int, total: int | None) -> str:
    return f"{done}" if total is None else f"{done} of {total}"


def _left(done: int, total: int | None, speed: float) -> str:
    if total is None or done >= total or not speed:
        return ""
    return f"{_clock((total - done) / speed)} left"


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
