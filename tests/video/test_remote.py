"""Videos from a web server on this machine: what is read of it, what tells its contents apart, where it may lead."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import open_source
from gfsalnet.video.remote import Answer, ask, content_version

FASTSTART = {"movflags": "faststart"}


@dataclass
class Server:
    """What it answers, and what it was asked."""

    url: str
    listening: ThreadingHTTPServer
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    location: str = ""
    password: str | None = None
    knows_ranges: bool = True
    seconds: float = 0.0
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of whoever hangs up."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append((self.path, dict(self.headers)))
            time.sleep(known.seconds)
            path = self.path.partition("?")[0]
            if known.password is not None and self.headers["Authorization"] != known.password:
                return self.answer(401, b"", {"WWW-Authenticate": 'Basic realm="r"'})
            if path == "/moved":
                return self.answer(302, b"", {"Location": known.location})
            if path not in known.files:
                return self.answer(404, b"")
            content, wanted = known.files[path], self.headers["Range"]
            if wanted is None or not known.knows_ranges:
                return self.answer(200, content)
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            stop = min(int(last) + 1 if last else len(content), len(content))
            span = f"bytes {first}-{stop - 1}/{len(content)}"
            return self.answer(206, content[int(first) : stop], {"Content-Range": span})

        def answer(self, status: int, content: bytes, more: Mapping[str, str] = {}) -> None:
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(content)), **known.headers, **more}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who has seen enough hangs up
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        known = Server(f"http://127.0.0.1:{listening.server_port}", listening)
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield known
        listening.shutdown()


@pytest.fixture
def clip(encode: Callable[..., Path], server: Server) -> bytes:
    """Seven frames, served as /clip.mp4."""
    server.files["/clip.mp4"] = encode("clip.mp4", 7, muxer=FASTSTART).read_bytes()
    return server.files["/clip.mp4"]


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_video_is_read_and_no_secret_of_its_address_kept(server: Server, clip: bytes, knows_ranges: bool) -> None:
    server.knows_ranges = knows_ranges
    server.headers = {"ETag": '"v1"'}
    host = server.url.removeprefix("http://")
    with open_source(f"http://ann:pa55@{host}/clip.mp4?token=pa55") as reader:
        assert len(list(reader)) == 7
        assert (reader.info.kind, reader.info.is_live, reader.info.path) == ("stream", False, None)
        assert reader.info.source == f"{server.url}/clip.mp4"
        assert reader.info.name == f"{host.replace(':', '-')}-clip.mp4"
        assert reader.info.version == f'ETag "v1", {len(clip)} bytes'
        assert reader.info.can_be_recognised
        assert "pa55" not in repr(reader.info)
    assert {path for path, _ in server.asked} == {"/clip.mp4?token=pa55"}  # the server has to see it


@pytest.mark.usefixtures("clip")
def test_the_case_of_a_scheme_makes_no_difference(server: Server) -> None:
    with open_source(f"{server.url.replace('http', 'HTTP')}/clip.mp4") as reader:
        assert len(list(reader)) == 7


def test_a_password_is_sent(server: Server, clip: bytes) -> None:
    server.password = "Basic YW5uOnAgYTU1"  # ann:p a55
    server.headers = {"ETag": '"v1"'}
    host = server.url.removeprefix("http://")
    with open_source(f"http://ann:p%20a55@{host}/clip.mp4") as reader:
        assert len(list(reader)) == 7
        assert reader.info.version is not None
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        open_source(f"http://ann:wrong@{host}/clip.mp4")
    assert "wrong" not in str(caught.value)


def test_a_password_is_not_passed_on_to_where_a_server_points(server: Server, clip: bytes) -> None:
    server.location = f"{server.url.replace('127.0.0.1', 'localhost')}/clip.mp4"
    host = server.url.removeprefix("http://")
    ask(f"http://ann:pa55@{host}/moved")
    assert [(path, "Authorization" in headers) for path, headers in server.asked] == [
        ("/moved", True),
        ("/clip.mp4", False),
    ]


def test_what_tells_contents_apart() -> None:
    now = formatdate(1_000_000, usegmt=True)
    before, later = formatdate(999_999, usegmt=True), formatdate(1_000_001, usegmt=True)
    assert content_version({"ETag": '"a"', "Content-Length": "5"}) == 'ETag "a", 5 bytes'
    assert (
        content_version({"ETag": '"a"', "Content-Range": "bytes 0-1/9", "Content-Length": "2"}) == 'ETag "a", 9 bytes'
    )
    assert content_version({"Last-Modified": before, "Date": now}) == f"of {before}"
    assert content_version({"Last-Modified": now, "Date": now}) is None  # it may change again in this second
    assert content_version({"Last-Modified": later, "Date": now}) is None
    assert content_version({"Last-Modified": before}) is None
    assert content_version({"Last-Modified": "yesterday", "Date": "now"}) is None
    assert content_version({"Last-Modified": "Mon, 12 Jan 1970 13:46:40", "Date": now}) is None
    assert content_version({"Content-Length": "5"}) is None
    long = content_version({"ETag": '"' + "a" * 60_000 + '"', "Content-Length": "5"})
    assert long is not None
    assert len(long) < 100


def test_without_a_mark_of_its_content_an_address_is_never_the_same_twice(server: Server, clip: bytes) -> None:
    with open_source(f"{server.url}/clip.mp4") as reader:
        assert not reader.info.can_be_recognised


@pytest.mark.parametrize("path", ["/missing.mp4", "/ä ö.mp4", "/moved"])
def test_what_a_server_does_not_have(server: Server, path: str) -> None:
    server.location = "http://127.0.0.1:1/clip.mp4"
    with pytest.raises(SourceError, match="the stream cannot be opened"):
        open_source(f"{server.url}{path}?token=pa55")


@pytest.mark.parametrize("url", ["http://[::1/x", "http://h:port/x", "http://", "http://\n/x", "https://127.0.0.1:1/x"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SourceError, match="the stream cannot be opened"):
        open_source(url)


def test_a_server_that_leads_elsewhere_on_the_web_is_followed(server: Server, clip: bytes) -> None:
    server.location, server.headers = "/clip.mp4", {"ETag": '"v1"'}
    with open_source(f"{server.url}/moved") as reader:
        assert len(list(reader)) == 7
        assert reader.info.version is not None


@pytest.mark.parametrize(
    "scheme", ["file", "ftp", "data", "subfile,,start,0,end,0,,:file", "concat:file", "tcp", "udp"]
)
def test_a_server_cannot_lead_to_a_file_or_another_protocol(
    server: Server, encode: Callable[..., Path], scheme: str
) -> None:
    server.location = f"{scheme}://{encode('clip.mp4', 3)}"
    with pytest.raises(SourceError, match="the stream cannot be opened"):
        open_source(f"{server.url}/moved")


def test_a_server_that_does_not_answer_is_waited_for_only_so_long(
    server: Server, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gfsalnet.video.remote.NETWORK_TIMEOUT_SECONDS", 0.2)
    server.seconds = 1.0
    began = time.monotonic()
    with pytest.raises(SourceError, match="the stream cannot be opened"):
        open_source(f"{server.url}/clip.mp4")
    assert time.monotonic() - began < 5


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of localhost, signed by itself; its key is beside it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make a certificate")
    path = tmp_path / "localhost.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-out", str(path), "-keyout", str(path.with_suffix(".key"))),
        ],
        check=True,
        capture_output=True,
    )
    return path


def test_only_servers_with_a_certificate_to_trust(
    server: Server, clip: bytes, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server.listening.socket = context.wrap_socket(server.listening.socket, server_side=True)
    url = server.url.replace("http://127.0.0.1", "https://localhost") + "/clip.mp4"
    with pytest.raises(SourceError, match=r"certificate of the server cannot be trusted .*SSL_CERT_FILE"):
        open_source(url)
    monkeypatch.setattr("gfsalnet.video.remote.ask", lambda url: Answer())
    with pytest.raises(SourceError, match="cannot be opened"):  # FFmpeg's own check
        open_source(url)
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with open_source(url) as reader:
        assert len(list(reader)) == 7
    with pytest.raises(SourceError, match="certificate"):
        open_source(url.replace("localhost", "127.0.0.1"))  # it is not the one of this name


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.4,\n{}\n#EXT-X-ENDLIST\n"


def test_a_playlist_on_a_server_is_read_only_if_allowed_and_leads_to_no_file(
    server: Server, encode: Callable[..., Path]
) -> None:
    segment = encode("part.ts", 5)
    server.files["/part.ts"] = segment.read_bytes()
    server.files["/live.m3u8"] = HLS.format("part.ts").encode()
    with pytest.raises(SourceError, match=r"is an HLS playlist.* --allow-playlists"):
        open_source(f"{server.url}/live.m3u8")
    with open_source(f"{server.url}/live.m3u8", allow_playlists=True) as reader:
        assert len(list(reader)) == 5
        assert not reader.info.can_be_recognised
    assert all("part.ts" not in path for path, _ in server.asked[:1])
    server.files["/live.m3u8"] = HLS.format(f"file://{segment}").encode()
    with pytest.raises(SourceError):
        open_source(f"{server.url}/live.m3u8", allow_playlists=True)
