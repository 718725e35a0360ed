"""Draws the pictures of the README: python docs/images/make.py."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

import gfsalnet
from gfsalnet.demo import draw_clip
from gfsalnet.render import gate_view, overlay
from gfsalnet.types import RGB

MOMENTS = (12, 45, 80)
"""Frames of the demo video."""


def main() -> None:
    model = gfsalnet.load_model()
    with tempfile.TemporaryDirectory() as folder:
        video = draw_clip(Path(folder) / "demo.mp4")
        chosen = [p for p in model.predict(video) if p.frame_index in MOMENTS]
    rows = [
        [p.frame.rgb for p in chosen],
        [overlay(p.frame.rgb, p.map_density) for p in chosen],
        [gate_view(p) for p in chosen],
    ]
    sheet = np.vstack([np.hstack([_framed(rgb) for rgb in row]) for row in rows])
    sheet = cv2.resize(sheet, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(Path(__file__).parent / "demo.jpg"), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _framed(rgb: RGB) -> RGB:
    return np.asarray(cv2.copyMakeBorder(rgb, 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=(255, 255, 255)), np.uint8)


if __name__ == "__main__":
    main()
