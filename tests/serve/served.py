"""A server as users start it, in a process of its own, but with the quick child, and limits that a test sets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any

from gfsalnet.cli.serve import job_arguments, options_schema
from gfsalnet.serve import ServeSettings, connection, create_app, listen, runner

CHILD = Path(__file__).with_name("quick_child.py")


class Server:
    """A server at work; leaving the block ends it, and asserts that it has said nothing of a failure of its own.

    Args:
        data: its folder.
        bounds: constants of `gfsalnet.serve.connection` and `listen`.
        settings: of `ServeSettings`.
    """

    def __init__(self, data: Path, bounds: dict[str, float] | None = None, **settings: Any) -> None:
        data.parent.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.jobs: set[str] = set()
        """Those that were sent."""
        self.log = data.with_suffix(".log")
        arguments = [str(data), json.dumps(bounds or {}), json.dumps(settings)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(":")[2])

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        status = self.stop(signal.SIGTERM)
        if error is None:
            assert "Traceback" not in self.log.read_text()
            assert status in (0, -signal.SIGTERM)

    def stop(self, number: int) -> int:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()

    @contextmanager
    def connected(self, seconds: float = 10.0) -> Iterator[socket.socket]:
        """A connection on which nothing has been sent yet."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as client:
            yield client

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in small letters, and body of an answer."""
        client = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            client.request(method, path, body, headers or {})
            answer = client.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            client.close()

    def send(self, content: bytes = b"video", headers: dict[str, str] | None = None, **fields: str) -> Any:
        """Send a video; what is answered, which is a job unless it has a `status`."""
        parts = [f'--x\r\ncontent-disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
        parts += ['--x\r\ncontent-disposition: form-data; name="file"; filename="clip.mp4"\r\n\r\n']
        body = "".join(parts).encode() + content + b"\r\n--x--\r\n"
        kind = {"content-type": "multipart/form-data; boundary=x", **(headers or {})}
        answer = json.loads(self.ask("POST", "/v1/jobs", body, kind)[2])
        self.jobs |= {answer["id"]} if "id" in answer else set()
        return answer

    def until_done(self, job_id: str) -> str:
        """Wait until the job has ended well; its id."""
        for _ in range(500):
            job = json.loads(self.ask("GET", f"/v1/jobs/{job_id}")[2])
            if job["state"] not in ("queued", "running"):
                break
            time.sleep(0.02)
        assert job["state"] == "done", job
        return job_id


def main() -> None:
    data, bounds, settings = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    port = settings.pop("port", 0)
    settings |= {"root": Path(settings["root"])} if "root" in settings else {}
    runner.CHILD = (sys.executable, "-S", str(CHILD))
    for name, value in bounds.items():
        setattr(connection if hasattr(connection, name) else listen, name, value)
    app = create_app(ServeSettings(data=data, **settings), job_arguments, options_schema())
    listen.listen(app, "127.0.0.1", port, lambda address: print(address, flush=True))


if __name__ == "__main__":
    main()
