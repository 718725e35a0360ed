"""Writes a page of every verb from what `--help` knows: python docs/verbs/make.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from gfsalnet.cli import app

HERE = Path(__file__).parent
GUIDES = {
    "predict": ["predict", "gallery", "limits"],
    "report": ["report", "limits"],
    "figure": ["figures"],
    "aoi": ["areas"],
    "roi": ["apply"],
    "marks": ["apply"],
    "reframe": ["apply", "areas"],
    "thumbnail": ["apply"],
    "train": ["training"],
    "ablate": ["training"],
    "adapt": ["training"],
    "evaluate": ["evaluation"],
    "compare": ["evaluation"],
    "submit": ["evaluation"],
    "dataset": ["evaluation", "training", "import"],
    "manifest": ["scale"],
    "collect": ["scale"],
    "models": ["models"],
    "weights": ["models"],
    "export": ["speed", "onnx"],
    "bench": ["speed"],
    "live": ["live"],
    "serve": ["serve", "web"],
    "web": ["web"],
    "doctor": ["reliability"],
}
"""First word of a verb → the pages that explain more."""


def verbs(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        path = f"{above} {name}".strip()
        yield from verbs(command, path) if hasattr(command, "commands") else [(path, command)]


def pages() -> dict[str, str]:
    """File name → text."""
    found = dict(verbs(typer.main.get_command(app)))
    made = {f"{verb.replace(' ', '-')}.md": page(verb, command) for verb, command in found.items()}
    lines = [
        f"| [`gfsalnet {verb}`]({verb.replace(' ', '-')}.md) | {first(command)} |" for verb, command in found.items()
    ]
    head = "# The verbs\n\nOne job each; the same options have the same names everywhere. Defaults may lie in a file: "
    head += "[configuration](../configuration.md).\n\n| | |\n|---|---|\n"
    return {"README.md": head + "\n".join(lines) + "\n", **made}


def first(command: Any) -> str:
    return command.help.strip().split("\n")[0]


def page(verb: str, command: Any) -> str:
    parts = [f"# `gfsalnet {verb}`", command.help.strip()]
    examples = (command.epilog or "").split("\n\n")[1:]
    if examples:
        parts.append("\n".join(f"    {line}" for line in examples))
    guides = [name for name in GUIDES.get(verb.split()[0], []) if (HERE.parent / f"{name}.md").exists()]
    if guides:
        parts.append("More: " + ", ".join(f"[{name}](../{name}.md)" for name in guides) + ".")
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option"]
    if arguments:
        rows = [f"| `{(param.metavar or param.name).upper()}` | {cell(param.help)} |" for param in arguments]
        parts.append("| argument | |\n|---|---|\n" + "\n".join(rows))
    groups = dict.fromkeys(getattr(param, "rich_help_panel", None) for param in options)
    for heading in groups:
        rows = [row(param) for param in options if getattr(param, "rich_help_panel", None) == heading]
        parts.append(f"| {(heading or 'option').lower()} | default | |\n|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def row(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])
    default = param.default if not callable(param.default) else None
    shown = "" if default in (None, False, ()) else f"`{'--' + param.name if default is True else default}`"
    return f"| {names} | {shown} | {cell(param.help)} |"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
