"""Results of videos at addresses: known again where the server lets them be, and no secret in them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from fractions import Fraction
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.models import load_model
from gfsalnet.predict import Outcome, Settings, predict_sources
from gfsalnet.render import Look
from gfsalnet.video import VideoWriter


def write_clip(path: Path, frames: int = 6) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, size_wh=(64, 48), rate=Fraction(10)) as writer:
        for index in range(frames):
            writer.write(np.full((48, 64, 3), 20 * index, np.uint8), index / 10)


class Handler(SimpleHTTPRequestHandler):
    tags = True
    needed = ""
    """What the query must hold."""

    def do_GET(self) -> None:
        if self.needed in self.path:
            return super().do_GET()
        return self.send_error(403)

    def __init__(self, *arguments: object, folder: Path) -> None:
        super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

    def end_headers(self) -> None:
        path = Path(self.translate_path(self.path))
        if self.tags and path.is_file():
            self.send_header("ETag", f'"{path.stat().st_mtime_ns}"')
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a server that has two clips."""
    monkeypatch.setenv("no_proxy", "*")
    write_clip(tmp_path / "web" / "clip.mp4")
    write_clip(tmp_path / "web" / "other" / "clip.mp4", frames=4)
    folder = tmp_path / "web"
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *arguments: Handler(*arguments, folder=folder)) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{listening.server_port}"
        listening.shutdown()


def run(output: Path, *urls: str) -> list[Outcome]:
    return list(predict_sources(load_model("centre-bias"), urls, Settings(output=output, save=("csv",))))


def test_the_same_video_is_known_again_from_anywhere(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    (first,) = run(out, f"http://ann:pa55@{host}/clip.mp4?token=pa55")
    assert (first.status, first.frames) == ("done", 6)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (second,) = run(out, f"http://{host}/clip.mp4?token=new")
    assert (second.status, second.folder) == ("skipped", first.folder)
    written = [path for path in out.rglob("*") if path.is_file()]
    assert not any("pa55" in str(path) or b"pa55" in path.read_bytes() for path in written)
    assert "pa55" not in first.message + second.message
    summary = json.loads((out / str(first.folder) / "summary.json").read_text())
    assert summary["source"]["path"].startswith(f"http://{host}/clip.mp4 (ETag ")


def test_what_is_read_twice_is_opened_with_the_whole_address(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "needed", "?token=pa55")
    settings = Settings(output=tmp_path / "out", save=("overlay",), look=Look(scale="video"))
    (outcome,) = predict_sources(load_model("centre-bias"), [f"http://{host}/clip.mp4?token=pa55"], settings)
    assert (outcome.status, outcome.frames) == ("done", 6)
    assert outcome.folder is not None
    assert "pa55" not in (outcome.folder / "summary.json").read_text()


def test_another_content_at_the_address_is_another_video(host: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (first,) = run(out, f"http://{host}/clip.mp4")
    write_clip(tmp_path / "web" / "clip.mp4", frames=5)
    (second,) = run(out, f"http://{host}/clip.mp4")
    assert (second.status, second.frames) == ("done", 5)
    assert first.folder != second.folder
    assert run(out, f"http://{host}/clip.mp4")[0].status == "skipped"


def test_where_the_server_says_nothing_it_is_predicted_anew(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "tags", False)
    monkeypatch.setattr("gfsalnet.video.remote._is_past", lambda modified, now: False)
    outcomes = [*run(tmp_path / "out", f"http://{host}/clip.mp4"), *run(tmp_path / "out", f"http://{host}/clip.mp4")]
    assert [outcome.status for outcome in outcomes] == ["done", "done"]
    assert outcomes[0].folder != outcomes[1].folder


def test_what_fails_is_named_without_its_secrets(host: str, tmp_path: Path) -> None:
    (failed,) = run(tmp_path / "out", f"http://ann:pa55@{host}/missing.mp4?token=pa55")
    assert failed.status == "failed"
    assert failed.message.startswith(f"http://{host}/missing.mp4: the stream cannot be opened")
    assert "pa55" not in failed.message
