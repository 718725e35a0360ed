"""Does `gfsalnet roi` pay? Encodes at several rates, judged by recorded gaze: the table of docs/experiments/apply.md.

    python benchmarks/roi.py --data ../shared/data --cache CACHE [--codec x264] [--preset veryfast] [--frames 100]

The same encoder with its own adaptive quantisation and nothing else is compared with. Squared errors and SSIM of the
luma are weighted by where viewers looked (every tenth frame with five viewers or more, blurred with 3.5 % of the width,
as in recorded_gaze.py), and beside it not at all. A row is a map and a strength: the model's, a Gaussian in the middle,
and the looks of half of the viewers, which are judged by the other half. The rate is that of the whole file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from rate_distortion import Array, bd_rate, in_decibels, psnr, ssim_map
from recorded_gaze import FEWEST_VIEWERS, VIDEO_SIGMA, VIDEO_WIDTH, centred_gaussian

import gfsalnet
from gfsalnet.apply.roi import Encoding, RoiSettings, encode, frame_offsets
from gfsalnet.maps import to_density
from gfsalnet.types import Prediction
from gfsalnet.video.container import ContainerReader

CRFS: Mapping[str, tuple[int, ...]] = {"x264": (22, 27, 32, 37), "x265": (24, 29, 34, 39)}
EVERY = 10
ROWS = {
    "model, 3 QP": ("model", 3.0),
    "model, 6 QP": ("model", 6.0),
    "model, 9 QP": ("model", 9.0),
    "middle of the picture, 6 QP": ("middle", 6.0),
    "other viewers, 6 QP": ("viewers", 6.0),
}
MEASURES = ("psnr_gaze", "ssim_gaze", "psnr", "ssim")


@dataclass(frozen=True, eq=False)
class Clip:
    """A video and where viewers looked in it, in pixels of the video."""

    name: str
    path: Path
    frame: NDArray[np.intp]
    subject: NDArray[np.intp]
    x: Array
    y: Array

    def density(self, index: int, size_hw: tuple[int, int], half: int | None = None) -> Array | None:
        """(H, W): the blurred looks of all, or of the first or second half of the viewers; None where few looked."""
        on = self.frame == index
        if half is not None:
            on &= self.subject % 2 == half
        if len(np.unique(self.subject[on])) < FEWEST_VIEWERS:
            return None
        height, width = size_hw
        inside = on & (self.x >= 0) & (self.x < width) & (self.y >= 0) & (self.y < height)
        counts = np.zeros(size_hw)
        np.add.at(counts, (self.y[inside].astype(int), self.x[inside].astype(int)), 1)
        return cv2.GaussianBlur(counts, (0, 0), VIDEO_SIGMA / VIDEO_WIDTH * width)


def clips(data: Path) -> Iterator[Clip]:
    """The clips with gaze: those of video_dev, and DHF1K 0002."""
    for file in sorted(data.glob("video_dev/*/*/fixations.npz")):
        with np.load(file) as table:
            frame, subject, x, y = (table[name] for name in ("frame", "subject", "x", "y"))
            height, width, fps = float(table["height"]), float(table["width"]), float(table["fps"])
        is_ved100 = file.parent.parent.name == "ved100"  # see recorded_gaze.py
        late = frame >= (0.5 * fps if is_ved100 else 0)
        with av.open(str(file.parent / "video.mp4")) as video:
            stored = video.streams.video[0].width, video.streams.video[0].height
        x, y = x[late] * stored[0] / width, (y[late] - (0.047 * height if is_ved100 else 0)) * stored[1] / height
        name = f"{file.parent.parent.name}/{file.parent.name}"
        yield Clip(name, file.parent / "video.mp4", frame[late], subject[late].astype(int), x, y)
    with np.load(data / "dhf1k_0002/gaze.npz") as table:
        columns = (table[f"gaze_{name}"] for name in ("frame", "subject", "x", "y"))
        frame, subject, x, y = columns
    yield Clip("dhf1k/0002", data / "dhf1k_0002/video.avi", frame, subject.astype(int), x, y)


def lumas(path: Path, count: int) -> Iterator[NDArray[np.uint8]]:
    """The luma (H, W) of the first frames."""
    with gfsalnet.video.open_source(str(path)) as reader:
        assert isinstance(reader, ContainerReader)
        for frame, _ in reader.decoded():
            yield frame.to_ndarray(format="gray")
            count -= 1
            if not count:
                return


class Judge:
    """Encodes a clip and measures the result.

    Args:
        clip: to encode.
        count: of frames, from the beginning.
        cache: of what was measured; None: nothing is kept.
    """

    def __init__(
        self, clip: Clip, model: gfsalnet.SaliencyModel, encoding: dict[str, Any], count: int, cache: Path
    ) -> None:
        self.clip, self._model, self._encoding, self._count, self._cache = clip, model, encoding, count, cache
        with gfsalnet.video.open_source(str(clip.path)) as reader:
            self._frames = [frame for _, frame in zip(range(count), reader, strict=False)]
        self.seconds = (None, None) if len(self._frames) < count else (None, self._frames[-1].time_seconds + 1e-3)
        self._predictions: dict[str, list[Prediction]] = {}

    def measured(self, kind: str | None, strength: float, crf: int) -> dict[str, float]:
        """`kbps` and the `MEASURES`, those with gaze also by the second half of the viewers (`…_half`)."""
        about = json.dumps((self.clip.name, kind, strength, crf, self._encoding, self._count, EVERY, VERSION))
        kept = self._cache / f"{hashlib.sha256(about.encode()).hexdigest()[:16]}.json"
        if not kept.is_file():
            kept.write_text(json.dumps(self._measure(kind, strength, crf)))
        return dict(json.loads(kept.read_text()))

    def _measure(self, kind: str | None, strength: float, crf: int) -> dict[str, float]:
        settings, offsets = RoiSettings(strength=strength), None
        if kind is not None:
            offsets = np.stack([found for found, _ in frame_offsets(self.predictions(kind), settings)])
        with TemporaryDirectory() as folder:
            path = Path(folder) / "encoded.mp4"
            encode(
                str(self.clip.path), offsets, settings.block_pixels, path,
                Encoding(crf=crf, **self._encoding), part_seconds=self.seconds,
            )  # fmt: skip
            seconds = len(self._frames) / float(gfsalnet.video.open_source(str(self.clip.path)).info.rate)
            return {"kbps": _video_bytes(path) * 8 / 1000 / seconds, **self._quality(path)}

    def _quality(self, path: Path) -> dict[str, float]:
        found: dict[str, list[float]] = defaultdict(list)
        for index, luma in enumerate(lumas(path, self._count)):
            if index not in self._scored:
                continue
            reference, weights = self._scored[index]
            alike = ssim_map(luma, reference)
            for name, weight in weights.items():
                found[f"psnr{name}"].append(psnr(luma, reference, weight))
                found[f"ssim{name}"].append(float(np.average(alike, weights=weight)))
        return {name: float(np.mean(values)) for name, values in found.items()}

    @cached_property
    def _scored(self) -> dict[int, tuple[NDArray[np.uint8], dict[str, Array | None]]]:
        """Frame → its luma, and the weights of its pixels: none, the looks of all, and of the second half."""
        scored = {}
        for index, luma in enumerate(lumas(self.clip.path, self._count)):
            looks = {"_gaze": self.clip.density(index, luma.shape), "_half": self.clip.density(index, luma.shape, 1)}
            if index % EVERY == 0 and all(weight is not None for weight in looks.values()):
                scored[index] = (luma, {"": None, **looks})
        return scored

    def predictions(self, kind: str) -> list[Prediction]:
        """Of every frame: by the model, the middle of the picture, or the first half of the viewers."""
        if kind not in self._predictions:
            self._predictions[kind] = list(self._predicted(kind))
        return self._predictions[kind]

    def _predicted(self, kind: str) -> Iterator[Prediction]:
        if kind == "model":
            yield from self._model.stream(self._frames)
            return
        middle = centred_gaussian((45, 80))
        for frame in self._frames:
            seen = None if kind == "middle" else self.clip.density(frame.index, frame.size_hw, half=0)
            seen = middle if seen is None else cv2.resize(seen, (80, 45), interpolation=cv2.INTER_AREA)
            density = 0.95 * to_density(seen) + 0.05 * to_density(middle)
            yield Prediction(frame=frame, map_density=density.astype(np.float32))


VERSION = 2
"""Of what is measured; raised where a cache of an earlier one would mislead."""


def _video_bytes(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(packet.size for packet in container.demux(container.streams.video[0]))


def rows_of(judge: Judge, crfs: Sequence[int], rows: Mapping[str, tuple[str, float]]) -> dict[str, dict[str, float]]:
    """Row → BD-rate in percent by each measure."""

    def curve(kind: str | None, strength: float) -> dict[str, Array]:
        points = [judge.measured(kind, strength, crf) for crf in crfs]
        return {name: np.array([point[name] for point in points]) for name in points[0]}

    plain, found = curve(None, 0.0), {}
    for row, (kind, strength) in rows.items():
        with_roi = curve(kind, strength)
        found[row] = {measure: _delta(plain, with_roi, measure, kind) for measure in MEASURES}
    return found


def _delta(plain: Mapping[str, Array], other: Mapping[str, Array], measure: str, kind: str) -> float:
    name = measure.replace("gaze", "half") if kind == "viewers" else measure
    scale: Callable[[float], float] = in_decibels if measure.startswith("ssim") else float
    qualities = ([scale(value) for value in curve[name]] for curve in (plain, other))
    return bd_rate(plain["kbps"], np.array(next(qualities)), other["kbps"], np.array(next(qualities)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--codec", choices=tuple(CRFS), default="x264")
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--frames", type=int, default=100, help="of each clip, from its beginning")
    parser.add_argument("--clips", nargs="*", help="names such as ved100/Cactus; all without")
    parser.add_argument("--rows", nargs="*", choices=tuple(ROWS), default=tuple(ROWS))
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    model = gfsalnet.load_model()
    found = {}
    for clip in clips(given.data):
        if given.clips and clip.name not in given.clips:
            continue
        encoding = {"codec": given.codec, "preset": given.preset}
        judge = Judge(clip, model, encoding, given.frames, given.cache)
        found[clip.name] = rows_of(judge, CRFS[given.codec], {name: ROWS[name] for name in given.rows})
        print(clip.name, json.dumps(found[clip.name]), flush=True)
    print_tables(found)


def print_tables(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Means of the sets, and every clip."""
    sets = sorted({name.split("/")[0] for name in found})
    rows = list(next(iter(found.values())))
    for measure in MEASURES:
        print(f"\nBD-rate by {measure}, percent\n\n| map | {' | '.join(sets)} |\n|---|{'---|' * len(sets)}")
        for row in rows:
            means = [np.mean([found[c][row][measure] for c in found if c.startswith(f"{one}/")]) for one in sets]
            print(f"| {row} | {' | '.join(f'{mean:+.1f}' for mean in means)} |")
    print("\n| clip | map | " + " | ".join(MEASURES) + " |\n|---|---|" + "---|" * len(MEASURES))
    for clip, by_row in found.items():
        for row, measures in by_row.items():
            print(f"| {clip} | {row} | " + " | ".join(f"{measures[m]:+.1f}" for m in MEASURES) + " |")


if __name__ == "__main__":
    main()
