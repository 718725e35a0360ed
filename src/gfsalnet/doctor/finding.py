"""What an examination finds, as lines of text and as JSON values."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from gfsalnet.urls import without_secrets

State = Literal["fine", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One line of an examination."""

    part: str
    """Heading that it stands under, such as `codecs`."""
    name: str
    value: str
    """What was found, one line."""
    state: State = "fine"
    """`note`: something that most users do not need is missing; `wrong`: commands will fail."""


@dataclass(frozen=True)
class Examination:
    """All that was found."""

    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What keeps commands from working."""
        return tuple(finding for finding in self.findings if finding.state == "wrong")

    def without_names(self) -> Examination:
        """The same without names of users and folders: to be shown to strangers."""
        return Examination(tuple(replace(each, value=without_names(each.value)) for each in self.findings))

    def lines(self) -> Iterable[str]:
        """As plain text, to be read and pasted."""
        width = max(len(finding.name) for finding in self.findings)
        part = ""
        for finding in self.findings:
            if finding.part != part:
                part = finding.part
                yield f"{part}:"
            mark = {"fine": " ", "note": "-", "wrong": "!"}[finding.state]
            yield f"{mark} {finding.name:{width}}  {finding.value}".rstrip()
        yield ""
        if not self.wrong:
            yield "nothing is wrong"
        for finding in self.wrong:
            yield f"wrong: {finding.part}, {finding.name}: {finding.value}"

    def as_json(self) -> dict[str, Any]:
        """JSON values: part → name → `value` and `state`; and whether all is `well`."""
        tree: dict[str, Any] = {}
        for finding in self.findings:
            tree.setdefault(finding.part, {})[finding.name] = {"value": finding.value, "state": finding.state}
        return {"well": not self.wrong, "found": tree}


def reason(error: Exception) -> str:
    """What to say of something that failed, one line."""
    text = str(error).strip().splitlines()
    return f"fails ({type(error).__name__}{f': {text[0]}' if text else ''})"


def without_names(text: str) -> str:
    """A text with the user's folder as `~`, of other paths the last part alone, and without the user's name.

    >>> without_names("/srv/secret-project/data is full, see https://h/x?key=1")
    '…/data is full, see https://h/x'
    """
    text = without_secrets(text)
    with_home = text.replace(str(Path.home()), "~") if len(str(Path.home())) > 1 else text
    # Only where a path begins: neither within a word, nor after `~`, nor in the address of a web page.
    shortened = re.sub(r"(?<![\w~./:…])(?:/|[A-Za-z]:\\)(?:[^\s,;:()'\"]+[/\\])+", "…/", with_home)
    user = _user()
    # A name of three letters may be any word.
    return re.sub(rf"\b{re.escape(user)}\b", "USER", shortened) if len(user) > 3 else shortened


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # none, as in some containers
        return os.environ.get("USERNAME", "")
