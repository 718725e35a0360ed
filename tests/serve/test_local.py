"""The page that predicts in the browser itself, as the server has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from gfsalnet.serve.guard import POLICY
from gfsalnet.web import HEADERS, folder_files

Serve = Callable[..., TestClient]


def test_every_file_is_there_with_what_threads_need(serve: Serve) -> None:
    client = serve(token="0123456789abcdef")  # nothing of anybody's is there, so it asks for none
    assert client.get("/local", follow_redirects=False).headers["location"] == "/local/"
    assert client.get("/local/").text == client.get("/local/index.html").text
    for name in folder_files():
        answer = client.get(f"/local/{name}", headers={"range": "bytes=0-9"})
        assert answer.status_code in (200, 206), name
        assert {key: answer.headers[key] for key in HEADERS} == HEADERS
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/local/page.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("name", ["nothing.js", "../guard.py", "..%2Fguard.py", "vendor", "%00", "//etc/passwd"])
def test_nothing_else_is_there(serve: Serve, name: str) -> None:
    answer = serve().get(f"/local/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_rest_of_the_server_keeps_its_policy(serve: Serve) -> None:
    client = serve()
    for path in ("/", "/page/page.js", "/healthz", "/local-not"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert "cross-origin-embedder-policy" not in headers
