"""Maps of the recorded clips scored against gaze: what a motion stream and the numbers of its gate are chosen by.

Of `benchmarks/accuracy.py` a quick likeness: maps 64 wide, every other frame of a fast clip. A few numbers may be
fitted to these clips, no weight.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from motion.evidence import Pair, means
from motion.stream import LEAST, evidence
from torch import Tensor
from torch.nn.functional import interpolate

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from recorded_gaze import Shown, video_frames

from gfsalnet.models.over_time import MotionGate, OverTime
from gfsalnet.models.registry import MODELS
from gfsalnet.network.folder import read_config

WIDTH = 64
EVERY = {60: 2, 50: 2, 30: 1}
"""Of the frames that the memory averages, by the rate: enough for its mean."""
SCORES = ["NSS", "CC", "KL"]
BETTER = torch.tensor([1.0, 1.0, -1.0])
MARGIN = 0.006
"""The relative gain over appearance that every set shall have in every score."""


def shipped() -> OverTime:
    """The numbers of the default model."""
    folder = MODELS["gfsalnet-mobile"].folder
    return OverTime.from_json(read_config(folder)[1]["over_time"], folder)


@dataclass(eq=False)
class Clip:
    """One clip: T frames that count, S of them scored."""

    place: str
    log_A: Tensor
    """(T, h, w): the appearance stream's, as read for video."""
    seen: Tensor
    """(T, 6, 64, 80): what the motion stream sees."""
    usual: Tensor
    """(T, h, w): speed relative to its mean."""
    scene: Tensor
    """(T, 4): mean residual, speed of the camera, share of inliers, deviation of the speed relative to its mean."""
    memory: Tensor
    """(S, T): what each frame counts in a scored one's mean."""
    truth: Tensor
    """(S, h, w), sums to 1."""
    counts: Tensor
    """(S, h, w): fixations, sum to 1."""

    @property
    def onset(self) -> Tensor:
        """(T, h, w): logarithm of the speed just now over the usual one."""
        return grown(self.seen[:, 2], tuple(self.log_A.shape[1:]))


def recorded(data: Path, cache: Path) -> list[Clip]:
    """The clips of video_dev, from `motion.evidence recorded`; made once."""
    made = cache / "judged.pt"
    if not made.is_file():
        shown: dict[str, list[Shown]] = {}
        for frame in video_frames(data / "video_dev"):
            shown.setdefault(frame.place, []).append(frame)
        clips = [_clip(place, frames, cache) for place, frames in shown.items()]
        torch.save([vars(clip) for clip in clips], made)
    return [Clip(**values) for values in torch.load(made)]


def _clip(place: str, shown: list[Shown], cache: Path) -> Clip:
    with np.load(cache / f"recorded-{place.replace('/', '-')}.npz") as kept:
        arrays = dict(kept)
    times, appearance = arrays.pop("times"), arrays.pop("appearance")
    pairs = [Pair(*values) for values in zip(*(arrays[name] for name in Pair._fields), strict=True)]
    every = EVERY[round(1 / float(np.median(np.diff(times))))]
    size_hw = round(WIDTH * appearance.shape[1] / appearance.shape[2]), WIDTH
    reading, reach = shipped().video, shipped().memory.reach_seconds
    scored = [frame.index for frame in shown]
    chosen = sorted({i for s in scored for i in range(s, -1, -every) if times[i] > times[s] - reach + 1e-6})
    log_A, seen, usual, scene = [], [], [], []
    for i in chosen:
        density = cv2.resize(np.exp(appearance[i].astype(np.float32)), size_hw[::-1], interpolation=cv2.INTER_AREA)
        log_A.append(reading.log_map(density / density.sum()))
        motion = means([p for p in pairs if p.until <= times[i] + 1e-9], times[i], pairs[0].residual.shape)
        seen.append(evidence(motion, log_A[-1]))
        mean = motion.mean_residual
        usual.append(cv2.resize(motion.residual / (mean + LEAST), size_hw[::-1]))
        spread = float(motion.residual.std()) / (mean + LEAST)
        scene.append((mean, motion.camera_speed, motion.inlier_share, spread))
    memory = np.zeros((len(scored), len(chosen)))
    for row, s in enumerate(scored):
        for column, i in enumerate(chosen):
            age = times[s] - times[i]
            if 0 <= age < reach - 1e-6 and (s - i) % every == 0:
                memory[row, column] = np.exp(-age / shipped().memory.tau_seconds)
    truth = [cv2.resize(frame.density(), size_hw[::-1], interpolation=cv2.INTER_AREA) for frame in shown]
    counts = [cv2.resize(frame.counts(), size_hw[::-1], interpolation=cv2.INTER_AREA) for frame in shown]
    tensors = (torch.from_numpy(np.array(values, np.float32)) for values in (log_A, seen, usual, scene))
    return Clip(place, *tensors, *(_to_one(np.array(values)) for values in (memory, truth, counts)))


def _to_one(values: np.ndarray) -> Tensor:
    total = values.reshape(len(values), -1).sum(1).reshape(-1, *[1] * (values.ndim - 1))
    return torch.from_numpy((values / total).astype(np.float32))


def density(log_map: Tensor) -> Tensor:
    """(T, h, w) that sum to 1 each."""
    return log_map.flatten(1).softmax(1).view_as(log_map)


def scores(clip: Clip, maps: Tensor) -> Tensor:
    """(3,): `SCORES`, the mean of the scored frames, of densities (T, h, w) after the memory."""
    p, g = torch.tensordot(clip.memory, maps, 1), clip.truth
    z, truth = ((m - m.mean((1, 2), keepdim=True)) / m.std((1, 2), keepdim=True, unbiased=False) for m in (p, g))
    kl = (g * (g / (p + 1e-12) + 1e-12).log()).sum((1, 2))
    return torch.stack([(z * clip.counts).sum((1, 2)).mean(), (z * truth).mean(), kl.mean()])


def by_set(of_clips: dict[str, Tensor]) -> dict[str, Tensor]:
    """Place → scores becomes set → their mean."""
    sets: dict[str, list[Tensor]] = {}
    for place, values in of_clips.items():
        sets.setdefault(place.split("/")[0], []).append(values)
    return {name: torch.stack(values).mean(0) for name, values in sets.items()}


def gains(fused: dict[str, Tensor], appearance: dict[str, Tensor]) -> dict[str, Tensor]:
    """Set → (3,): relative gain over the appearance stream, larger is better in each score."""
    now, before = by_set(fused), by_set(appearance)
    return {name: BETTER * (now[name] - before[name]) / before[name] for name in now}


def said(found: dict[str, Tensor]) -> str:
    """One line."""
    return "  ".join(f"{name} " + " ".join(f"{100 * float(x):+.1f}" for x in of) for name, of in found.items())


def usual_log(clip: Clip, gate: MotionGate) -> Tensor:
    """(T, h, w): the logarithm of the motion map that nothing learned, by numbers of any kind."""
    floor, ceiling, onset = (torch.as_tensor(number) for number in (gate.floor, gate.ceiling, gate.onset))
    return (torch.minimum(clip.usual, ceiling) + floor).log() + onset * clip.onset


def grown(maps: Tensor, size_hw: tuple[int, ...]) -> Tensor:
    """(B, h, w) resized."""
    return interpolate(maps[:, None], size=size_hw, mode="bilinear")[:, 0]
