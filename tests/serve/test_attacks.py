"""What clients do that mean no good, over real connections: each is refused or dropped, and the server goes on."""

from __future__ import annotations

import json
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from served import Server

BOUNDS = {"HEAD_SECONDS": 0.5, "LINGER_SECONDS": 0.2, "STALL_SECONDS": 0.6, "_MOST_CONNECTIONS": 60}
FORM = "POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n"
FILE = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
CHUNKED = "transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("served") / "data"
    settings = {"upload_bytes": 100_000, "upload_seconds": 0.3, "listeners": 20}
    with Server(data, BOUNDS, **settings) as running:
        yield running


@pytest.fixture(autouse=True)
def _goes_on(server: Server) -> Iterator[None]:
    """After each attack it answers, and nothing is left of what it refused."""
    yield
    for _ in range(100):
        if folders(server) <= server.jobs:
            break
        time.sleep(0.05)
    assert folders(server) <= server.jobs
    assert {path.name for path in server.data.parent.iterdir()} == {"data", "data.log"}
    assert server.ask("GET", "/healthz")[0] == 200


def folders(server: Server) -> set[str]:
    return {path.name for path in (server.data / "jobs").glob("*")}


@pytest.fixture(scope="module")
def done(server: Server) -> str:
    """The id of a job that is done."""
    return server.until_done(server.send()["id"])


def answered(client: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    said = b""
    try:
        while chunk := client.recv(65536):
            said += chunk
    except ConnectionError:
        pass
    return said


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def sent_for_ever(client: socket.socket, data: bytes, most_seconds: float = 10.0) -> bytes:
    """Send until the server has had enough; what it answers."""
    said: list[bytes] = []
    listening = threading.Thread(target=lambda: said.append(answered(client)))
    listening.start()
    ends = time.monotonic() + most_seconds
    try:
        while time.monotonic() < ends:
            client.sendall(data)
            time.sleep(0.002)
        raise AssertionError("the server takes it for ever")
    except (ConnectionError, BrokenPipeError):
        listening.join()
    return b"".join(said)


@pytest.mark.slow
def test_a_head_that_comes_byte_by_byte(server: Server) -> None:
    with server.connected() as client:
        began = time.monotonic()
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        while time.monotonic() - began < 0.3:
            client.sendall(b"x-a: b\r\n")
            time.sleep(0.05)
        said = answered(client)
        assert time.monotonic() - began < 3
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in said


def test_connections_that_ask_for_nothing_make_room(server: Server) -> None:
    with ExitStack() as open_ones:
        idle = [open_ones.enter_context(server.connected()) for _ in range(3 * int(BOUNDS["_MOST_CONNECTIONS"]))]
        for client in idle:
            try:
                client.sendall(b"GET / HT")
            except ConnectionError:
                continue  # dropped already
        began = time.monotonic()
        assert server.ask("GET", "/healthz")[0] == 200
        assert time.monotonic() - began < 2
        assert answered(idle[0]) == b""  # the oldest had to go


@pytest.mark.parametrize("length", [10 * 2**30, 10**19])
def test_a_length_that_is_a_lie(server: Server, length: int) -> None:
    with server.connected() as client:
        client.sendall(f"{FORM}content-length: {length}\r\n\r\n".encode())
        assert sent_for_ever(client, b"x" * 1000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("start", [FILE, b"", b"--x\r\n", FILE + b"\r\n--x--\r\n"])
def test_a_body_without_end(server: Server, start: bytes) -> None:
    """Of the file, before it, in the head of a part, after the form's end."""
    with server.connected() as client:
        client.sendall(f"{FORM}{CHUNKED}".encode() + (chunk(start) if start else b""))
        said = sent_for_ever(client, chunk(b"x" * 20_000))
    assert said.split(b" ", 2)[1] in (b"413", b"400")


def test_a_token_without_end(server: Server) -> None:
    with server.connected() as client:
        client.sendall(f"POST /v1/session HTTP/1.1\r\nhost: localhost\r\n{CHUNKED}".encode())
        assert sent_for_ever(client, chunk(b"x" * 1000)).startswith(b"HTTP/1.1 413 ")


@pytest.mark.slow
def test_an_upload_that_stands_still_and_one_that_comes_byte_by_byte(server: Server) -> None:
    with server.connected() as still, server.connected() as slow:
        for client in (still, slow):
            client.sendall(f"{FORM}content-length: 90000\r\n\r\n".encode() + FILE)
        said = sent_for_ever(slow, b"x", most_seconds=8)
        assert b" 408 " in said or said == b""  # or the connection was reset before it was read
        assert answered(still).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_is_gone_in_the_middle_of_an_upload(server: Server) -> None:
    for reset in (False, True):
        with server.connected() as client:
            client.sendall(f"{FORM}content-length: 90000\r\n\r\n".encode() + FILE + b"x" * 5000)
            time.sleep(0.1)
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.slow
def test_a_client_that_reads_nothing_or_is_gone_in_the_middle_of_a_download(server: Server, done: str) -> None:
    large = server.data / "jobs" / done / "results" / "clip" / "large.bin"
    large.write_bytes(bytes(10_000_000))
    for path in ("files/large.bin", "zip"):
        asked = f"GET /v1/jobs/{done}/{path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
        with server.connected() as gone:
            gone.sendall(asked)
            assert gone.recv(1000).startswith(b"HTTP/1.1 200 ")
        with server.connected() as client:
            client.sendall(asked)
            time.sleep(1.0)
            assert len(answered(client)) < large.stat().st_size
    large.unlink()


@pytest.mark.slow
def test_files_that_go_while_they_are_sent(server: Server) -> None:
    job_id = server.until_done(server.send()["id"])
    with server.connected() as client:
        large = server.data / "jobs" / job_id / "results" / "clip" / "large.bin"
        large.write_bytes(bytes(10_000_000))
        (large.parent / "zlast.bin").write_bytes(bytes(1000))
        client.sendall(f"GET /v1/jobs/{job_id}/zip HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        said = client.recv(1000)
        assert server.ask("DELETE", f"/v1/jobs/{job_id}")[0] == 200
        said += answered(client)
    assert not said.endswith(b"0\r\n\r\n")  # the client can tell that it has not got all


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"".join(b'--x\r\ncontent-disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(60)), 400),
        (b'--x\r\ncontent-disposition: form-data; name="save"\r\n\r\ncsv\r\n' * 2, 400),
        (b"--x\r\ncontent-disposition: form-data; name=a\r\n" + b"a: b\r\n" * 5000, 400),
        (b"--x\r\n" + b"a" * 50_000, 400),
        (b'--x\r\ncontent-disposition: form-data; name="' + b"a" * 9000 + b'"\r\n\r\n\r\n--x--\r\n', 400),
        (FILE + b"video\r\n" + FILE + b"video\r\n--x--\r\n", 400),
        (b"--x\r\ncontent-disposition: form-data; name=\xff\r\n\r\n\xff\r\n--x--\r\n", 400),
        (
            b"--x\r\ncontent-disposition: form-data; name*=utf-8''file; filename=a\r\n\r\nv\r\n--x--\r\n",
            400,
        ),
    ],
)
def test_forms_that_nobody_fills_in(server: Server, body: bytes, status: int) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer, headers, said = server.ask("POST", "/v1/jobs", body, kind)
    assert (answer // 100, headers["content-type"]) == (status // 100, "application/problem+json"), said
    assert len(json.loads(said)["detail"].splitlines()) == 1


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; boundary=" + "x" * 5000,
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary="\\',
        "multipart/mixed; boundary=x",
        ";",
        "application/x-www-form-urlencoded",
    ],
)
def test_kinds_of_content_that_are_none(server: Server, kind: str) -> None:
    assert server.ask("POST", "/v1/jobs", FILE + b"video\r\n--x--\r\n", {"content-type": kind})[0] in (400, 415)


@pytest.mark.parametrize(
    "job_id",
    [
        "..",
        "%2e%2e",
        "..%2f..",
        "a%00b",
        "%00",
        "CON",
        "nul.txt",
        "%C3%BC",
        "%ff",
        "a%2fb",
        "a" * 65,
        "a" * 5000,
        "%0d%0a",
    ],
)
def test_ids_of_nobody(server: Server, job_id: str) -> None:
    for method in ("GET", "DELETE"):
        status, headers, _ = server.ask(method, f"/v1/jobs/{job_id}")
        assert (status in (404, 422, 405), headers["content-type"]) == (True, "application/problem+json")


@pytest.mark.parametrize(
    "name",
    [
        *("..%2f..%2f..%2fdata.log", "%2e%2e/%2e%2e/upload/clip.mp4", "/etc/passwd", "//etc/passwd", "a%00b", "maps"),
        *("maps/", "./overlay.mp4", "maps/..%2foverlay.mp4", "..", "%5c..%5c..%5cx", "CON", "x" * 5000, "%ff%fe", ""),
        "overlay.mp4/x",
    ],
)
def test_names_of_files_that_are_none_of_the_results(server: Server, done: str, name: str) -> None:
    assert server.ask("GET", f"/v1/jobs/{done}/files/{name}")[0] == 404


@pytest.mark.parametrize(
    "path", ["/page/..%2fapi.py", "/page/%00", "/page/" + "x" * 5000, "/page/%2e%2e/api.py", "/page"]
)
def test_files_that_are_not_of_the_page(server: Server, path: str) -> None:
    assert server.ask("GET", path)[0] in (307, 404)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": ""}, 421),
        ({"host": "localhost.evil.example"}, 421),
        ({"host": "evil.example@localhost"}, 421),
        ({"host": "localhost#@evil.example"}, 421),
        ({"host": "["}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"x-forwarded-host": "evil.example"}, 422),
    ],
)
def test_names_and_origins_that_are_not_the_servers(server: Server, headers: dict[str, str], status: int) -> None:
    assert server.ask("POST", "/v1/session", b"{}", headers)[0] == status


@pytest.mark.parametrize(
    "request_line",
    [
        b"get",
        b"\x16\x03\x01\x02\x00",
        b"GET /\x00 HTTP/1.1",
        b"GET " + b"/a" * 400_000 + b" HTTP/1.1",
    ],
)
def test_what_is_no_http(server: Server, request_line: bytes) -> None:
    with server.connected() as client:
        client.sendall(request_line + b"\r\nhost: localhost\r\n\r\n")
        assert answered(client).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 408 "))


@pytest.mark.parametrize(
    "headers",
    [
        "host: localhost\r\nhost: evil.example\r\n",
        "host: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n",
        "host: localhost\r\ncontent-length: -1\r\n",
        "host: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n",
        "host: localhost\r\ntransfer-encoding: gzip, chunked\r\n",
        "",
        "host: localhost\r\na: " + "b" * 700_000 + "\r\n",
    ],
)
def test_heads_that_contradict_themselves(server: Server, headers: str) -> None:
    with server.connected() as client:
        client.sendall(f"POST /v1/jobs HTTP/1.1\r\n{headers}\r\n".encode())
        assert answered(client).split(b" ", 2)[1] in (b"400", b"431", b"501")


def test_a_chunk_that_is_none_in_the_middle_of_an_upload(server: Server) -> None:
    with server.connected() as client:
        client.sendall(f"{FORM}{CHUNKED}".encode() + chunk(FILE) + b"nonsense\r\n")
        assert answered(client).startswith(b"HTTP/1.1 400 ")


def test_methods_that_there_are_not(server: Server, done: str) -> None:
    for method in ("OPTIONS", "TRACE", "PUT", "PATCH", "CONNECT", "BREW"):
        status, headers, _ = server.ask(method, "/v1/jobs/x")
        assert (status, headers["allow"]) == (405, "DELETE, GET, HEAD"), method
    for path in ("/healthz", "/", "/page/page.js", "/local/"):
        head, headers, body = server.ask("HEAD", path)
        assert (head, body) == (200, b"")
    head, headers, body = server.ask("HEAD", f"/v1/jobs/{done}/files/overlay.mp4")
    assert (head, headers["content-length"], body) == (200, "200", b"")


def test_many_who_ask_for_the_example_at_once(server: Server) -> None:
    """Which is drawn for the first of them."""
    asked = b"GET /page/example.mp4 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    with ExitStack() as clients:
        waiting = [clients.enter_context(server.connected(60)) for _ in range(20)]
        for client in waiting:
            client.sendall(asked)
        began = time.monotonic()
        assert server.ask("GET", "/healthz")[0] == 200
        assert time.monotonic() - began < 2
        lengths = {len(answered(client)) for client in waiting}
    assert len(lengths) == 1
    assert min(lengths) > 10_000


def test_upgrades_are_not_taken(server: Server) -> None:
    said = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-key": "eHh4", "sec-websocket-version": "13"}
    assert server.ask("GET", "/v1/jobs/x/events", headers=said)[0] == 404


def test_a_key_that_comes_again(server: Server) -> None:
    key = {"idempotency-key": "the key"}
    first = server.send(b"one", key)["id"]
    assert server.send(b"one", key)["id"] == first
    assert server.send(b"two", key)["status"] == 409
    assert server.send(b"one", {"idempotency-key": "k" * 201})["status"] == 422
    with server.connected() as client:  # while another request with it is under way
        client.sendall(f"{FORM}idempotency-key: other\r\ncontent-length: 90000\r\n\r\n".encode() + FILE)
        while not folders(server) - server.jobs:  # it has not arrived yet
            time.sleep(0.02)
        assert server.send(b"one", {"idempotency-key": "other"})["status"] == 409


def listen_to(server: Server, job_id: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), 10)
    client.sendall(f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    return client


def events(server: Server, count: int, most: int) -> None:
    """So many clients listen at the same time; the server answers others, and forgets these when they are gone."""
    job_id = server.send(b"slow")["id"]
    with ExitStack() as clients:
        listening = [clients.enter_context(listen_to(server, job_id)) for _ in range(count)]
        answers = [client.recv(100).split(b" ", 2)[1] for client in listening]
        assert (answers.count(b"200"), answers.count(b"429")) == (most, count - most)
        began = time.monotonic()
        assert server.ask("GET", f"/v1/jobs/{job_id}")[0] == 200
        assert time.monotonic() - began < 2
    for _ in range(100):
        if b"\ngfsalnet_listeners 0\n" in server.ask("GET", "/metrics")[2]:
            break
        time.sleep(0.05)
    assert b"\ngfsalnet_listeners 0\n" in server.ask("GET", "/metrics")[2]
    assert server.ask("DELETE", f"/v1/jobs/{job_id}")[0] == 200


def test_many_that_listen(server: Server) -> None:
    events(server, 50, 20)


@pytest.mark.slow
def test_who_listens_does_not_hold_up_the_end(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    with listen_to(server, server.send(b"slow")["id"]) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        assert server.stop(signal.SIGTERM) in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 8
        assert answered(client).endswith(b"0\r\n\r\n")
    assert server.log.read_text() == ""


@pytest.mark.slow
def test_a_thousand_that_listen(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        events(server, 990, 200)


def test_ranges_and_what_is_known_already(server: Server, done: str) -> None:
    path = f"/v1/jobs/{done}/files/overlay.mp4"
    content = bytes(range(200))
    _, whole, body = server.ask("GET", path)
    assert body == content

    def get(**headers: str) -> tuple[int, bytes]:
        status, _, said = server.ask("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})
        return status, said

    assert get(range="bytes=10-19") == (206, content[10:20])
    assert get(range="bytes=190-") == get(range="bytes=-10") == get(range="bytes=190-9999") == (206, content[190:])
    status, headers, _ = server.ask("GET", path, headers={"range": "bytes=200-"})
    assert (status, headers["content-range"], headers["content-type"]) == (
        416,
        "bytes */200",
        "application/problem+json",
    )
    assert get(range="bytes=-0")[0] == 416
    for nonsense in (
        "bytes",
        "bytes=",
        "bytes=x",
        "bytes=--1",
        "bytes=5-x",
        "pages=1-2",
        "bytes=1-2;3",
        "=",
        "bytes=1_0-20",
    ):
        assert get(range=nonsense) == (200, content), nonsense
    assert get(range="bytes=" + ",".join(f"{n}-{n}" for n in range(0, 200, 2)))[0] == 206
    assert get(range="bytes=" + ",".join(["0-"] * 5000)) == (200, content)  # more than anybody needs
    etag, since = whole["etag"], whole["last-modified"]
    for known in (etag, f"W/{etag}", "*", f'"other", {etag}'):
        assert get(if_none_match=known) == (304, b"")
    assert get(if_none_match='"other"') == (200, content)
    assert get(if_modified_since=since) == (304, b"")
    assert get(if_modified_since=since, if_none_match='"other"') == (200, content)  # which counts alone
    assert get(if_modified_since="yesterday") == (200, content)
    assert get(range="bytes=0-9", if_range=etag) == get(range="bytes=0-9", if_range=since) == (206, content[:10])
    assert get(range="bytes=0-9", if_range='"other"') == get(range="bytes=0-9", if_range=f"W/{etag}") == (200, content)
