"""What all commands share: where they print, how they end, how they show that they are at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from gfsalnet.unexpected import one_line

SOME_FAILED, INTERRUPTED = 1, 130
LINE_EVERY_SECONDS = 30.0
"""Where there is no terminal to draw a bar on."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: object) -> None:
    """Print one line to standard error."""
    err.print(f"[red]error:[/red] {_plain(message)}")


def say(message: object) -> None:
    """Print one line to standard output."""
    out.print(_plain(message))


def _plain(message: object) -> str:
    """File names may hold what rich would take for markup."""
    return str(message).replace("[", r"\[")


class Commands(TyperGroup):
    """Commands that end with one line instead of a traceback, and a status that says how."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: 1 for a problem that the user can solve, or that nobody foresaw; 130 for Ctrl-C.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            err.print("interrupted; what was finished is kept, the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from interrupt
        except Exception as error:
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort):  # what the parser ends with
                raise
            fail(one_line(f"gfsalnet {ctx.invoked_subcommand}", error))
            raise typer.Exit(SOME_FAILED) from error


def at_work(what: str) -> AbstractContextManager[object]:
    """A spinner beside what takes a while, on standard error; where that is no terminal, a line now and then."""
    return err.status(what) if err.is_terminal else _lines(lambda: what)


def progress_bar(unit: str) -> Progress:
    """A bar with the count, the rate and the time left, on standard error; where that is no terminal, lines."""
    progress = _Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{{task.fields[rate]}} {unit}/s"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    progress.unit = unit
    return progress


class _Progress(Progress):
    """Says how far it is every half minute where no bar can be drawn: in a log, a pipe, a job of a cluster."""

    unit = ""
    _saying = ExitStack()

    def start(self) -> None:
        """Begin to show."""
        super().start()
        if self.disable:
            self._saying = ExitStack()
            self._saying.enter_context(_lines(self._line))

    def stop(self) -> None:
        """Show no more."""
        self._saying.close()
        super().stop()

    def _line(self) -> str:
        tasks = [task for task in self.tasks if task.visible]
        if not tasks:
            return "at work"
        task = tasks[-1]
        count = f"{task.completed:.0f}" + ("" if task.total is None else f" of {task.total:.0f}")
        rate = "" if task.fields.get("rate", "–") == "–" else f", {task.fields['rate']} {self.unit}/s"
        return f"{task.description}: {count}{rate}"


@contextmanager
def _lines(text: Callable[[], str]) -> Iterator[None]:
    """Print a line every half minute until the block is left."""
    ended, began = threading.Event(), time.monotonic()

    def say_now_and_then() -> None:
        while not ended.wait(LINE_EVERY_SECONDS):
            minutes, seconds = divmod(round(time.monotonic() - began), 60)
            err.print(f"{_plain(text())} ({minutes}:{seconds:02d})")

    thread = threading.Thread(target=say_now_and_then, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
