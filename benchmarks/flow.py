"""End-point error and time of optical flow estimators on composed scenes, of which the true motion is known.

    python benchmarks/flow.py [ROOT...] [--dataset osie] [--estimators dis farneback pwcnet:FILE] [--scenes 60]

A camera moves over a photograph and objects cut from others move over it; its homographies and their matrices say where
every pixel goes. Photographs come from datasets with gaze; without a ROOT they are drawn. Frames are 320x240, as
rendered ("clean") and after noise and H.264 ("coded"). Estimators take turns pair by pair; time is that of the
processor, so that what else the machine does hardly counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.composed import Degradation, Scene, Stock
from gfsalnet.flow import FlowEstimator, make_estimator
from gfsalnet.gaze import open_dataset
from gfsalnet.types import RGB, Fixations

SIZE_HW, FRAMES = (240, 320), 6
DRAWN = 12
"""Photographs, where none are given."""
ESTIMATORS = ("dis", "dis-fast", "dis-ultrafast", "dis-evident", "farneback")
FIGURES = ("clean: all", "clean: objects", "clean: still", "coded: all", "coded: objects", "coded: still")
Truth = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]


@dataclass
class Score:
    """Sums over pixels of each figure, and the time of each pair."""

    error: dict[str, float] = field(default_factory=lambda: dict.fromkeys(FIGURES, 0.0))
    pixels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FIGURES, 0))
    milliseconds: list[float] = field(default_factory=list)

    def add(self, kind: str, error_pixels: NDArray[np.float64], truth: Truth) -> None:
        vectors, known, moving = truth
        for part, where in {"all": known, "objects": known & moving, "still": known & ~vectors.any(2)}.items():
            self.error[f"{kind}: {part}"] += float(error_pixels[where].sum())
            self.pixels[f"{kind}: {part}"] += int(where.sum())

    def row(self, name: str) -> str:
        means = [f"{self.error[figure] / max(self.pixels[figure], 1):.2f}" for figure in FIGURES]
        took = f"{statistics.median(self.milliseconds):.1f}" if self.milliseconds else "–"
        return f"| {' | '.join([name, *means, took])} |"


def drawn_photographs(count: int) -> Iterator[tuple[RGB, Fixations]]:
    """Noise of several sizes, and a bright disc of another texture that everyone looks at."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        noise = [cv2.GaussianBlur(rng.standard_normal((480, 640, 3)), (0, 0), 2.0**size) for size in range(1, 6)]
        rgb = np.clip(100 + sum(25 * layer / layer.std() for layer in noise), 0, 255).astype(np.uint8)
        x, y = (int(rng.integers(120, side - 120)) for side in (640, 480))
        disc = np.clip(rgb.astype(np.int16)[::-1] // 2 + (120, 20, 0), 0, 255).astype(np.uint8)
        mask = cv2.circle(np.zeros((480, 640), np.uint8), (x, y), 70, 1, -1)
        points = np.array([x, y], np.float32) + rng.normal(0, 15, (20, 2)).astype(np.float32)
        yield np.where(mask[..., None] > 0, disc, rgb), Fixations(x=points[:, 0], y=points[:, 1], size_wh=(640, 480))


def stock_of(name: str, roots: list[Path], most: int) -> Stock:
    datasets = [open_dataset(name, root) for root in roots]
    names = [(data, video) for data in datasets for video in data.videos]
    step = max(len(names) // most, 1)
    samples = (sample for data, video in names[::step] for sample in data.samples(video))
    return Stock((sample.frame.rgb, sample.fixations) for sample in samples)


def true_motion(scene: Scene, time: int) -> Truth:
    """From this frame to the next: vectors (H, W, 2), where they are known, and where an object moves.

    The border of the scenery is mirrored, and what a pixel shows beyond it has no motion that one could name.
    """
    height, width = scene.scenery.rgb.shape[:2]
    views = scene.camera.screen_from_scenery((height, width), scene.size_hw)
    vectors, place = motion_by(views[time], views[time + 1])
    known = ((place >= 0) & (place < [width, height])).all(2)
    moving = np.zeros(SIZE_HW, np.bool_)
    for obj, mask in zip(scene.objects, scene.render(time).masks, strict=True):
        courses = obj.scenery_from_cutout()
        own, _ = motion_by(views[time] @ courses[time], views[time + 1] @ courses[time + 1])
        vectors[mask] = own[mask]
        known |= mask
        moving |= mask & bool(np.abs(courses[time] - courses[time + 1]).max() > 1e-9)
    target = vectors + pixel_xy()
    in_view = ((target >= 0) & (target <= [SIZE_HW[1] - 1, SIZE_HW[0] - 1])).all(2)
    vectors[np.abs(vectors).max(2) < 1e-6] = 0
    return vectors, known & in_view, moving


def motion_by(now: NDArray[np.float64], then: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For every pixel of the screen where its content goes, and where it lies in the thing that the matrices place."""
    place = cv2.perspectiveTransform(pixel_xy(), np.linalg.inv(now))
    return np.asarray(cv2.perspectiveTransform(place, then) - pixel_xy()), np.asarray(place)


def pixel_xy() -> NDArray[np.float64]:
    column, row = np.meshgrid(np.arange(SIZE_HW[1], dtype=np.float64), np.arange(SIZE_HW[0], dtype=np.float64))
    return np.stack([column, row], 2)


def measure(stock: Stock, estimators: dict[str, FlowEstimator], scenes: int, seed: int) -> dict[str, Score]:
    scores = {name: Score() for name in ("none", *estimators)}
    for number in range(scenes):
        rng = np.random.default_rng((seed, number))
        scene = stock.scene(int(rng.integers(len(stock))), SIZE_HW, FRAMES, rng)
        clean = [scene.render(time).rgb for time in range(FRAMES)]
        coded = Degradation(noise=1.0, codec="libx264", quantiser=28, seed=number)(clean)
        for at in range(FRAMES - 1):
            truth = true_motion(scene, at)
            for kind, frames in (("clean", clean), ("coded", coded)):
                scores["none"].add(kind, np.linalg.norm(truth[0], axis=2), truth)
                for name, estimator in estimators.items():
                    began = time.process_time()
                    flow_pixels = estimator(frames[at], frames[at + 1]).flow_pixels
                    scores[name].milliseconds.append(1000 * (time.process_time() - began))
                    scores[name].add(kind, np.linalg.norm(flow_pixels - truth[0], axis=2), truth)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", type=Path, nargs="*")
    parser.add_argument("--dataset", default="folder", help="what the photographs are: osie, salicon or folder")
    parser.add_argument("--estimators", nargs="+", default=list(ESTIMATORS))
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--photographs", type=int, default=60, help="how many to take of all")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    stock = (
        stock_of(arguments.dataset, arguments.roots, arguments.photographs)
        if arguments.roots
        else Stock(drawn_photographs(DRAWN))
    )
    estimators = {name: make_estimator(name) for name in arguments.estimators}
    scores = measure(stock, estimators, arguments.scenes, arguments.seed)
    print(f"| estimator | {' | '.join(FIGURES)} | ms a pair |\n|---|{'--:|' * (len(FIGURES) + 1)}")
    for name, score in scores.items():
        print(score.row(name))


if __name__ == "__main__":
    main()
