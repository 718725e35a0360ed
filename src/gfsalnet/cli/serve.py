"""`gfsalnet serve`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from gfsalnet.cli.console import tell
from gfsalnet.cli.listening import (
    WHO,
    HostOption,
    NameOption,
    NoAuthOption,
    TokenFileOption,
    host_names,
    read_token,
    require_guard,
)
from gfsalnet.cli.options import examples
from gfsalnet.cli.predict import predict
from gfsalnet.errors import RequestError
from gfsalnet.packages import needed_by

SERVE_EXAMPLES = examples(
    "gfsalnet serve",
    "gfsalnet serve --host 0.0.0.0 --token-file token.txt --name videos.example.org",
)
JOB_OPTIONS = (
    *("model", "save", "flow", "flow-size", "backend", "device", "every", "lookahead", "centre-bias", "start", "end"),
    *("rate", "max-frames", "map-size", "map-values", "map-precision", "colormap", "opacity", "scale", "legend"),
)
"""Options of `gfsalnet predict` that a job may set: those that name no file."""
_JSON_TYPES: dict[Any, str] = {int: "integer", float: "number", bool: "boolean"}
_REMEDY = "`gfsalnet predict --help` says what it takes"

LIMITS = "Limits"


def serve(
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0: any that is free.")] = 8765,
    data: Annotated[Path, typer.Option(help="Folder of jobs and results.")] = Path("gfsalnet-serve"),
    token_file: TokenFileOption = None,
    no_auth: NoAuthOption = False,
    name: NameOption = None,
    root: Annotated[
        Path | None,
        typer.Option(rich_help_panel=WHO, help="Folder whose videos jobs may name by path. Default: none."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, max=64, rich_help_panel=LIMITS, help="Jobs to work at at the same time.")
    ] = 1,
    queue: Annotated[int, typer.Option(min=1, rich_help_panel=LIMITS, help="Jobs that may wait.")] = 100,
    keep: Annotated[float, typer.Option(min=0, rich_help_panel=LIMITS, help="Days to keep results.")] = 7,
    max_upload: Annotated[int, typer.Option(min=1, rich_help_panel=LIMITS, help="Largest upload, in MiB.")] = 4096,
    max_minutes: Annotated[float, typer.Option(min=0, rich_help_panel=LIMITS, help="Longest video.")] = 120,
    job_minutes: Annotated[float, typer.Option(min=0, rich_help_panel=LIMITS, help="Longest time for a job.")] = 360,
    job_memory: Annotated[
        int, typer.Option(min=1024, rich_help_panel=LIMITS, help="Address space of a job's processes, in MiB.")
    ] = 6144,
) -> None:
    """Serve predictions over HTTP: a page to drop videos on, and an interface for programs (/openapi.json).

    It listens at this machine's own address unless told otherwise. Ctrl-C ends it; jobs that wait or run go on when it
    is started again with the same --data.
    """
    require_guard(host, token_file, no_auth)
    with needed_by("serve"):
        from gfsalnet.serve import ServeSettings, create_app
        from gfsalnet.serve.listen import listen
    settings = ServeSettings(
        data=data.absolute(),
        workers=jobs,
        queue=queue,
        token=read_token(token_file),
        hosts=host_names(host, name or []),
        root=None if root is None else root.absolute(),
        upload_bytes=max_upload * 2**20,
        video_seconds=max_minutes * 60,
        job_seconds=job_minutes * 60,
        job_bytes=job_memory * 2**20,
        keep_seconds=keep * 86400,
    )
    app = create_app(settings, job_arguments, options_schema())
    listen(app, host, port, lambda address: tell(f"open http://{address}/ — Ctrl-C ends it"))


def job_arguments(options: Mapping[str, Any]) -> list[str]:
    """Arguments of `gfsalnet predict` for these options, checked as it checks them.

    Args:
        options: values by the names of the options, such as `map-size`; texts, numbers, or true and false. `report` is
            one of a job's own, and short for one more word of `save`.

    Raises:
        RequestError: if one is unknown or of a value that predict does not take.
    """
    from gfsalnet.models import MODELS

    arguments = []
    for option, value in _with_report(options).items():
        if option not in JOB_OPTIONS:
            raise RequestError(option, "is no option of a job", f"There are {', '.join(JOB_OPTIONS)}, report")
        if not isinstance(value, (str, int, float, bool)):
            raise RequestError(option, "is no text, number or truth value", _REMEDY)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if option == "model" and text.partition(":")[0] not in MODELS:
            raise RequestError(option, f"{text!r} is no model of this server", "`GET /v1/models` lists them")
        if option == "flow" and ":" in text:
            raise RequestError(option, "names a file", "Jobs take estimators that need none")
        if option == "legend":
            if text not in ("true", "false"):
                raise RequestError(option, f"{text!r} is neither true nor false", _REMEDY)
            arguments.append("--legend" if text == "true" else "--no-legend")
        else:
            arguments.append(f"--{option}={text}")
    _parse(arguments)
    return arguments


def _with_report(options: Mapping[str, Any]) -> dict[str, Any]:
    rest = {option: value for option, value in options.items() if option != "report"}
    if options.get("report") is not True:
        return rest
    (usual,) = (parameter.default for parameter in _predict_command().params if parameter.name == "save")
    return {**rest, "save": f"{rest.get('save', usual)},report"}


def _parse(arguments: list[str]) -> None:
    """Let `gfsalnet predict` look at them, without running it."""
    command = _predict_command()
    try:
        command.make_context("predict", [*arguments, "video"], help_option_names=[]).close()
    except typer.BadParameter as error:
        raise RequestError("option", error.format_message().rstrip("."), _REMEDY) from error
    except Exception as error:  # click's own, which typer brings with it
        if not hasattr(error, "format_message"):
            raise
        raise RequestError("option", str(error.format_message()).rstrip("."), _REMEDY) from error


def options_schema() -> dict[str, Any]:
    """What OpenAPI says of the options of a job."""
    hints, schema = get_type_hints(predict), {}
    for parameter in _predict_command().params:
        option = parameter.name.replace("_", "-")
        if option in JOB_OPTIONS:
            (hint,) = (part for part in _either(hints[parameter.name]) if part is not type(None))
            said = {"minimum": parameter.min, "maximum": parameter.max, "default": parameter.default}
            schema[option] = {
                "type": _JSON_TYPES.get(hint, "string"),
                "description": parameter.help,
                **({"enum": list(get_args(hint))} if get_origin(hint) is Literal else {}),
                **{name: value for name, value in said.items() if value is not None},
            }
    return schema


def _either(hint: Any) -> tuple[Any, ...]:
    """The types that an option may have."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _predict_command() -> Any:
    app = typer.Typer()
    app.command()(predict)
    return typer.main.get_command(app)
