"""The video that the program draws itself."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from gfsalnet.demo import FRAMES, RATE, draw_clip, draw_frame
from gfsalnet.errors import OutputError


def test_the_video_is_four_seconds_of_h264(tmp_path: Path) -> None:
    path = draw_clip(tmp_path / "new" / "demo.mp4")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 640, 360)
        assert stream.average_rate == RATE
        assert sum(1 for _ in container.decode(video=0)) == FRAMES


def test_only_walker_ball_and_bird_move() -> None:
    first, later = draw_frame(0.0).astype(int), draw_frame(1.0).astype(int)
    changed = np.abs(first - later).max(2) > 30
    assert changed.any()
    assert changed.mean() < 0.05
    assert not changed[130:170, 160:290].any()  # the roof stands still


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        draw_clip(tmp_path / "file" / "demo.mp4")
