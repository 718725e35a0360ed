"""Defaults of options from a file beside the work: `gfsalnet.toml`, or `[tool.gfsalnet]` in `pyproject.toml`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import typer

from gfsalnet.errors import GFSalNetError, RequestError
from gfsalnet.formats.texts import parse_toml, read_bytes

OWN_FILE, PROJECT_FILE = "gfsalnet.toml", "pyproject.toml"
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", list: "a list of texts", str: "a text"}


def use_config(ctx: typer.Context, file: Path | None) -> None:
    """Let a configuration file give the defaults of every verb; the command line wins over it.

    Args:
        ctx: of the command itself, above its verbs.
        file: the one that was asked for; None: the nearest one, if there is any.

    Raises:
        GFSalNetError: if the file cannot be read.
        RequestError: if it is not TOML, or names an unknown verb or option, or gives one a value of another type.
    """
    path = file or find_config(Path.cwd())
    if path is not None:
        ctx.default_map = _defaults(path, ctx.command, _read(path))
        ctx.obj = path


def find_config(folder: Path) -> Path | None:
    """The configuration for work in a folder: its own, or the nearest one above it within the same repository."""
    for place in (folder, *folder.parents):
        if (place / OWN_FILE).is_file():
            return place / OWN_FILE
        project = place / PROJECT_FILE
        # The bytes first: a pyproject.toml of another project is not parsed, and its mistakes are none of ours.
        if project.is_file() and b"gfsalnet" in project.read_bytes() and _read(project):
            return project
        if (place / ".git").exists():
            return None
    return None


def used_config(ctx: typer.Context) -> dict[str, Any] | None:
    """The file and what took effect of it in this verb, for the record; None: nothing did."""
    # click tells where each value came from: the command line, the environment, this file or the default.
    source_of = ctx.get_parameter_source
    names = [name for name, source in ((name, source_of(name)) for name in ctx.params) if _from_file(source)]
    if not names:
        return None
    values = {name: ctx.params[name] for name in names}
    return {"file": str(Path(ctx.obj).resolve()), "options": json.loads(json.dumps(values, default=str))}


def first_typed(ctx: typer.Context, *names: str) -> str | None:
    """The first of a verb's options that the command line itself has, with its hyphens; None: it has none of them.

    What a configuration file says does not count: it is for every call of the verb.
    """
    typed = (name for name in names if getattr(ctx.get_parameter_source(name), "name", None) == "COMMANDLINE")
    return next((f"--{name.replace('_', '-')}" for name in typed), None)


def file_and_key(error: typer.BadParameter) -> str | None:
    """Where in the configuration file a value stands that the parser refused; None: it stands elsewhere."""
    ctx, param = error.ctx, error.param
    if ctx is None or param is None or param.name is None or not _from_file(ctx.get_parameter_source(param.name)):
        return None
    verb = ctx.command_path.removeprefix(ctx.find_root().command_path).split()
    return f"{ctx.obj}: [{'.'.join(verb)}] {param.name.replace('_', '-')}"


def _from_file(source: Any) -> bool:
    return source is not None and source.name == "DEFAULT_MAP"


def _read(path: Path) -> dict[str, Any]:
    """The file's tables, one a verb."""
    data = read_bytes(path, GFSalNetError, "Give another --config", "TOML file")
    tree = parse_toml(data, path, RequestError, "Mend that place")
    if path.name != PROJECT_FILE:
        return tree
    tool = tree.get("tool")
    own = tool.get("gfsalnet", {}) if isinstance(tool, dict) else {}
    if not isinstance(own, dict):
        raise RequestError(path, "tool.gfsalnet is not a table", "Write [tool.gfsalnet.predict] above its options")
    return own


def _defaults(path: Path, command: Any, tree: Mapping[str, Any], verb: str = "") -> dict[str, Any]:
    """What click calls a default map: verb → option → value, every name and type checked."""
    checked: dict[str, Any] = {}
    verbs = getattr(command, "commands", None)
    # A group has verbs below it, a verb options.
    hints = {} if verbs is not None else _option_types(command)
    for key, value in tree.items():
        where = f"{path}: [{verb}] {key}" if verb else f"{path}: {key}"
        if verbs is not None:
            if key not in verbs or not isinstance(value, Mapping):
                raise RequestError(where, "is no verb with its options", f"Known verbs are: {', '.join(verbs)}")
            checked[key] = _defaults(path, verbs[key], value, f"{verb}.{key}" if verb else key)
            continue
        name = key.replace("-", "_")
        if name not in hints:
            known = ", ".join(hint.replace("_", "-") for hint in hints)
            raise RequestError(where, "is no option of that verb", f"It has: {known}")
        kind = _kind(hints[name])
        if not _is_a(value, kind):
            raise RequestError(where, f"{value!r} is not {_KINDS[kind]}", "Write what the verb's --help asks for")
        checked[name] = value
    return checked


def _option_types(command: Any) -> dict[str, Any]:
    """Option → type, as the verb's function declares them."""
    hints = get_type_hints(command.callback)
    return {param.name: hints[param.name] for param in command.params if param.param_type_name == "option"}


def _kind(hint: Any) -> type:
    """What TOML calls it: all that is written as a text counts as one."""
    # An option that may be left out: None is not written in TOML.
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    kind = get_origin(hint) or hint
    return kind if kind in _KINDS else str


def _is_a(value: Any, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(part, str) for part in value)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    # Not isinstance: in Python, true is a whole number.
    return type(value) is kind
