"""Clip frames and what UNISAL over video says of them, made once and kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from student.pictures import ROBOTS, RGB, clip_paths, sampled_frames
from student.teachers import Unisal


MOST_FRAMES = 120
"""Of a clip: its first 20 seconds."""


@dataclass(frozen=True)
class Clip:
    """Frames (T, H, W, 3) and log densities (T, h, w)."""

    name: str
    frames: NDArray[np.uint8]
    maps: NDArray[np.float16]

    @property
    def weight(self) -> float:
        """How often it is drawn."""
        return len(self.frames) ** 0.5 * (0.4 if self.name.startswith(ROBOTS) else 1.0)


def open_clips(data: Path, weights: Path, cache: Path) -> list[Clip]:
    """All clips without gaze; what is missing in `cache` is made."""
    cache.mkdir(parents=True, exist_ok=True)
    clips, unisal = [], None
    for path in clip_paths(data):
        stem = f"{path.parent.name}-{path.stem}"
        frames_file, maps_file = cache / f"{stem}.frames.npy", cache / f"{stem}.maps.npy"
        if not maps_file.exists():
            unisal = unisal or Unisal(weights / "unisal_official.safetensors")
            frames = sampled_frames(path)[:MOST_FRAMES]
            np.save(frames_file, np.stack(frames))
            np.save(maps_file, _video_maps(frames, unisal))
            print(stem, len(frames), flush=True)
        clips.append(Clip(path.stem, np.load(frames_file, mmap_mode="r"), np.load(maps_file, mmap_mode="r")))
    return clips


def _video_maps(frames: list[RGB], unisal: Unisal) -> NDArray[np.float16]:
    height, width = frames[0].shape[:2]
    size_wh = (288, 384) if width < height else (384, 224) if width / height > 1.55 else (384, 288)
    state, found = None, []
    for start in range(0, len(frames), 8):
        small = [cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA) for rgb in frames[start : start + 8]]
        levels = unisal.encode(torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 255)
        for index in range(len(small)):
            maps, state = unisal.step([level[index : index + 1] for level in levels], state)
            found.append(maps[0].half().numpy())
    return np.stack(found)
