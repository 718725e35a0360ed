"""The server under many clients while it is killed, and under requests that are drawn from its own description."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import served
from crowd import Video, assert_nothing_was_lost, free_port, story_of
from trials import Rounds, Tell, draw_long_video, draw_videos

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as on Linux")

MOST_MILLISECONDS = 100
"""In which 95 of 100 GETs are answered, on a machine that has nothing else to do."""


@pytest.mark.release(share=0.3)
def test_clients(tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    """Short videos and a long one, which is predicted in pieces."""
    pytest.importorskip("fastapi")
    count = 50 if "GFSALNET_TEST_SECONDS" not in os.environ else 12
    kills, sent, latencies, again, done = Counter[str](), 0, list[float](), 0, 0
    others = os.getloadavg()[0]
    for number, rng in rounds(3):
        folder, port = tmp_path / str(number), free_port()
        options = {"model": "centre-bias", "save": "csv"}
        short = draw_videos(folder / "videos", 8)
        paths = [draw_long_video(folder / "long.mp4"), *(short[place % len(short)] for place in range(count - 1))]
        videos = [Video(path.read_bytes(), options) for path in paths]
        data = folder / "data"
        serve = ("-m", "gfsalnet", "serve", "--port", str(port), "--data", str(data), "--jobs", "2")
        story = story_of((sys.executable, *serve), port, data, videos, rng, (3.0, 9.0))
        assert_nothing_was_lost(story, data, data.with_suffix(".log"))
        assert story.p95_ms() <= MOST_MILLISECONDS or others > 1
        kills, sent, done = kills + story.kills, sent + count, number + 1
        latencies, again = latencies + story.latencies, again + sum(story.attempts) - count
    p95 = sorted(latencies)[int(0.95 * len(latencies))] * 1000
    tell(
        f"serve: {count} clients at once in {done} rounds, {sent} jobs, kills: {dict(kills)}; 0 lost, 0 done twice, "
        f"{again} begun again; {len(latencies)} GETs, 95 of 100 within {p95:.0f} ms, the load before {others:.1f}"
    )


@pytest.mark.release(share=0.1)
def test_requests_by_the_description(tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    """As schemathesis draws them (`pip install schemathesis`); the quick child does what jobs do."""
    pytest.importorskip("schemathesis")
    examples = 500 if "GFSALNET_TEST_SECONDS" not in os.environ else 20
    cases, done = 0, 0
    for number, rng in rounds(4):
        with served.Server(tmp_path / str(number) / "data", queue=10**6, root=str(tmp_path)) as server:
            address = f"http://127.0.0.1:{server.port}/openapi.json"
            how = ("--max-examples", str(examples), "--seed", str(rng.integers(2**31)), "--checks", "all", "--no-color")
            command = (sys.executable, "-m", "schemathesis.cli", "run", address, *how)
            ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout[-5000:]
        cases, done = cases + sum(map(int, re.findall(r"(\d+) generated", ended.stdout))), number + 1
    tell(f"serve: {cases} requests drawn of its own description in {done} rounds, 0 answers that it does not describe")
