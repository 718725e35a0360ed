"""`gfsalnet manifest` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import gfsalnet

from gfsalnet.demo import draw_clip

pytest.importorskip("pyarrow")


@pytest.mark.slow
def test_a_manifest_says_how_much_it_holds(tmp_path: Path) -> None:
    draw_clip(tmp_path / "in" / "demo.mp4")
    done = gfsalnet("manifest", tmp_path / "in", "-o", tmp_path / "m.parquet")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("m.parquet: 1 sources, 0 unreadable")
    (tmp_path / "in" / "empty.mp4").touch()
    done = gfsalnet("manifest", tmp_path / "in", "-o", tmp_path / "m.parquet", "--no-probe")
    assert done.exit_code == 1
    assert "1 sources, 1 of them as they were, 1 unreadable" in done.stdout
