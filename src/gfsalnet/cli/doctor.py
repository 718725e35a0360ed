"""`gfsalnet doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import SOME_FAILED, say
from gfsalnet.cli.options import examples
from gfsalnet.cli.progress import at_work

if TYPE_CHECKING:
    from gfsalnet.doctor import Examination

DOCTOR_EXAMPLES = examples("gfsalnet doctor", "gfsalnet doctor --json > report.json")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    paths: Annotated[
        bool, typer.Option("--paths", help="Print whole paths, with the names of folders and of the user in them.")
    ] = False,
) -> None:
    """Examine this installation: versions, backends, devices, codecs, space, limits, and a self-test.

    About ten seconds. The text names no user and no folder, so it can be pasted into a bug report as it is.
    Exit status: 0 nothing is wrong, 1 something is (the last lines say what).
    """
    with at_work("examining this installation; about ten seconds"):
        found = _examined()
    shown = found if paths else found.without_names()
    if as_json:
        typer.echo(json.dumps(shown.as_json(), indent=2))
    else:
        for line in shown.lines():
            say(line)
    if found.wrong:
        raise typer.Exit(SOME_FAILED)


def _examined() -> Examination:
    from gfsalnet.doctor import examine

    return examine()
