"""Pairs of frames with their motion, made once: open clips with what DIS sees, composed scenes with what is true.

python -m correlation.pairs --data ../shared/data --cache CACHE
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from correlation.network import Stem
from motion.evidence import photographs
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import gfsalnet
from flow import FRAMES, SIZE_HW, true_motion
from gfsalnet.composed import Stock, random_degradation
from gfsalnet.flow import DISFlow
from gfsalnet.video import ShotDetector, fitted_size_hw
from gfsalnet.video.geometry import resize_rgb

AREA_PIXELS = 256 * 320
Pair = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]
"""Two frames (H, W, 3), the motion between them in pixels of a picture 320 wide, (h, w, 2), and where it is known."""


def of_clips(data: Path, each: int) -> Iterator[Pair]:
    """About 1/25 s apart, of every clip so many, none over a cut."""
    dis = DISFlow("medium")
    for path in sorted((data / "clips_open").glob("*.mp4")):
        with gfsalnet.video.open_source(str(path)) as source:
            every = max((source.info.estimated_frames or 300) // each, 2)
            step = max(round(float(source.info.rate or 25) / 25), 1)
            shots, kept = ShotDetector(), []
            for frame in source:
                kept = [*([] if shots.is_cut(frame.rgb) else kept)[-step:], frame.rgb]
                if frame.index % every == every - 1 and len(kept) > step:
                    before, now = (kept[0], kept[-1]) if frame.index // every % 2 else (kept[-1], kept[0])
                    field = dis(before, now)
                    flow = field.flow_pixels * np.float32(320 / field.size_hw[1])
                    yield before, now, flow, np.ones(flow.shape[:2], np.bool_)


def of_scenes(data: Path, scenes: int) -> Iterator[Pair]:
    """Photographs of Crowd and Scene: those of OSIE are for the judge."""
    with np.load(data / "teacher_maps/teacher_maps.npz") as maps:
        chosen = {str(s) for s in maps["source"][(maps["frame"] < 0) & ~maps["validation"]] if "osie" not in str(s)}
    stock = Stock(photographs(data, chosen))
    for number in range(scenes):
        rng = np.random.default_rng((11, number))
        scene = stock.scene(int(rng.integers(len(stock))), SIZE_HW, FRAMES, rng)
        shown = random_degradation(rng)([scene.render(time).rgb for time in range(FRAMES)])
        for at in (1, 3):
            vectors, known, _ = true_motion(scene, at)
            yield shown[at], shown[at + 1], vectors.astype(np.float32), known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--scenes", type=int, default=120)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    args.cache.mkdir(parents=True, exist_ok=True)
    stem = Stem()
    for name, pairs in (("clips", of_clips(args.data, args.each)), ("scenes", of_scenes(args.data, args.scenes))):
        kept = []
        for before, now, flow, known in pairs:
            size_hw = fitted_size_hw(now.shape[:2], AREA_PIXELS)
            frames = torch.from_numpy(np.stack([resize_rgb(rgb, size_hw) for rgb in (before, now)]))
            fine, coarse = stem(frames)
            quarter = size_hw[1] // 4, size_hw[0] // 4
            small = cv2.resize(flow, quarter, interpolation=cv2.INTER_AREA)
            sure = cv2.resize(known.astype(np.float32), quarter, interpolation=cv2.INTER_AREA) > 0.99
            kept.append((fine.half(), coarse.half(), torch.from_numpy(small).half(), torch.from_numpy(sure)))
            if len(kept) % 100 == 0:
                print(name, len(kept), flush=True)
        torch.save(kept, args.cache / f"{name}.pt")


if __name__ == "__main__":
    main()
