"""How much recorded gaze a crop keeps, and how it moves: `gfsalnet reframe` beside a centre crop and pyautoflip.

    python benchmarks/reframe.py --data ../shared/data --output maps [--others saliency=DIR detection=DIR] [--seconds]

DIR holds what benchmarks/pyautoflip_windows.py wrote: 9x16.json, 1x1.json, …. Gaze is read as docs/experiments/apply.md
says. Nothing is shown whole: the crops alone are compared. A window of another program that is wider than the aspect is
counted as it is shown (it is reduced to fit, between bars), and narrowed to the aspect around its middle.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import gfsalnet
from gfsalnet.apply.reframe import ReframeSettings, reframe
from gfsalnet.apply.reframe.aspect import Aspect, Crop, largest_crop
from gfsalnet.apply.reframe.plan import PlanSettings, plan_shot
from gfsalnet.apply.reframe.shots import Shot, read_shots
from gfsalnet.predict import predictions
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import open_source

ASPECTS = ("9:16", "4:5", "1:1")
VED_SHIFT_SHARE, VED_FROM_SECONDS = 0.047, 0.5
"""VED100: the gaze lies this share of the height too low, and begins at the bottom."""


@dataclass
class Clip:
    group: str
    path: Path
    size_wh: tuple[int, int]
    gaze: tuple[np.ndarray, np.ndarray, np.ndarray]
    """Frame, x, y of every point inside the frame."""
    shots: dict[int, list[Shot]]
    """By axis."""
    rate: float

    @property
    def frames(self) -> int:
        return sum(len(shot.indices) for shot in self.shots[0])

    @property
    def cuts(self) -> np.ndarray:
        return np.cumsum([len(shot.indices) for shot in self.shots[0]])[:-1]


def clips(data: Path, output: Path, model: Any) -> Iterator[Clip]:
    for group in ("ved100", "billiards"):
        for folder in sorted((data / "video_dev" / group).iterdir()):
            z = np.load(folder / "fixations.npz")
            ved = group == "ved100"
            y = z["y"] - (VED_SHIFT_SHARE * float(z["height"]) if ved else 0)
            late = z["frame"] >= (VED_FROM_SECONDS * float(z["fps"]) if ved else 0)
            gaze = z["frame"][late], z["x"][late], y[late]
            size = int(z["width"]), int(z["height"])
            yield clip(group, folder / "video.mp4", size, gaze, output / folder.name, model)
    z = np.load(data / "dhf1k_0002" / "gaze.npz")
    gaze = z["gaze_frame"], z["gaze_x"], z["gaze_y"]
    yield clip("dhf1k_0002", data / "dhf1k_0002" / "video.avi", (640, 360), gaze, output / "dhf1k_0002", model)


def clip(group: str, path: Path, size_wh: tuple[int, int], gaze: Any, output: Path, model: Any) -> Clip:
    with open_source(path) as reader:
        rate = reader.info.rate
        looks = [without_pixels(prediction) for prediction in predictions(reader, model, output)]
    shots = {axis: read_shots(looks, axis, rate) for axis in (0, 1)}
    frame, x, y = gaze
    count = sum(len(shot.indices) for shot in shots[0])
    inside = (x >= 0) & (x < size_wh[0]) & (y >= 0) & (y < size_wh[1]) & (frame < count)
    return Clip(group, path, size_wh, (frame[inside], x[inside], y[inside]), shots, float(rate))


def without_pixels(prediction: Prediction) -> Prediction:
    """So that all of a clip fit into memory."""
    frame = Frame(np.zeros((1, 1, 3), np.uint8), prediction.time_seconds, prediction.frame_index)
    return replace(prediction, frame=frame)


def centre(one: Clip, crop: Crop) -> np.ndarray:
    return np.full(one.frames, crop.room / 2)


def ours(one: Clip, crop: Crop) -> np.ndarray:
    return np.concatenate([plan_shot(shot, crop, (), PlanSettings()).starts for shot in one.shots[crop.axis]])


def kept(one: Clip, axis: int, starts: np.ndarray, lengths: np.ndarray | float) -> float:
    """Share of the gaze points inside."""
    frame, *xy = one.gaze
    at = xy[axis] + 0.5  # of the middle of a pixel
    start, length = starts[frame], np.broadcast_to(lengths, starts.shape)[frame]
    return float(np.mean((at >= start) & (at < start + length)))


def motion(one: Clip, crop: Crop, starts: np.ndarray) -> tuple[float, float]:
    """Mean speed in lengths a second and mean jerk in lengths a second³, but for the cuts."""
    steps = np.diff(starts) / crop.length
    steps[one.cuts - 1] = 0
    speed = steps * one.rate
    return float(np.abs(speed).mean()), float(np.abs(np.diff(speed, 2)).mean() * one.rate**2)


def mean_iou(crop: Crop, starts: np.ndarray, windows: np.ndarray) -> float:
    """Mean over people and frames, along the axis, inside the frame; edges counted on both sides, as RetargetVid."""
    first = np.rint(starts)
    last = first + crop.length
    found = []
    for one in windows.astype(float):
        a, b = one[:, crop.axis], one[:, crop.axis + 2]
        both = np.maximum(0, np.minimum(last, b) - np.maximum(first, a) + 1)
        found.append((both / ((last - first + 1) + (b - a + 1) - both)).mean())
    return float(np.mean(found))


def other_windows(one: Clip, crop: Crop, entry: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Where the windows of another program begin, and their lengths, in pixels."""
    windows = np.array(entry["windows_xywh"])
    windows = windows[np.minimum(np.arange(one.frames), len(windows) - 1)] * crop.side
    return windows[:, crop.axis], windows[:, crop.axis + 2]


def table(found: list[Clip], others: Mapping[str, Path]) -> None:
    groups = ("ved100", "billiards", "dhf1k_0002")
    print("| aspect | crop |", *(f" {group} |" for group in groups), " lengths/s | lengths/s³ |", sep="")
    print("|---|---|" + "---|" * (len(groups) + 2))
    for aspect in ASPECTS:
        rows: dict[str, list[tuple[str, float, float, float]]] = {}
        for one in found:
            crop = largest_crop(one.path, one.size_wh, Aspect.parse(aspect), even=False)
            for name, start in (("centre", centre), ("gfsalnet reframe", ours)):
                at = start(one, crop)
                rows.setdefault(name, []).append(
                    (one.group, kept(one, crop.axis, at, crop.length), *motion(one, crop, at))
                )
            for name, folder in others.items():
                file = folder / f"{aspect.replace(':', 'x')}.json"
                if not file.exists():
                    continue
                at, lengths = other_windows(one, crop, json.loads(file.read_text())[str(one.path)])
                narrow = np.clip(at + (lengths - crop.length) / 2, 0, crop.room)
                moves = motion(one, crop, narrow)
                wide = f"pyautoflip {name}, as shown"
                rows.setdefault(wide, []).append((one.group, kept(one, crop.axis, at, lengths), *moves))
                cut = f"pyautoflip {name}, narrowed"
                rows.setdefault(cut, []).append((one.group, kept(one, crop.axis, narrow, crop.length), *moves))
        for name, values in rows.items():
            shares = [np.mean([v[1] for v in values if v[0] == group]) for group in groups]
            speed, jerk = np.mean([v[2:] for v in values], axis=0)
            print(f"| {aspect} | {name} |", *(f" {s:.3f} |" for s in shares), f" {speed:.3f} | {jerk:.1f} |", sep="")


def people(found: list[Clip], data: Path, others: Mapping[str, Path]) -> None:
    drawn = np.load(data / "dhf1k_0002" / "crops.npz")
    one = found[-1]
    print("\n| aspect | crop | mean IoU with six people | recorded gaze kept |\n|---|---|---|---|")
    for aspect, key in (("1:3", "1x3"), ("3:1", "3x1")):
        crop, viewers = largest_crop(one.path, one.size_wh, Aspect.parse(aspect), even=False), drawn[f"viewers_{key}"]
        starts = {"centre": centre(one, crop), "gfsalnet reframe": ours(one, crop)}
        starts["SmartVidCrop"] = drawn[f"smartvidcrop_{key}"][:, crop.axis].astype(float)
        for name, folder in others.items():
            if (file := folder / f"{key}.json").exists():
                at, lengths = other_windows(one, crop, json.loads(file.read_text())[str(one.path)])
                starts[f"pyautoflip {name}, narrowed"] = np.clip(at + (lengths - crop.length) / 2, 0, crop.room)
        gaze = np.mean([kept(one, crop.axis, v[:, crop.axis].astype(float), crop.length) for v in viewers])
        for name, at in starts.items():
            iou = mean_iou(crop, at, viewers)
            print(f"| {aspect} | {name} | {iou:.3f} | {kept(one, crop.axis, at, crop.length):.3f} |")
        print(f"| {aspect} | people | | {gaze:.3f} |")


def seconds(found: list[Clip], model: Any, others: Mapping[str, Path]) -> None:
    """CPU seconds from the file to the rendered video, all threads."""
    print("\n| 9:16, all clips | frames | CPU seconds | frames per CPU second |\n|---|---|---|---|")
    frames, began = sum(one.frames for one in found), time.process_time()
    with TemporaryDirectory() as folder:
        for number, one in enumerate(found):
            with open_source(one.path) as reader:
                reframe(reader, model, Path(folder) / str(number), ReframeSettings(aspect=Aspect(9, 16)))
    rows = {"gfsalnet reframe": time.process_time() - began}
    for name, other in others.items():
        entries = json.loads((other / "9x16.json").read_text())
        rows[f"pyautoflip {name}"] = sum(entries[str(one.path)]["cpu_seconds"] for one in found)
    for name, used in rows.items():
        print(f"| {name} | {frames} | {used:.0f} | {frames / used:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder of `gfsalnet predict` for each clip")
    parser.add_argument("--others", nargs="*", default=[], metavar="NAME=DIR")
    parser.add_argument("--seconds", action="store_true")
    given = parser.parse_args()
    others = {name: Path(folder) for name, folder in (text.split("=") for text in given.others)}
    model = gfsalnet.load_model(backend="auto")
    found = list(clips(given.data.resolve(), given.output, model))
    table(found, others)
    people(found, given.data, others)
    if given.seconds:
        seconds(found, model, others)


if __name__ == "__main__":
    main()
