"""Commands in processes of their own that are stopped at some moment, and what they leave on the disk."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from gfsalnet.video import VideoWriter

Tree = Mapping[str, str]
"""Path in a folder → hash of the file's content, without what differs between two runs: how long they took."""

Rounds = Callable[[int], Iterator[tuple[int, np.random.Generator]]]
"""What the fixture `rounds` gives."""
Tell = Callable[[str], None]
"""What the fixture `tell` gives."""

_MARK = "GFSALNET_TRIAL"
_TAKES_TIME = {"seconds", "images_per_second"}


def draw_videos(folder: Path, count: int, frames: int = 10) -> list[Path]:
    """Small videos of a moving disc."""
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        with VideoWriter(path, size_wh=(128, 96), rate=Fraction(10)) as writer:
            for index in range(frames):
                rgb = np.full((96, 128, 3), 60 + 20 * number, np.uint8)
                cv2.circle(rgb, (10 + 9 * index, 20 + 12 * number), 8, (250, 200, 40), -1)
                writer.write(rgb, index / 10)
    return paths


def draw_long_video(path: Path) -> Path:
    """Of three minutes in which a disc moves, with key frames often enough for several segments."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "20", "bf": "2", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(1800):
            rgb = np.full((48, 64, 3), 60 + index % 50, np.uint8)
            cv2.circle(rgb, (8 + index % 48, 24), 6, (250, 200, 40), -1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def draw_dataset(root: Path, count: int, frames: int = 10) -> Path:
    """Videos with the gaze of three viewers, as `--dataset folder` reads them."""
    draw_videos(root / "videos", count, frames)
    rng = np.random.default_rng(1)
    with (root / "fixations.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["video", "frame", "subject", "x", "y"])
        for number in range(count):
            for index in range(frames):
                for subject in range(3):
                    x, y = rng.normal((10 + 9 * index, 20 + 12 * number), 4).clip(0, 95)
                    rows.writerow([f"{number}.mp4", index, subject, f"{x:.1f}", f"{y:.1f}"])
    return root


class Trial:
    """A `gfsalnet` command that is at work.

    Args:
        arguments: of the command.
        reads: whether it has a standard input to read from.
        environment: variables besides those of this process.
    """

    def __init__(self, *arguments: object, reads: bool = False, **environment: str) -> None:
        self._mark = f"{os.getpid()}-{time.monotonic_ns()}"
        variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment, _MARK: self._mark}
        command = [sys.executable, "-m", "gfsalnet", *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
            start_new_session=True,
        )

    def stop_after(self, seconds: float, number: int = signal.SIGKILL) -> int:
        """Send a signal to the process alone, unless it ends before; returns its status, -number if that ended it."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(number)
            with self._ended_at_last():
                return self.process.wait(60)

    def kill_one_after(self, seconds: float) -> bool:
        """Kill one process that the command has started, unless it ends before; returns whether there was one."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return False
        children = [number for number in self._alive() if number != self.process.pid and _is_a_worker(number)]
        for number in children[:1]:
            os.kill(number, signal.SIGKILL)
        return bool(children)

    def finish(self, seconds: float = 300) -> tuple[int, str, str]:
        """Wait for the end; returns status, output and errors."""
        with self._ended_at_last():
            output, errors = self.process.communicate(timeout=seconds)
        return self.process.returncode, output.decode(), errors.decode()

    @contextmanager
    def _ended_at_last(self) -> Iterator[None]:
        """A test that gives up on the process does not leave it behind."""
        try:
            yield
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def survivors(self, within_seconds: float = 2.0) -> list[int]:
        """Processes that the command started, and that are still there after so long."""
        until = time.monotonic() + within_seconds
        while (alive := self._alive()) and time.monotonic() < until:
            time.sleep(0.05)
        return alive

    def _alive(self) -> list[int]:
        mark = f"{_MARK}={self._mark}".encode()
        return [number for number in map(int, filter(str.isdigit, os.listdir("/proc"))) if _has(number, mark)]


def _is_a_worker(number: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False


def _has(number: int, mark: bytes) -> bool:
    try:
        if Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        return mark in Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def run(*arguments: object, status: int = 0, **environment: str) -> float:
    """Run a command to its end; returns the seconds that it took."""
    began = time.monotonic()
    ended, output, errors = Trial(*arguments, **environment).finish()
    assert ended == status, (ended, output, errors)
    assert "Traceback" not in output + errors, errors
    return time.monotonic() - began


def tree(folder: Path, *, hidden: bool = True) -> Tree:
    """All files in a folder; `hidden` ones too, unless that is false."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and (hidden or not any(part.startswith(".") for part in name.split("/"))):
            found[name] = hashlib.sha256(_lasting(path)).hexdigest()
    return found


def _lasting(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".json":
        return json.dumps(_without_times(json.loads(content))).encode()
    if path.name == "curves.csv":
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        return json.dumps([_without_times(row) for row in rows]).encode()
    return content


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if key not in _TAKES_TIME}
    return [_without_times(item) for item in value] if isinstance(value, list) else value
