"""docs/python.md: what people type first works as it is printed."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.video import VideoWriter

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def write_clip(path: Path, frames: int = 6) -> None:
    """A bright square that moves over grey."""
    with VideoWriter(path, size_wh=(160, 120), rate=Fraction(10), time_base=Fraction(1, 10)) as writer:
        for index in range(frames):
            rgb = np.full((120, 160, 3), 90, np.uint8)
            rgb[40:70, 10 + 12 * index : 40 + 12 * index] = (250, 240, 60)
            writer.write(rgb, index / 10)


def test_every_snippet_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(Path("clip.mp4"))
    Path("recordings").mkdir()
    rows = ["video,frame,subject,x,y"]
    for name in ("a.mp4", "b.mp4"):
        write_clip(Path("recordings") / name)
        rows += [f"{name},{frame},{viewer},{20 + 12 * frame + viewer},55" for frame in range(6) for viewer in range(3)]
    Path("recordings/fixations.csv").write_text("\n".join(rows) + "\n")
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 12
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), scope)  # our own page
    assert len(scope["densities"]) == 5  # type: ignore[arg-type]
    assert Path("overlay.png").is_file()
    assert Path("out/clip/frames.csv").is_file()
    with np.load("maps.npz") as maps:
        assert {"density", "appearance", "motion", "gate"} <= set(maps.files)
