"""The light motion stream, trained on composed motion (human gaze) and on frames of open clips (other networks' maps).

    python -m motion.train --data ../shared/data --cache CACHE --output RUN
        [--clips still] [--composed 0.7] [--small 0] [--steps 300]

`--clips` says what is learned of the frames: `still`, the teachers that see single frames and UNISAL over video;
`video`, UNISAL over video alone; `hand`, the first with the motion map that nothing learned. Every 50 steps a line says
how much better than appearance alone the recorded clips are (per cent of NSS, CC and KL), with half and all of what was
learned.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from motion.evidence import Means
from motion.judge import Clip, density, gains, grown, recorded, said, scores, shipped, usual_log
from motion.stream import FLOOR, GRID_HW, Stream, evidence
from torch import Tensor

from gfsalnet.models.over_time import MotionGate

BATCH = 24
GATE = shipped().gate or MotionGate()
"""While the stream learns."""
SOFTNESS = GATE.softness


def exponent(mean: Tensor) -> Tensor:
    return GATE.weight * torch.sigmoid((GATE.threshold - mean) / GATE.softness) * (mean > 0)


def written_down(seen: Tensor) -> Tensor:
    """(B, 64, 80): the logarithm of the motion map that nothing learned, from what the stream sees."""
    speed = (seen[:, 1].exp() - FLOOR).clamp(0, GATE.ceiling)
    return (speed + GATE.floor).log() + GATE.onset * seen[:, 2]


class Examples:
    """Tensors of one kind of data."""

    def __init__(self, path: Path) -> None:
        self.seen, self.mean, self.log_A, self.target = torch.load(path)

    def batch(self, count: int, rng: np.random.Generator) -> list[Tensor]:
        rows = torch.from_numpy(rng.integers(len(self.seen), size=count))
        flip = torch.from_numpy(rng.random(count) < 0.5)
        found = [maps[rows] for maps in (self.seen, self.log_A, self.target)]
        found = [torch.where(flip.view(-1, *[1] * (m.ndim - 1)), m.flip(-1), m) for m in found]
        return [*found, self.mean[rows]]


def examples(data: Path, cache: Path, kind: str) -> Examples:
    """Of composed motion, or of clips by what is learned from them; made once."""
    made = cache / f"examples-{kind}.pt"
    if not made.is_file():
        rows = list(_composed(cache) if kind == "composed" else _clips(data, cache, kind))
        columns = [torch.from_numpy(np.array(column, np.float32)) for column in zip(*rows, strict=True)]
        torch.save(columns, made)
    return Examples(made)


def _row(kept: np.lib.npyio.NpzFile, row: int) -> tuple[np.ndarray, ...]:
    reading = shipped().video
    small = cv2.resize(
        np.exp(kept[f"{row}/appearance"].astype(np.float32)), GRID_HW[::-1], interpolation=cv2.INTER_AREA
    )
    log_A = reading.log_map(small / small.sum())
    motion = Means.kept(kept[f"{row}/residual"], kept[f"{row}/raw"], kept[f"{row}/scene"])
    return evidence(motion, log_A), np.float32(motion.mean_residual), log_A


def _composed(cache: Path):  # noqa: ANN202
    for file in sorted(cache.glob("composed-*.npz")):
        with np.load(file) as kept:
            for row in sorted({int(name.split("/")[0]) for name in kept.files}):
                gaze = cv2.resize(kept[f"{row}/gaze"].astype(np.float32), GRID_HW[::-1])
                if gaze.sum() > 0:
                    yield *_row(kept, row), gaze / gaze.sum()


def _clips(data: Path, cache: Path, kind: str):  # noqa: ANN202
    maps = dict(np.load(data / "teacher_maps/teacher_maps.npz"))
    first = len(maps["static"]) - len(maps["unisal_video"])

    def log(name: str, at: int) -> np.ndarray:
        return cv2.resize((maps[name][at].astype(np.float32) / 255 - 1) * 12, GRID_HW[::-1])

    with np.load(cache / "clips.npz") as kept:
        for row in sorted({int(name.split("/")[0]) for name in kept.files}):
            seen, mean, log_A = _row(kept, row)
            target = 0.4 * log("unisal_video", row) + 0.5 * log("static", row + first) + 0.15 * log("fastgaze", row)
            if kind == "video":
                target = log("unisal_video", row)
            if kind == "hand":
                w = float(exponent(torch.tensor(float(mean))))
                target = (1 - GATE.yielding * w) * target + w * written_down(torch.from_numpy(seen)[None])[0].numpy()
            powers = np.exp(target - target.max())
            yield seen, mean, log_A, powers / powers.sum()


@torch.no_grad()
def learned(stream: Stream, clip: Clip) -> Tensor:
    """(T, h, w): what the stream adds, around a mean of 0."""
    maps = grown(stream(clip.seen), tuple(clip.log_A.shape[1:]))
    return maps - maps.mean((1, 2), keepdim=True)


def judged(stream: Stream, clips: list[Clip], share: float) -> dict[str, Tensor]:
    fused, still = {}, {}
    for clip in clips:
        w = exponent(clip.scene[:, 0])[:, None, None]
        log_T = usual_log(clip, GATE) + share * learned(stream, clip)
        fused[clip.place] = scores(clip, density((1 - GATE.yielding * w) * clip.log_A + w * log_T))
        still[clip.place] = scores(clip, density(clip.log_A))
    return gains(fused, still)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "cache", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--clips", choices=["still", "video", "hand"], default="still")
    parser.add_argument("--composed", type=float, default=0.7, help="share of composed examples")
    parser.add_argument("--small", type=float, default=0.0, help="weight of the square of what is learned")
    parser.add_argument("--without", type=int, nargs="*", default=[], help="channels of the evidence to leave out")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    args.output.mkdir(parents=True, exist_ok=True)
    rng, stream, clips = np.random.default_rng(args.seed), Stream(), recorded(args.data, args.cache)
    composed, frames = examples(args.data, args.cache, "composed"), examples(args.data, args.cache, args.clips)
    for part in (composed, frames, *clips):
        part.seen[:, args.without] = 0
    optimizer = torch.optim.AdamW(stream.parameters(), args.rate, weight_decay=0.01)
    losses = []
    for step in range(args.steps + 1):
        if step % 50 == 0:
            torch.save(stream.state_dict(), args.output / f"{step}.pt")
            lines = [f"{share}: {said(judged(stream, clips, share))}" for share in ((0.5, 1) if step else (0,))]
            print(step, np.round(np.mean(losses, 0), 4) if losses else "", " | ".join(lines), flush=True)
            losses = []
        count = rng.binomial(BATCH, args.composed)
        parts = [of.batch(n, rng) for of, n in ((composed, count), (frames, BATCH - count)) if n]
        seen, log_A, target, mean = (torch.cat(of) for of in zip(*parts, strict=True))
        added = grown(stream(seen), GRID_HW)
        w = exponent(mean)[:, None, None]
        log_S = ((1 - GATE.yielding * w) * log_A + w * (written_down(seen) + added)).flatten(1).log_softmax(1)
        kl = (target * ((target + 1e-9).log() - log_S.view_as(target))).sum((1, 2))
        size = ((added - added.mean((1, 2), keepdim=True)) ** 2).mean((1, 2))
        loss = (kl + args.small * size).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(
            [float(kl[:count].detach().mean()), float(kl[count:].detach().mean()), float(size.detach().mean())]
        )


if __name__ == "__main__":
    main()
