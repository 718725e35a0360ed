"""What all commands share: where they print, how they end, how they show that they are at work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gfsalnet.errors import GFSalNetError

SOME_FAILED, INTERRUPTED = 1, 130

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


@contextmanager
def errors_to_status() -> Iterator[None]:
    """End the program with one line instead of a traceback.

    Raises:
        typer.Exit: 1 for a problem the user can solve, 130 for Ctrl-C.
    """
    try:
        yield
    except GFSalNetError as error:
        fail(error)
        raise typer.Exit(SOME_FAILED) from error
    except KeyboardInterrupt as interrupt:
        err.print("interrupted; what was finished is kept, the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from interrupt


def at_work(what: str) -> AbstractContextManager[object]:
    """A spinner beside what takes a while, on standard error; nothing where that is no terminal."""
    return err.status(what) if err.is_terminal else nullcontext()


def progress_bar(unit: str) -> Progress:
    """A bar with the count, the rate and the time left, on standard error; quiet where that is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{{task.fields[rate]}} {unit}/s"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
