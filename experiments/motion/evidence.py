"""What a motion stream can see, made once: speeds against the camera over several times, and the appearance map.

python -m motion.evidence clips --data ../shared/data --cache CACHE       # frames with teacher maps
python -m motion.evidence recorded --data ../shared/data --cache CACHE    # every frame of video_dev, to judge by
python -m motion.evidence composed --data ../shared/data --cache CACHE --scenes 3000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

import gfsalnet
from gfsalnet.composed import Stock, random_degradation
from gfsalnet.flow import DISFlow
from gfsalnet.flow.camera import camera_motion
from gfsalnet.flow.scene_motion import SceneMotionStream
from gfsalnet.maps import Map, resize_map, to_density
from gfsalnet.types import Fixations, Frame
from gfsalnet.video import ShotDetector

WIDTH = 80
KEPT_SECONDS = 1.0


class Pair(NamedTuple):
    """One measured pair of frames; maps are (h, 80), speeds in pixels of 320 per 1/25 s, not smoothed."""

    until: float
    seconds: float
    residual: Map
    raw: Map
    flow: NDArray[np.float32]
    """(h, 80, 2), of the same unit."""
    camera_speed: float
    inlier_share: float


class Recorder(SceneMotionStream):
    """Keeps every pair that is measured, and forgets them at a cut."""

    def __init__(self) -> None:
        super().__init__(DISFlow("fast"))
        self.pairs: list[Pair] = []

    def seen(self, frame: Frame, starts_shot: bool) -> list[Pair]:
        """The pairs up to a frame, the newest last."""
        if starts_shot:
            self.pairs = []
        self.push(frame, starts_shot)
        self.pairs = [pair for pair in self.pairs if pair.until > frame.time_seconds - KEPT_SECONDS + 1e-6]
        return self.pairs

    def _measure(self, before, seen, last_seconds, index) -> None:  # noqa: ANN001
        count = len(self._measured)
        super()._measure(before, seen, last_seconds, index)
        if not self._measured or (
            len(self._measured) == count and self._measured[-1].until_seconds != seen.time_seconds
        ):
            return
        measured, (field, _) = self._measured[-1], self._fields
        camera = camera_motion(field)
        unit = np.float32(320 / field.size_hw[1] * 0.04 / measured.seconds)
        flow = field.flow_pixels * unit
        left = flow - camera.flow(field.size_hw).flow_pixels * unit
        small = (WIDTH, max(round(WIDTH * field.size_hw[0] / field.size_hw[1]), 1))
        residual, raw, flow = (
            cv2.resize(m, small, interpolation=cv2.INTER_AREA)
            for m in (np.linalg.norm(left, axis=2), np.linalg.norm(flow, axis=2), flow)
        )
        self.pairs.append(
            Pair(seen.time_seconds, measured.seconds, residual, raw, flow, measured.camera_speed, measured.inlier_share)
        )


TAUS = {"short": (0.1, 0.2), "usual": (0.3, 0.5)}
"""Seconds of the exponential mean, and of its reach."""


@dataclass(eq=False)
class Means:
    """What `gfsalnet.flow.scene_motion.SceneMotion` says of a frame, from recorded pairs."""

    short: Map
    residual: Map
    raw: Map
    sharp: Map
    camera_speed: float
    inlier_share: float

    @property
    def mean_residual(self) -> float:
        """Mean of the residual speed."""
        return float(self.residual.mean())

    @classmethod
    def kept(cls, residual: NDArray[np.float16], raw: NDArray[np.float16], scene: NDArray[np.float16]) -> Means:
        """From means that were stored, (3, h, w) and (2,): short and usual residual, usual raw speed."""
        short, usual = (residual[number].astype(np.float32) for number in (-3, -2))
        maps = (smoothed(short), smoothed(usual), smoothed(raw[-2].astype(np.float32)), short)
        return cls(*maps, float(scene[0]), float(scene[1]))


def smoothed(speed: Map) -> Map:
    return cv2.GaussianBlur(speed, (0, 0), 1.5, borderType=cv2.BORDER_REFLECT_101)


def over_time(pairs: list[Pair], now: float, size_hw: tuple[int, int]) -> dict[str, NDArray[np.float16]]:
    """The means of a frame to be stored: `residual`, `raw` by `TAUS` and one more, and `scene`."""
    if not pairs:
        zero = np.zeros((3, *size_hw), np.float16)
        return {"residual": zero, "raw": zero, "scene": np.array([0, 1], np.float16)}
    residual, raw, scene = [], [], np.array([0.0, 1.0])
    for tau, reach in (*TAUS.values(), (1.0, 1.0)):
        within = [p for p in pairs if p.until > now - reach + 1e-6] or pairs[-1:]
        weights = np.array([p.seconds * np.exp((p.until - within[-1].until) / tau) for p in within])
        weights /= weights.sum()
        residual.append(np.tensordot(weights, [p.residual for p in within], 1))
        raw.append(np.tensordot(weights, [p.raw for p in within], 1))
        if (tau, reach) == TAUS["usual"]:
            scene = weights @ np.array([(p.camera_speed, p.inlier_share) for p in within])
    return {
        "residual": np.array(residual, np.float16),
        "raw": np.array(raw, np.float16),
        "scene": scene.astype(np.float16),
    }


def means(pairs: list[Pair], now: float, size_hw: tuple[int, int]) -> Means:
    """Of a frame whose pairs are all there."""
    near = [p for p in pairs if p.until > now - TAUS["usual"][1] + 1e-6]
    found = over_time(near, now, size_hw)
    return Means.kept(found["residual"], found["raw"], found["scene"])


class Appearance:
    """The network's map of a frame, as the maps over time get it: (h, w) density."""

    def __init__(self) -> None:
        self._model = gfsalnet.load_model("gfsalnet-mobile", backend="auto", threads=1)

    def __call__(self, frame: Frame) -> Map:
        maps = self._model.backend(tuple(p[None] for p in self._model._pictures(frame.rgb, None)))
        density = to_density(maps.saliency[0, 0])
        height, width = density.shape
        return resize_map(density, (height // 2, width // 2))


def frames_of(path: Path) -> Iterator[Frame]:
    with gfsalnet.video.open_source(str(path)) as source:
        yield from source


def clips(data: Path, cache: Path) -> None:
    maps = np.load(data / "teacher_maps/teacher_maps.npz")
    rows = np.flatnonzero(maps["frame"] >= 0)
    sources, numbers = maps["source"][rows], maps["frame"][rows]
    appearance, kept = Appearance(), {}
    for source in np.unique(sources):
        wanted = {int(numbers[row]): row for row in np.flatnonzero(sources == source)}
        shots, recorder = ShotDetector(), Recorder()
        for frame in frames_of(data / str(source)):
            pairs = recorder.seen(frame, shots.is_cut(frame.rgb) or frame.index == 0)
            if frame.index in wanted:
                size_hw = round(WIDTH * frame.size_hw[0] / frame.size_hw[1]), WIDTH
                found = over_time(pairs, frame.time_seconds, size_hw)
                log_map = np.log(appearance(frame) + 1e-9).astype(np.float16)
                kept |= {f"{wanted[frame.index]}/{k}": v for k, v in {**found, "appearance": log_map}.items()}
            if frame.index >= max(wanted):
                break
        print(source, len(kept), flush=True)
    np.savez(cache / "clips.npz", **kept)


def recorded(data: Path, cache: Path) -> None:
    appearance = Appearance()
    for path in sorted((data / "video_dev").glob("*/*/video.mp4")):
        kept: dict[str, list] = {}
        shots, recorder = ShotDetector(), Recorder()
        for frame in frames_of(path):
            recorder.seen(frame, shots.is_cut(frame.rgb) or frame.index == 0)
            kept.setdefault("times", []).append(frame.time_seconds)
            kept.setdefault("appearance", []).append(np.log(appearance(frame) + 1e-12).astype(np.float16))
            if recorder.pairs and recorder.pairs[-1].until == frame.time_seconds:
                for name, value in recorder.pairs[-1]._asdict().items():
                    is_map = isinstance(value, np.ndarray)
                    kept.setdefault(name, []).append(value.astype(np.float16) if is_map else value)
        np.savez(
            cache / f"recorded-{path.parent.parent.name}-{path.parent.name}.npz",
            **{k: np.array(v) for k, v in kept.items()},
        )
        print(path, len(kept["times"]), flush=True)


def composed(data: Path, cache: Path, first: int, scenes: int) -> None:
    maps = np.load(data / "teacher_maps/teacher_maps.npz")
    chosen = {str(s) for s in maps["source"][(maps["frame"] < 0) & ~maps["validation"]]}
    stock = Stock(photographs(data, chosen))
    appearance, kept = Appearance(), {}
    for number in range(first, scenes):
        rng = np.random.default_rng((7, number))
        index = int(rng.integers(len(stock)))
        height, width = stock.size_hw(index)
        scale = (320 * 240 / (height * width)) ** 0.5
        scene = stock.scene(index, (round(height * scale / 2) * 2, round(width * scale / 2) * 2), 48, rng)
        last = int(rng.integers(6, 48))
        first = max(0, last - int(rng.integers(4, 31)))
        degraded = random_degradation(rng)([scene.render(t).rgb for t in range(first, last + 1)])
        recorder = Recorder()
        for t, rgb in enumerate(degraded):
            frame = Frame(rgb, time_seconds=t / 30, index=t)
            pairs = recorder.seen(frame, t == 0)
        shown = scene.render(last)
        sigma = 0.03 * frame.size_hw[1]
        size_hw = round(WIDTH * frame.size_hw[0] / frame.size_hw[1]), WIDTH
        found = over_time(pairs, frame.time_seconds, size_hw)
        found["appearance"] = np.log(appearance(frame) + 1e-9).astype(np.float16)
        for name, still in (("gaze", False), ("still_gaze", True)):
            found[name] = (
                1000 * cv2.resize(shown.density(sigma, still=still), size_hw[::-1], interpolation=cv2.INTER_AREA)
            ).astype(np.float16)
        kept |= {f"{number}/{k}": v for k, v in found.items()}
        if number % 50 == 0:
            print(number, flush=True)
        if number % 500 == 499 or number == scenes - 1:
            np.savez(cache / "part.npz", **kept)
            (cache / "part.npz").replace(cache / f"composed-{first}.npz")


def photographs(data: Path, chosen: set[str]) -> Iterator[tuple[NDArray[np.uint8], Fixations]]:
    for name in ("osie", "crowd", "scene"):
        table = np.load(data / name / "fixations.npz")
        for index, file in enumerate(table["image_names"]):
            if f"{name}/images/{file}" not in chosen:
                continue
            on = table["image_index"] == index
            rgb = np.ascontiguousarray(cv2.imread(str(data / name / "images" / str(file)))[..., ::-1])
            scale = min(1, (400 * 300 / (rgb.shape[0] * rgb.shape[1])) ** 0.5)
            rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            width, height = map(int, table["original_sizes_wh"][index])
            yield rgb, Fixations(x=table["x"][on], y=table["y"][on], size_wh=(width, height))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["clips", "recorded", "composed"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0, help="of the scenes, to go on from")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.cache.mkdir(parents=True, exist_ok=True)
    if args.kind == "composed":
        composed(args.data, args.cache, args.first, args.scenes)
    else:
        {"clips": clips, "recorded": recorded}[args.kind](args.data, args.cache)


if __name__ == "__main__":
    sys.exit(main())
