"""A folder behind a server that counts what is asked of it."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Served:
    """A folder behind a server."""

    address: str
    server: http.server.ThreadingHTTPServer
    asked: list[str] = field(default_factory=list)
    """Paths, in the order in which they were asked for."""

    def end(self) -> None:
        """From now on nobody answers."""
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def served(folder: Path, headers: Mapping[str, str]) -> Iterator[Served]:
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            asked.append(self.path)
            for name, value in headers.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_address[1]}/", server, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
