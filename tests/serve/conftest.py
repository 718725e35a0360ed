"""A server whose jobs' processes do in a moment what the real ones take seconds for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.chromium import chromium

from gfsalnet.cli.serve import job_arguments, options_schema
from gfsalnet.serve import ServeSettings, create_app

sys.path.insert(0, str(Path(__file__).parent))  # makes the files beside the tests modules that they import

sys.path.append(str(Path(__file__).parents[1] / "report"))

CHILD = Path(__file__).with_name("quick_child.py")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FastAPI]:
    """An application whose data lie in `tmp_path / "data"`, with these settings."""
    monkeypatch.setattr("gfsalnet.serve.runner.CHILD", (sys.executable, "-S", str(CHILD)))

    def make(**settings: Any) -> FastAPI:
        return create_app(ServeSettings(data=tmp_path / "data", **settings), job_arguments, options_schema())

    return make


@pytest.fixture
def serve(app: Callable[..., FastAPI]) -> Iterator[Callable[..., TestClient]]:
    """Start a server, by default as users of this machine reach it."""
    with ExitStack() as running:

        def start(**settings: Any) -> TestClient:
            client = TestClient(app(**settings), base_url="http://localhost", raise_server_exceptions=False)
            return running.enter_context(client)

        yield start


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Its camera films a moving circle."""
    with chromium("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream") as opened:
        yield opened


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Open an address, by default on a small screen: the page, and what went wrong or was fetched from elsewhere."""
    with ExitStack() as opened:

        def open_at(address: str, **settings: Any) -> tuple[Any, list[str]]:
            said: list[str] = []
            context = browser.new_context(**{"viewport": {"width": 360, "height": 740}, **settings})
            opened.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: said.append(request.url) if foreign(request.url, address) else None)
            page.goto(address)
            return page, said

        yield open_at


def foreign(url: str, address: str) -> bool:
    """Whether something is fetched from elsewhere than the server and the page itself."""
    return not url.startswith((address, f"blob:{address}", "data:"))


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real report: a square that moves, and a model that looks at it."""
    from follower import Follower, write_clip

    from gfsalnet.report import Version, make_report

    folder = tmp_path_factory.mktemp("report")
    make_report([(Version(source=str(write_clip(folder / "square.mp4")), model=Follower()),)], folder / "report.html")
    return folder / "report.html"
