"""When and where does the gate trust motion? (Fig. 8 of the paper, over many composed clips.)

    python benchmarks/gate.py MODEL OUTPUT ROOT... [--split val] [--clips 60]

Clips are composed from photographs that training did not see; in each an object starts or stops moving. Leaves
gate.csv (a row for each object and frame), gate.md (means) and gate.png (some courses over time).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import gfsalnet
from gfsalnet.composed import Degradation, Scene, SceneFrame, Stock
from gfsalnet.gaze import open_dataset
from gfsalnet.maps import Map, resize_map
from gfsalnet.types import Frame
from gfsalnet.video import fitted_size_hw

FRAMES, AREA_PIXELS = 48, 480 * 360
MOVES = 0.002
"""Screen widths per frame: about a pixel on a small screen."""
SPEEDS = {"at rest": (-1.0, 0.0), "slow": (0.0, MOVES), "moving": (MOVES, 0.01), "fast": (0.01, 1.0)}
Row = dict[str, Any]


def stock_of(roots: list[Path], split: str) -> Stock:
    """All photographs of a split."""
    datasets = [open_dataset("folder", root, split) for root in roots]
    samples = (sample for data in datasets for video in data.videos for sample in data.samples(video))
    return Stock((sample.frame.rgb, sample.fixations) for sample in samples)


def scenes(stock: Stock, seed: int) -> Iterator[Scene]:
    """Scenes with an object that moves in some frames and rests in others."""
    for number in range(10_000):
        rng = np.random.default_rng((seed, number))
        index = int(rng.integers(len(stock)))
        scene = stock.scene(index, fitted_size_hw(stock.size_hw(index), AREA_PIXELS), FRAMES, rng)
        moving = scene.speeds > MOVES
        if (moving.any(1) & (~moving).any(1)).any():
            yield scene


def measured(model: gfsalnet.SaliencyModel, scene: Scene, clip: int) -> Iterator[Row]:
    """A row for each object in view and each frame with a frame before it."""
    shown = [scene.render(time) for time in range(FRAMES)]
    degraded = Degradation(noise=1.0, codec="libx264", quantiser=24, seed=clip)([frame.rgb for frame in shown])
    frames = (Frame(rgb, time_seconds=time / 30, index=time) for time, rgb in enumerate(degraded))
    view = scene.camera.centre_xy
    camera = "moving" if np.abs(np.diff(view, axis=0)).max() + np.ptp(scene.camera.size) > 1e-4 else "still"
    for time, prediction in enumerate(model.stream(frames)):
        if time and prediction.map_gate is not None:
            yield from rows_of(shown[time], prediction.map_gate, {"clip": clip, "frame": time, "camera": camera})


def rows_of(frame: SceneFrame, gate: Map, about: Row) -> Iterator[Row]:
    share = 1 - resize_map(gate, frame.rgb.shape[:2])
    objects = frame.masks.any(0)
    for number, (mask, speed) in enumerate(zip(frame.masks, frame.speeds, strict=True)):
        if mask.mean() > 0.003:
            elsewhere = float(share[~objects].mean())
            yield {**about, "object": number, "speed": speed, "on_object": share[mask].mean(), "elsewhere": elsewhere}


def table(rows: list[Row]) -> str:
    lines = ["| camera | object | frames | motion share on it | elsewhere |", "|---|---|--:|--:|--:|"]
    for camera in ("still", "moving"):
        for name, (low, high) in SPEEDS.items():
            group = [row for row in rows if row["camera"] == camera and low < row["speed"] <= high]
            if group:
                on, off = (np.mean([row[key] for row in group]) for key in ("on_object", "elsewhere"))
                lines.append(f"| {camera} | {name} | {len(group)} | {on:.3f} | {off:.3f} |")
    return "\n".join(lines) + "\n"


def draw(rows: list[Row], path: Path, courses: int = 4) -> None:
    from matplotlib.figure import Figure

    by_object: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        by_object.setdefault((row["clip"], row["object"]), []).append(row)
    chosen = [group for group in by_object.values() if len(group) > 40]
    chosen = [g for g in chosen if min(r["speed"] for r in g) == 0 and max(r["speed"] for r in g) > 2 * MOVES][:courses]
    figure = Figure(figsize=(3.4 * max(len(chosen), 1), 3), layout="constrained")
    for axes, group in zip(figure.subplots(1, max(len(chosen), 1), squeeze=False)[0], chosen, strict=False):
        time = [row["frame"] for row in group]
        axes.plot(time, [row["on_object"] for row in group], color="tab:red", label="object")
        axes.plot(time, [row["elsewhere"] for row in group], color="tab:blue", label="elsewhere")
        moves = [row["speed"] > 0 for row in group]
        axes.interpolate(time, 0, 1, where=moves, color="0.9", label="it moves")
        axes.set(ylim=(0, 1), xlabel="frame", title=f"clip {group[0]['clip']}, {group[0]['camera']} camera")
    figure.axes[0].set_ylabel("mean motion share")
    figure.axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("output", type=Path)
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--split", default="val")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    model = gfsalnet.load_model(arguments.model)
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    found = scenes(stock_of(arguments.roots, arguments.split), arguments.seed)
    for clip, scene in zip(range(arguments.clips), found, strict=False):
        rows += measured(model, scene, clip)
    with (arguments.output / "gate.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (arguments.output / "gate.md").write_text(table(rows), encoding="utf-8")
    draw(rows, arguments.output / "gate.png")
    print(table(rows))


if __name__ == "__main__":
    main()
