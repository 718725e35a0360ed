"""The socket, and the loop that serves it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from gfsalnet.errors import GFSalNetError

_MOST_CONNECTIONS = 1000
_KEEP_ALIVE_SECONDS = 15
_SHUTDOWN_SECONDS = 10


def listen(app: FastAPI, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it.

    Args:
        app: what is served.
        host: an address of this machine.
        port: 0: any that is free.
        on_ready: called with `host:port` once the port is open.

    Raises:
        GFSalNetError: if the port is not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server_socket:
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server_socket.bind((host, port))
        except OSError as error:
            problem = f"cannot be listened at ({error.strerror or error})"
            raise GFSalNetError(f"{host}:{port}", problem, "Choose another --host or --port") from error
        bound = server_socket.getsockname()[1]
        on_ready(f"[{host}]:{bound}" if family == socket.AF_INET6 else f"{host}:{bound}")
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        with suppress(KeyboardInterrupt):  # Uvicorn sends itself the signal again once it has ended in good order
            uvicorn.Server(config).run(sockets=[server_socket])
