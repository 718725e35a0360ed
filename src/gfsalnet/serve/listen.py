"""The socket, and the loop that serves it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from gfsalnet.errors import GFSalNetError
from gfsalnet.serve.connection import HEAD_SECONDS, Connection

_MOST_CONNECTIONS, _BACKLOG = 1000, 2048
_FILES_EACH, _FILES_BESIDES = 2, 100
"""Files that the process may have open for a connection, which may be a download, and besides."""
_SHUTDOWN_SECONDS = 10


def listen(app: FastAPI, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it.

    Args:
        app: what is served; its `state.on_stop` is called as soon as the signal comes.
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
        server_socket.listen(_BACKLOG)  # who comes before the loop runs waits
        bound = server_socket.getsockname()[1]
        on_ready(f"[{host}]:{bound}" if family == socket.AF_INET6 else f"{host}:{bound}")
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            limit_concurrency=_most_connections(),
            timeout_keep_alive=round(HEAD_SECONDS),
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        with suppress(KeyboardInterrupt):  # Uvicorn sends itself the signal again once it has ended in good order
            _Server(config, app.state.on_stop).run(sockets=[server_socket])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On a signal."""
        self._on_stop()
        super().handle_exit(sig, frame)


def _most_connections() -> int:
    """As many as the process may have files open for, once it has asked for as many of these as it may."""
    try:
        import resource
    except ImportError:  # not on Windows
        return _MOST_CONNECTIONS
    wanted = _FILES_EACH * _MOST_CONNECTIONS + _FILES_BESIDES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    have = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft)
    return max(10, (have - _FILES_BESIDES) // _FILES_EACH)
