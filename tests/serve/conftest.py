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

from gfsalnet.cli.serve import job_arguments, options_schema
from gfsalnet.serve import ServeSettings, create_app

sys.path.insert(0, str(Path(__file__).parent))  # makes the files beside the tests modules that they import

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
