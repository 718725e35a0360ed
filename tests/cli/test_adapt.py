"""`gfsalnet adapt` as a user meets it; what it does is tested in tests/adaptation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from command import gfsalnet, one_line_error


def test_too_little_gaze_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/1.png"), np.full((48, 64, 3), 90, np.uint8))
    (tmp_path / "fixations.csv").write_text("image,subject,x,y\n1.png,0,20,20\n", encoding="utf-8")
    done = gfsalnet("adapt", "--dataset", "folder", "--root", tmp_path, "--output", tmp_path / "out")
    one_line_error(done, "1 of its 1 pictures have gaze", "at least 8")
    assert not (tmp_path / "out").exists()
