"""A video from decoding to encoding: each stage by itself, and the whole as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TypeVar

from gfsalnet.device import threads
from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.texts import read_json_object
from gfsalnet.models import load_model
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.render import open_sinks
from gfsalnet.types import Prediction
from gfsalnet.video import VideoInfo, VideoReader, open_source

T = TypeVar("T")
FEWEST_FRAMES = 10
"""How many frames a video that is timed needs at least."""


@dataclass(frozen=True)
class StageSpeed:
    """One stage alone."""

    stage: str
    cpu_ms: float
    """CPU ms per frame."""


@dataclass(frozen=True)
class VideoSpeed:
    """`gfsalnet predict` in a process of its own."""

    frames: int
    frames_per_second: float
    """Frames divided by the seconds from the first frame decoded to the last file closed; the start is left out."""
    start_seconds: float
    """Wall-clock seconds of the program with a single frame, from its start to its end."""
    cpu_ms: float
    """CPU ms per frame, of all threads, without the start."""
    peak_megabytes: float
    """The most memory that was resident; 0 where the system does not tell, which is anywhere but on Linux."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """The part of a video that is timed."""

    source: str
    start_seconds: float | None = None
    end_seconds: float | None = None
    allow_playlists: bool = False

    def open(self) -> VideoReader:
        """A reader of it."""
        return open_source(
            self.source,
            allow_playlists=self.allow_playlists,
            start_seconds=self.start_seconds,
            end_seconds=self.end_seconds,
        )

    def arguments(self) -> list[str]:
        """What `gfsalnet predict` is given to read it."""
        times = (("--start", self.start_seconds), ("--end", self.end_seconds))
        parts = [word for option, seconds in times if seconds is not None for word in (option, f"{seconds:f}")]
        return [self.source, *parts, *(["--allow-playlists"] if self.allow_playlists else [])]


def require_frames(clip: Clip) -> None:
    """Make sure that a video is long enough to be timed: of one frame there is no rate.

    Raises:
        GFSalNetError: if it has fewer than `FEWEST_FRAMES`, or cannot be read.
    """
    with clip.open() as reader:
        count = sum(1 for _ in islice(reader, FEWEST_FRAMES))
    if count < FEWEST_FRAMES:
        frames = "a single frame" if count == 1 else f"only {count} frames"
        raise GFSalNetError(clip.source, f"has {frames}, of which there is no rate", f"Give at least {FEWEST_FRAMES}")


def measure_stages(
    clip: Clip, model_name: str, backend: str, save: tuple[str, ...], frame_count: int = 100
) -> list[StageSpeed]:
    """Run the stages one after the other over the first frames of a video, the network and OpenCV on one thread.

    Raises:
        GFSalNetError: if the source cannot be read, or the model or backend is not available.
    """
    model = load_model(model_name, device="cpu", backend=backend, threads=1)
    if not isinstance(model, GFSalNetModel):
        raise GFSalNetError(model_name, "is no GFSalNet", "Time a GFSalNet")
    with threads(1, torch=False), clip.open() as reader, TemporaryDirectory() as folder:
        frames, decode = _clocked(islice(reader, frame_count))
        pictures, flow = _clocked(model.pictures(frames))
        batches = [tuple(picture[None] for picture in of_frame) for of_frame in pictures]
        # Once unclocked: the first run of a backend plans and allocates.
        model.backend(batches[0])
        _, network = _clocked(model.backend(batch) for batch in batches)
        # All before any is written, so that writing is clocked alone.
        predictions = list(model.stream(frames))
        stages = {"decode": decode, "flow and pictures": flow, "network": network}
        for word in save:
            stages[f"write {word}"] = _written(predictions, word, Path(folder), reader.info)
    return [StageSpeed(stage, 1000 * seconds / len(frames)) for stage, seconds in stages.items()]


def _clocked(items: Iterable[T]) -> tuple[list[T], float]:
    """The items, and the CPU seconds that making them took."""
    # CPU time of all threads: what else the machine does at the moment does not count.
    began = time.process_time()
    made = list(items)
    return made, time.process_time() - began


def _written(predictions: list[Prediction], word: str, folder: Path, info: VideoInfo) -> float:
    began = time.process_time()
    with open_sinks((word,), folder, info) as sink:
        for prediction in predictions:
            sink.write(prediction)
    return time.process_time() - began


def measure_video(clip: Clip, model_name: str, backend: str, save: tuple[str, ...], workers: int = 1) -> VideoSpeed:
    """Predict a video as a user does.

    Args:
        clip: the video, or a part of it.
        model_name: of the model.
        backend: that runs it.
        save: words of `--save`.
        workers: processes that predict; several share a video that is long enough. The memory is that of the one that
            starts them.

    Raises:
        GFSalNetError: if that fails.
    """
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gfsalnet", "predict", *clip.arguments(), "--model", model_name]
        command += ["--backend", backend, "--workers", str(workers), "--save", ",".join(save), "--output"]
        # Importing and loading are the same for any length: a run of one frame tells what to take off.
        start_seconds, start_cpu, _ = _run([*command, f"{folder}/one", "--max-frames", "1"])
        _, cpu, megabytes = _run([*command, f"{folder}/all"])
        summary = read_json_object(next(Path(folder, "all").glob("*/summary.json")), GFSalNetError)
    frames = int(summary["frames"])
    return VideoSpeed(
        frames=frames,
        frames_per_second=frames / summary["seconds"]["total"],
        start_seconds=start_seconds,
        cpu_ms=1000 * (cpu - start_cpu) / (frames - 1),  # the start has the first one
        peak_megabytes=megabytes,
    )


def _run(command: list[str]) -> tuple[float, float, float]:
    """Wall-clock seconds, CPU seconds, and the most megabytes that were resident."""
    began, before = time.perf_counter(), _children_seconds()
    # A file, not a pipe, which nobody reads meanwhile: a full one would stop the program.
    with TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)  # noqa: S603  # our own command
        megabytes = 0.0
        # The peak that Linux counts never falls, but is gone with the process: the last look before the end has it.
        # `poll` waits for the process at its end, by which its CPU time is added to that of our children.
        while process.poll() is None:
            megabytes = max(megabytes, _peak_megabytes(process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        if process.returncode != 0:
            said.seek(0)
            raise GFSalNetError("gfsalnet predict", f"failed: {said.read().decode().strip()}", "Run it to see why")
    return seconds, _children_seconds() - before, megabytes


def _peak_megabytes(pid: int) -> float:
    """What Linux says of a running process; 0 elsewhere, and when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    # "VmHWM:  123456 kB" of 1024 bytes each, to megabytes of 10⁶.
    return next((int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith("VmHWM")), 0.0)


def _children_seconds() -> float:
    """CPU seconds of all processes that were started from here and have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system
