"""Many clients at once, while the server and the processes of its jobs are killed: what becomes of their jobs."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np

ENDED = ("done", "failed", "cancelled")
_GIVE_UP_SECONDS = 600


@dataclass(frozen=True)
class Video:
    """What a client sends, and with which options."""

    content: bytes
    options: dict[str, str]


@dataclass(eq=False)
class Client(threading.Thread):
    """Sends a video until the server has taken it, asks for the job until it has ended, and fetches its summary.

    Where there is no answer it asks again, as long as the server is being started again.
    """

    port: int
    number: int
    video: Video
    seconds: list[float] = field(default_factory=list)
    """That each GET took which was answered."""
    job: dict[str, Any] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Answers that were neither what was asked for nor a 429."""

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        """Until the end of the job, or for ten minutes."""
        ends = time.monotonic() + _GIVE_UP_SECONDS
        while time.monotonic() < ends and self.job.get("state") not in ENDED:
            try:
                self.job = self._status() if self.job else self._send()
            except (OSError, HTTPException, ValueError):
                time.sleep(0.1)
            else:
                time.sleep(0.3)

    def _send(self) -> dict[str, Any]:
        fields = [
            f'--x\r\ncontent-disposition: form-data; name="{n}"\r\n\r\n{v}' for n, v in self.video.options.items()
        ]
        fields += [f'--x\r\ncontent-disposition: form-data; name="file"; filename="{self.number}.mp4"\r\n\r\n']
        body = "\r\n".join(fields).encode() + self.video.content + b"\r\n--x--\r\n"
        key = {"idempotency-key": f"client {self.number}", "content-type": "multipart/form-data; boundary=x"}
        return self._asked("POST", "/v1/jobs", body, key)

    def _status(self) -> dict[str, Any]:
        began = time.perf_counter()
        found = self._asked("GET", f"/v1/jobs/{self.job['id']}")
        self.seconds.append(time.perf_counter() - began)
        return found or self.job

    def _asked(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as client:
            client.request(method, path, body, headers or {})
            answer = client.getresponse()
            said: dict[str, Any] = json.loads(answer.read())
            if answer.status in (200, 202):
                return said
            if answer.status != 429:
                self.refused.append(f"{method} {answer.status}: {said.get('detail')}")
            time.sleep(1)
            return {}


class Watch(threading.Thread):
    """Looks at the data of a server, and remembers every piece and every summary that appears there."""

    def __init__(self, data: Path) -> None:
        super().__init__(daemon=True)
        self._data, self._over = data, threading.Event()
        self.made: defaultdict[str, set[int]] = defaultdict(set)
        """Path → the numbers of the files that have lain there: more than one, if it was made again."""

    def run(self) -> None:
        """Until `stop`."""
        while not self._over.wait(0.05):
            for pattern in ("jobs/*/results/*/summary.json", "jobs/*/results/*/.pieces/*.piece"):
                for path in self._data.glob(pattern):
                    with suppress(OSError):
                        self.made[str(path.relative_to(self._data))].add(path.stat().st_ino)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


class Serving:
    """A server that is killed and started again.

    Args:
        command: starts it, at the port and with the data below.
        port: where it listens.
        log: what it says goes there.
    """

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self._command, self._port, self._log = command, port, log
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 5):
                return
            time.sleep(0.05)
        raise AssertionError(self._log.read_text()[-2000:])

    def end(self, number: int) -> int:
        """Send it a signal, and wait for its end; the status."""
        self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()

    def kill_one(self, rng: np.random.Generator, number: int) -> bool:
        """Send a signal to one of the processes of its jobs; whether there was one."""
        alive = descendants(self.process.pid)
        if not alive:
            return False
        with suppress(ProcessLookupError):
            os.kill(alive[rng.integers(len(alive))], number)
        return True


@dataclass(frozen=True)
class Story:
    """What happened to a crowd."""

    jobs: list[dict[str, Any]]
    refused: list[str]
    kills: Counter[str]
    latencies: list[float]
    """Seconds of every GET that was answered."""
    made_again: list[str]
    """Pieces and summaries that were made more than once."""
    attempts: list[int]
    """How often each job was begun."""
    left: list[int]
    """Processes that were still there some seconds after the last server had ended."""
    seconds: float

    def p95_ms(self) -> float:
        """Of the GETs."""
        return float(np.percentile(self.latencies, 95) * 1000)


def story_of(
    command: Sequence[str],
    port: int,
    data: Path,
    videos: Sequence[Video],
    rng: np.random.Generator,
    pause_seconds: tuple[float, float],
) -> Story:
    """Let one client for each video send it, and kill something now and then, until four fifths are done.

    Between two kills there is a pause, and at least one job is done: with a machine that has other work, too, nothing
    would ever be.
    """
    began, kills = time.monotonic(), Counter[str]()
    serving, watch = Serving(command, port, data.with_suffix(".log")), Watch(data)
    watch.start()
    clients = [Client(port, number, video) for number, video in enumerate(videos)]
    for client in clients:
        client.start()
    try:
        before = None
        while (alive := sum(client.is_alive() for client in clients)) > len(clients) // 5:
            time.sleep(rng.uniform(*pause_seconds))
            if alive == before:
                continue
            before = alive
            what, number = ("server", "process")[rng.integers(2)], (signal.SIGKILL, signal.SIGTERM)[rng.integers(2)]
            if what == "server":
                serving.end(number)
                serving.start()
            elif not serving.kill_one(rng, number):
                continue
            kills[f"{number.name} {what}"] += 1
        for client in clients:
            client.join(_GIVE_UP_SECONDS)
    finally:
        watch.stop()
        serving.end(signal.SIGTERM)
    with closing(sqlite3.connect(data / "jobs.sqlite3")) as database:
        attempts = [row[0] for row in database.execute("SELECT attempts FROM jobs")]
    return Story(
        jobs=[client.job for client in clients],
        refused=[line for client in clients for line in client.refused],
        kills=kills,
        latencies=[one for client in clients for one in client.seconds],
        made_again=[name for name, numbers in watch.made.items() if len(numbers) > 1],
        attempts=attempts,
        left=left_of(data),
        seconds=time.monotonic() - began,
    )


def assert_nothing_was_lost(story: Story, data: Path, log: Path) -> None:
    """Every client has its job, done, once; nothing that was finished was made again."""
    assert [job.get("state") for job in story.jobs] == ["done"] * len(story.jobs), story.jobs
    assert len({job["id"] for job in story.jobs}) == len(story.attempts) == len(story.jobs)
    assert {path.name for path in (data / "jobs").iterdir()} == {job["id"] for job in story.jobs}
    assert story.made_again == []
    assert sum(story.attempts) - len(story.jobs) <= sum(story.kills.values()) * 2  # jobs that run at the same time
    assert (story.refused, story.left) == ([], [])
    assert "Traceback" not in log.read_text()


def left_of(data: Path, within_seconds: float = 10.0) -> list[int]:
    """The processes that still work at jobs of that folder, after some time to clean up."""
    ends = time.monotonic() + within_seconds
    while True:
        alive = []
        for number in map(int, filter(str.isdigit, os.listdir("/proc"))):
            with suppress(OSError):
                words = Path(f"/proc/{number}/cmdline").read_bytes()
                alive += [number] if f"{data}/jobs/".encode() in words else []
        if not alive or time.monotonic() > ends:
            return alive
        time.sleep(0.2)


def free_port() -> int:
    """One at which nothing listens."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    parents = {}
    for number in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with suppress(OSError, IndexError, ValueError):
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                parents[number] = int(fields[1])
    found, last = [], {process}
    while last:
        last = {number for number, parent in parents.items() if parent in last}
        found += sorted(last)
    return found
