"""Many clients at once while the server and its processes are killed; tests/robustness has the real ones, and more."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import served
from crowd import Video, assert_nothing_was_lost, free_port, story_of

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as on Linux")


@pytest.mark.slow
def test_no_job_is_lost(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    command = (sys.executable, served.__file__, str(data), "{}", json.dumps({"port": port, "workers": 2}))
    videos = [Video(b"pause", {"save": "csv"})] * 20
    story = story_of(command, port, data, videos, np.random.default_rng(0), (0.5, 1.0))
    assert_nothing_was_lost(story, data, data.with_suffix(".log"))
    assert story.kills
