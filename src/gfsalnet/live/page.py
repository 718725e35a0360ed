"""The page: one picture that changes, and numbers beside it, from a server of the standard library."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs

from gfsalnet.errors import GFSalNetError
from gfsalnet.live.feed import Feed
from gfsalnet.tokens import COOKIE, brings_token, goes_by, is_token

MOST_VIEWERS = 16
_WAIT_SECONDS = 5.0
_SOCKET_SECONDS = 20.0
_BOUNDARY = "gfsalnet-picture"
_HEADERS = {
    "content-security-policy": "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}: where viewers look, live</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/live.css">
<script type="module" src="/live.js"></script>
</head>
<body>
<main>
<h1>{title}</h1>
<img src="/live.mjpg" alt="{title}, live, with where viewers are expected to look">
<dl id="numbers"></dl>
</main>
</body>
</html>
"""
_STYLE = """:root { color-scheme: light dark; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 80rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.2rem; margin: 0 0 0.6rem; overflow-wrap: anywhere; }
img { display: block; width: 100%; max-height: 80vh; object-fit: contain; background: #000; }
dl { display: flex; flex-wrap: wrap; gap: 0.3rem 1.5rem; }
dl div { display: flex; gap: 0.5rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; }
"""
_SCRIPT = """const list = document.querySelector("#numbers");
async function refresh() {
  const numbers = await (await fetch("/stats")).json().catch(() => null);
  if (!numbers) return;
  list.replaceChildren(...Object.entries(numbers).map(([name, value]) => {
    const row = document.createElement("div");
    row.append(Object.assign(document.createElement("dt"), { textContent: name.replaceAll("_", " ") }));
    row.append(Object.assign(document.createElement("dd"), { textContent: value }));
    return row;
  }));
}
setInterval(() => refresh().catch(() => {}), 1000);
"""


class LivePage:
    """Serves a feed from a thread of its own, until the block is left.

    Args:
        feed: whose pictures are shown.
        title: of the page.
        host: the address to listen at.
        port: 0: any that is free.
        token: what a request has to bring, as `?token=` once, or as a header; None: nothing.
        hosts: names by which the page may be addressed; empty: any.

    Raises:
        GFSalNetError: if the port is not to be had.
    """

    def __init__(
        self,
        feed: Feed,
        title: str,
        host: str,
        port: int,
        token: str | None = None,
        hosts: frozenset[str] = frozenset(),
    ) -> None:
        handler = type("Handler", (_Handler,), {"feed": feed, "title": title, "token": token, "hosts": hosts})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            problem = f"cannot be listened at ({error.strerror or error})"
            raise GFSalNetError(f"{host}:{port}", problem, "Choose another --host or --port") from error
        self._server.daemon_threads = True
        self._feed = feed
        self.address = f"{host}:{self._server.server_address[1]}"
        """Host and port."""

    def __enter__(self) -> LivePage:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._feed.end()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    feed: Feed
    title: str
    token: str | None
    hosts: frozenset[str]
    protocol_version = "HTTP/1.1"
    server_version = sys_version = ""
    timeout = _SOCKET_SECONDS

    def do_GET(self) -> None:
        """Answer with one of the few things there are."""
        path, _, query = self.path.partition("?")
        answers: dict[str, Callable[[], None]] = {
            "/": lambda: self._send("text/html; charset=utf-8", _PAGE.format(title=escape(self.title))),
            "/live.css": lambda: self._send("text/css", _STYLE),
            "/live.js": lambda: self._send("text/javascript", _SCRIPT),
            "/stats": lambda: self._send("application/json", json.dumps(self.feed.statistics())),
            "/live.mjpg": self._pictures,
        }
        given = parse_qs(query).get("token", [""])[0]
        if not goes_by(self.headers.get("host", ""), self.hosts):
            self._refuse(421, "The page does not go by this name.")
        elif self.token is not None and is_token(given, self.token):
            self._answer(303, {"location": "/", "set-cookie": f"{COOKIE}={given}; HttpOnly; SameSite=Strict"})
        elif self.token is not None and not self._brings(self.token):
            self._refuse(401, "Add ?token= and the token to the address.")
        elif path not in answers:
            self._refuse(404, "There is no such page.")
        else:
            answers[path]()

    def _brings(self, token: str) -> bool:
        headers = self.headers
        return brings_token(headers.get("authorization", ""), headers.get("cookie", ""), token)

    def _pictures(self) -> None:
        """Every picture that is new when the one before has been sent."""
        if self.feed.viewers >= MOST_VIEWERS:
            self._refuse(503, f"{MOST_VIEWERS} watch already.")
            return
        self.feed.viewers += 1
        try:
            self._answer(
                200, {"content-type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}", "connection": "close"}
            )
            number = -1
            while not self.feed.ended:
                picture = self.feed.newer_than(number, _WAIT_SECONDS)
                if picture is not None:
                    number = picture.number
                    head = f"--{_BOUNDARY}\r\ncontent-type: image/jpeg\r\ncontent-length: {len(picture.jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture.jpeg + b"\r\n")
        except OSError:  # the viewer is gone, or too slow
            return
        finally:
            self.feed.viewers -= 1
            self.close_connection = True

    def _send(self, kind: str, text: str, status: int = 200) -> None:
        body = text.encode()
        self._answer(status, {"content-type": kind, "content-length": str(len(body))})
        self.wfile.write(body)

    def _refuse(self, status: int, text: str) -> None:
        self._send("text/plain; charset=utf-8", f"{text}\n", status)

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        if "content-type" not in headers:
            headers["content-length"] = "0"
        for name, value in {**_HEADERS, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal belongs to the command."""
