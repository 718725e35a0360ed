"""Small videos, and what a table on the disk holds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

from gfsalnet.video import VideoWriter


def write_clip(path: Path, frames: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, size_wh=(64, 48), rate=Fraction(10)) as writer:
        for index in range(frames):
            rgb = np.zeros((48, 64, 3), np.uint8)
            rgb[20:28, 8 + 4 * index : 16 + 4 * index] = 255
            writer.write(rgb, index / 10)
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows
