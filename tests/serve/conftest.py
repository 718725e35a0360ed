"""A server whose jobs' processes do in a moment what the real ones take seconds for."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from gfsalnet.cli.serve import job_arguments, options_schema
from gfsalnet.serve import ServeSettings, create_app

CHILD = """
import json, os, sys, time
from pathlib import Path
what, *rest = sys.argv[3:]
source = Path(rest[0] if what == "look" else rest[-1])
said = source.read_bytes()
if what == "look":
    if b"broken" in said:
        print(json.dumps({"problem": f"{source.name}: is no video. Send one."}))
        sys.exit(1)
    Path(rest[1]).write_bytes(b"picture")
    print(json.dumps({"kind": "video", "seconds": 1.0}))
elif rest[0] == "predict":
    output = Path(rest[rest.index("--output") + 1]) / "clip"
    begun = output.parent.parent / "begun"
    begun.write_text(begun.read_text() + "x" if begun.exists() else "x")
    if b"crash" in said:
        print("a line from below")
        os._exit(9)
    for done in range(1, 4):
        event = {"event": "progress", "source": source.name, "done": done, "total": 3, "per_second": 30.0,
                 "seconds_left": 0.1, "file": 1, "files": 1, "failed": 0}
        print(json.dumps(event), flush=True)
        while b"slow" in said and not (output.parent.parent.parent.parent / "go").exists():
            time.sleep(0.02)
    (output / "maps").mkdir(parents=True)
    (output / "overlay.mp4").write_bytes(bytes(range(200)))
    (output / "summary.json").write_text(json.dumps({"arguments": rest}))
    (output / "maps" / "000000.png").write_bytes(b"map")
    print(json.dumps({"event": "outcome", "source": str(source), "status": "damaged" if b"damaged" in said else "done",
                      "message": f"{source}: 3 frames", "notes": ["a note"], "frames": 3, "folder": str(output)}))
else:
    Path(rest[rest.index("--output") + 1]).write_text('<script type="module">play()</script>')
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FastAPI]:
    """An application whose data lie in `tmp_path / "data"`, with these settings."""
    child = tmp_path / "child.py"
    child.write_text(textwrap.dedent(CHILD))
    monkeypatch.setattr("gfsalnet.serve.runner.CHILD", (sys.executable, "-S", str(child)))

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
