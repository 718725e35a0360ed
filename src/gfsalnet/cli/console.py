"""What all commands share: where they print, and how they end."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from gfsalnet.choices import ProgressForm
from gfsalnet.cli.streams import use_tolerant_streams, visible
from gfsalnet.errors import RequestError
from gfsalnet.stopping import exit_status, stop_once
from gfsalnet.unexpected import one_line
from gfsalnet.words import in_plain_words

SOME_FAILED, WRONG_COMMAND = 1, 2
"""Exit statuses: what the files, the machine or the network did; what the command alone shows to be wrong."""

ASKS_FOR_HELP = "gfsalnet.asks_for_help"
"""Key in the context of a command: whether the words after its verb ask for help."""

_printed = logging.getLogger("gfsalnet.printed")
"""For the log file: on the terminal it is read already."""

# No markup: file names may hold what looks like it.
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def print_error(message: object) -> None:
    """Print one line to standard error."""
    _printed.error("%s", message)
    if is_for_programs():
        print_event("error", message=str(message))
        return
    err.print(Text.assemble(("error:", "red"), f" {visible(message)}"))


def say(message: object) -> None:
    """Print one line to standard output."""
    _printed.info("%s", message)
    out.print(visible(message))


def tell(message: object) -> None:
    """Print one line that only accompanies the work: `--quiet` leaves it out."""
    if is_quiet():
        _printed.info("%s", message)
    else:
        say(message)


def print_event(event: str, **facts: object) -> None:
    """Print what happens as one line of JSON to standard error, for programs that asked for it."""
    short = {name: round(value, 4) if isinstance(value, float) else value for name, value in facts.items()}
    # Workers' reports and the main thread both print: half a line of each would be no JSON.
    with _one_line_at_a_time:
        err.file.write(json.dumps({"event": event, **short}, default=str) + "\n")
        err.file.flush()


def is_for_programs() -> bool:
    """Whether standard error is for programs: one JSON object a line."""
    return _for_programs.is_set()


def show_progress_as(form: ProgressForm) -> None:
    """Say for whom standard error is, and whether progress is shown."""
    (_for_programs.set if form == "json" else _for_programs.clear)()
    (_without_progress.set if form == "none" else _without_progress.clear)()


def shows_progress() -> bool:
    """Whether there is a bar, or lines where there is no terminal."""
    return not (is_quiet() or _without_progress.is_set() or is_for_programs())


def is_quiet() -> bool:
    """Whether nothing is printed but errors and what was asked for."""
    return _quiet.is_set()


def be_quiet(quiet: bool) -> None:
    """Print nothing but errors and what was asked for, or all of it again."""
    (_quiet.set if quiet else _quiet.clear)()


_quiet, _for_programs, _without_progress = threading.Event(), threading.Event(), threading.Event()
_one_line_at_a_time = threading.Lock()


_Function = TypeVar("_Function", bound=Callable[..., Any])


class Verb(TyperCommand):
    """A command whose numbers are numbers: no limit of an option refuses NaN, and many have no upper one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            typer.BadParameter: if an option is NaN or infinite.
        """
        rest = super().parse_args(ctx, args)
        numbers: list[Any] = [param for param in self.params if isinstance(ctx.params.get(param.name), float)]
        for param in numbers:
            value = ctx.params[param.name]
            if not math.isfinite(value):
                raise typer.BadParameter(f"{value} is not a finite number.", ctx=ctx, param=param)
        return rest


class App(typer.Typer):
    """The command as a program of its own: its streams take everything, and a signal ends it in good order."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[_Function], _Function]:
        """Register a verb."""
        return super().command(name, **{"cls": Verb, **settings})

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Run the program.

        Raises:
            SystemExit: at its end.
        """
        use_tolerant_streams(libraries_too=not {"-v", "-vv", "--verbose"}.isdisjoint(sys.argv))
        command = typer.main.get_command(self)  # takes long; until here there is nothing to end in good order
        stop_once()
        try:
            return command(*arguments, **settings)
        except SystemExit as end:
            failure = getattr(sys.stdout, "failure", None)
            if failure is not None and not end.code:
                print_error(f"standard output: cannot be written ({failure.strerror}); all else is done")
                raise SystemExit(SOME_FAILED) from end
            raise


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _say_where_it_belongs(ctx: Any, error: Any) -> None:
    """Complete what the parser says of an option that a verb does not have, but the command itself has."""
    option = getattr(error, "option_name", None)
    if any(option in param.opts for param in ctx.command.params):
        error.message += f"; it goes before the verb: gfsalnet {option} {ctx.invoked_subcommand} …"


class Commands(TyperGroup):
    """Commands that end with one line instead of a traceback, and a status that says how."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: 1 for a problem that the user can solve, or that nobody foresaw; 2 for a request that is wrong
                whatever the files hold; 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
        """
        # Looked at before the verb does: help is given even where the configuration or the folder is broken.
        ctx.meta[ASKS_FOR_HELP] = not {"-h", "--help"}.isdisjoint(ctx.args)
        if not (ctx.meta[ASKS_FOR_HELP] or _is_somewhere()):
            print_error("the current folder: does not exist any more. Change to another one.")
            raise typer.Exit(SOME_FAILED)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            told = "interrupted; what was finished is kept, the same command goes on from there"
            print_event("interrupted", message=told) if is_for_programs() else err.print(told)
            raise typer.Exit(exit_status()) from interrupt
        except BrokenPipeError:  # nobody reads any more what is printed: the parser ends quietly
            raise
        except typer.BadParameter as error:
            from gfsalnet.cli.config import file_and_key

            error.message = in_plain_words(error.message)
            where = file_and_key(error)
            if where is not None:
                print_error(f"{where}: {error.message}")
            elif is_for_programs():  # which read no box around a text
                print_error(error.format_message())
            else:
                raise
            raise typer.Exit(WRONG_COMMAND) from error
        except Exception as error:
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort):  # what the parser ends with
                _say_where_it_belongs(ctx, error)
                raise
            print_error(one_line(f"gfsalnet {ctx.invoked_subcommand}", error))
            raise typer.Exit(WRONG_COMMAND if isinstance(error, RequestError) else SOME_FAILED) from error
