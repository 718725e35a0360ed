"""The options of a server's job: those of `gfsalnet predict`, by their names, and checked by the same code.

What a JSON schema can say of them stands in `options_schema`, and a job may be no more than that says: whoever reads
the documentation knows what is taken. The one thing it cannot say is that the end lies after the start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from gfsalnet.choices import SAVE_WORDS
from gfsalnet.cli.console import App
from gfsalnet.cli.options import flow_names
from gfsalnet.cli.predict import predict, require_that_they_go_together
from gfsalnet.device import DEVICES
from gfsalnet.errors import GFSalNetError, RequestError

JOB_OPTIONS = (
    *("model", "save", "flow", "flow-size", "backend", "device", "every", "lookahead", "centre-bias", "start", "end"),
    *("rate", "max-frames", "map-size", "map-values", "map-precision", "colormap", "opacity", "scale", "legend"),
)
"""Options of `gfsalnet predict` that a job may set: those that name no file."""
_REPORT = {"type": "boolean", "default": False, "description": "Make the HTML report, too: short for one word of save."}
_JSON_TYPES: dict[Any, str] = {int: "integer", float: "number", bool: "boolean"}
_REMEDY = "`gfsalnet predict --help` says what it takes"

_SIDE = "([1-9][0-9]{0,2}|[1-7][0-9]{3}|80[0-9]{2}|81[0-8][0-9]|819[0-2])"
_TIME = r"^([0-9]{1,6}|[0-9]{1,4}:[0-5]?[0-9]|[0-9]{1,3}:[0-5]?[0-9]:[0-5]?[0-9])(\.[0-9]{1,6})?$"
_WORD = f"({'|'.join(SAVE_WORDS)})"
_PATTERNS = {
    "save": f"^{_WORD}(,{_WORD})*$",
    "flow-size": f"^(native|{_SIDE}x{_SIDE})$",
    "map-size": f"^{_SIDE}x{_SIDE}$",
    "start": _TIME,
    "end": _TIME,
    "rate": r"^(1000|[1-9][0-9]{0,2}(\.[0-9]{1,6})?|0\.[0-9]{0,3}[1-9]|(24|30|60|120)000/1001)$",
    "device": f"^({'|'.join(DEVICES)}|cuda:[0-9]{{1,3}})$",
}
"""What texts may look like, for programs of any language."""


def job_arguments(options: Mapping[str, Any]) -> list[str]:
    """Arguments of `gfsalnet predict` for these options, checked as it checks them.

    Args:
        options: values by the names of the options, such as `map-size`; texts, numbers, or true and false. `report` is
            one of a job's own, and short for one more word of `save`.

    Raises:
        RequestError: if one is unknown or of a value that predict does not take, or if two do not go together.
    """
    texts = {option: _text(option, value) for option, value in _with_report(options).items()}
    arguments = []
    for option, text in texts.items():
        if option == "legend":
            arguments.append("--legend" if text == "true" else "--no-legend")
        else:
            arguments.append(f"--{option}={text}")
    parameters = _parsed(arguments)
    for option, text in texts.items():
        said = _properties()[option]
        if re.fullmatch(said.get("pattern", ".*"), text, re.DOTALL) is None or text not in said.get("enum", [text]):
            raise RequestError(option, f"{text!r} is not of the form that jobs take", "/openapi.json says which")
    _require_that_they_go_together(parameters)
    return arguments


def _with_report(options: Mapping[str, Any]) -> dict[str, Any]:
    rest = {option: value for option, value in options.items() if option != "report"}
    if options.get("report") is not True:
        return rest
    return {**rest, "save": f"{rest.get('save', _properties()['save']['default'])},report"}


def _text(option: str, value: object) -> str:
    """An option's value as it is typed."""
    if option not in JOB_OPTIONS:
        raise RequestError(option, "is no option of a job", f"There are {', '.join(JOB_OPTIONS)}, report")
    kind = _properties()[option]["type"]
    if not isinstance(value, str) and not _is_of(kind, value):
        raise RequestError(option, f"{value!r} is no {kind}", _REMEDY)
    value = int(value) if kind == "integer" and isinstance(value, float) else value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "boolean" and text not in ("true", "false"):
        raise RequestError(option, f"{text!r} is neither true nor false", _REMEDY)
    if option == "model" and text not in _properties()["model"]["enum"]:
        raise RequestError(option, f"{text!r} is no model of this server", "`GET /v1/models` lists them")
    if option == "flow" and ":" in text:
        raise RequestError(option, "names a file", "Jobs take estimators that need none")
    return text


def _is_of(kind: str, value: object) -> bool:
    """Whether a JSON value is of a type of JSON schema, in which 1.0 is an integer."""
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int):
        return kind in ("integer", "number")
    return isinstance(value, float) and (kind == "number" or (kind == "integer" and value.is_integer()))


def _parsed(arguments: list[str]) -> dict[str, Any]:
    """What `gfsalnet predict` makes of them, without running it."""
    command = _predict_command()
    try:
        with command.make_context("predict", [*arguments, "video"], help_option_names=[]) as context:
            return dict(context.params)
    except Exception as error:  # click's own, which typer brings with it
        if not hasattr(error, "format_message"):
            raise
        raise RequestError("option", str(error.format_message()).rstrip("."), _REMEDY) from error


def _require_that_they_go_together(parameters: Mapping[str, Any]) -> None:
    words = tuple(parameters["save"].split(","))
    try:
        with suppress(GFSalNetError):  # a model without weights: the job says how to get them
            require_that_they_go_together(parameters["model"], words, parameters["every"])
    except typer.BadParameter as error:
        raise RequestError(str(error.param_hint), str(error.message), _REMEDY) from error


def options_schema() -> dict[str, Any]:
    """A JSON schema of the options of a job, as one object."""
    with_flow = {"every": {"minimum": 2}, "save": {"pattern": "(^|,)flow(,|$)"}}
    with_gate = {"model": {"enum": _without_gate()}, "save": {"pattern": "(^|,)gate(,|$)"}}
    return {
        "type": "object",
        "properties": {**_properties(), "report": _REPORT},
        "additionalProperties": False,
        "allOf": [{"not": {"required": list(both), "properties": both}} for both in (with_flow, with_gate)],
    }


@cache
def _properties() -> dict[str, dict[str, Any]]:
    hints, schema = get_type_hints(predict), {}
    for parameter in _predict_command().params:
        option = parameter.name.replace("_", "-")
        if option in JOB_OPTIONS:
            (hint,) = (part for part in _either(hints[parameter.name]) if part is not type(None))
            said = {"minimum": parameter.min, "maximum": parameter.max, "default": parameter.default}
            said |= {"enum": list(get_args(hint)) if get_origin(hint) is Literal else None}
            said |= {"pattern": _PATTERNS.get(option)}
            schema[option] = {
                "type": _JSON_TYPES.get(hint, "string"),
                "description": parameter.help,
                **{name: value for name, value in said.items() if value is not None},
            }
    schema["model"]["enum"] = _models()
    schema["flow"]["enum"] = [name for name in flow_names() if ":" not in name]
    return schema


def _models() -> list[str]:
    from gfsalnet.models import MODELS

    streams = [f"{name}:{stream}" for name, entry in MODELS.items() if entry.is_gfsalnet for stream in _STREAMS]
    return [*MODELS, *streams]


_STREAMS = ("appearance", "motion")


def _without_gate() -> list[str]:
    """The models of which it is known before they are loaded."""
    from gfsalnet.models import may_have_gate

    found = []
    for name in _models():
        with suppress(GFSalNetError):  # without weights
            if not may_have_gate(name):
                found.append(name)
    return found


def _either(hint: Any) -> tuple[Any, ...]:
    """The types that an option may have."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _predict_command() -> Any:
    app = App()
    app.command()(predict)
    return typer.main.get_command(app)
