"""`gfsalnet serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.cli.console import tell
from gfsalnet.cli.job_options import job_arguments, options_schema
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
from gfsalnet.packages import needed_by

SERVE_EXAMPLES = examples(
    "gfsalnet serve",
    "gfsalnet serve --host 0.0.0.0 --token-file token.txt --name videos.example.org",
)
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
