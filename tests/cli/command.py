"""The command line as a user meets it: a command, its exit status and what it prints."""

from __future__ import annotations

import functools

import typer.main
import typer.testing
from typer.testing import CliRunner, Result

from gfsalnet.cli import app

# Typer's runner builds all verbs anew for each command, which takes longer than most commands do.
typer.testing._get_command = functools.cache(typer.main.get_command)  # type: ignore[attr-defined]


def gfsalnet(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def one_line_error(done: Result, *words: str, status: int = 1) -> str:
    """The only line that names an error of a command that could not do all it was asked; it holds these words."""
    assert done.exit_code == status
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    for word in words:
        assert word in lines[0]
    return lines[0]
