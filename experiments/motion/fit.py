"""The few numbers of the gate, fitted to the recorded clips; each clip is also judged by a fit to all the others.

    python -m motion.fit --data ../shared/data --cache CACHE [--stream RUN/100.pt …] [--more onset camera] [--left-out]

What is maximised: the gain in NSS and CC and the loss of KL, relative to the appearance stream, by `COUNTS`; a set that
gains less than `motion.judge.MARGIN` in any of the three counts against it. Without `--stream` nothing learned is added
to the motion map, and its floor and ceiling are fitted instead of the share of what was learned.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from motion.judge import MARGIN, Clip, density, gains, recorded, said, scores
from motion.stream import Stream
from motion.train import GATE, SOFTNESS, learned
from torch import Tensor, nn

STEPS, RATE = 50, 0.08
COUNTS = {"ved100": 1.0, "billiards": 0.2}
"""Of the gains of a set: natural video decides, the billiard balls are a guard."""


class Numbers(nn.Module):
    """Positive ones as logarithms; what `more` names starts at 0."""

    def __init__(self, with_stream: bool, more: list[str], threshold: float | None = None) -> None:
        super().__init__()
        self.threshold = threshold
        start = {"weight": 0.6, "yielding": 0.2} | ({"threshold": 0.7} if threshold is None else {})
        start |= {"share": 0.5} if with_stream else {"floor": 0.3, "ceiling": 2.0}
        self.logs = nn.ParameterDict({k: nn.Parameter(torch.tensor(v).log()) for k, v in start.items()})
        self.more = nn.ParameterDict({k: nn.Parameter(torch.tensor(0.0)) for k in more})

    def values(self) -> dict[str, Tensor]:
        found = {name: torch.tensor(getattr(GATE, name)) for name in ("floor", "ceiling", "onset")}
        if "share" not in self.logs:
            found["onset"] = torch.tensor(0.0)  # unless it is fitted
        found |= {"share": torch.tensor(0.0), "threshold": torch.tensor(self.threshold or 0.0)}
        found |= {name: value.exp() for name, value in self.logs.items()} | dict(self.more.items())
        bounds = {"floor": (0.1, 1.0), "ceiling": (1.2, 4.0), "share": (0.0, 1.0), "yielding": (0.0, 0.5)}
        return found | {name: found[name].clamp(*bounds[name]) for name in bounds}

    def fused(self, clip: Clip, added: Tensor | None) -> Tensor:
        """(T, h, w)"""
        v, (mean, camera, inliers, spread) = self.values(), clip.scene.T
        certain = (v["threshold"] - mean) / SOFTNESS
        certain = certain + self._of(v, "camera", (camera + 0.1).log()) + self._of(v, "inliers", inliers - 0.8)
        certain = certain + self._of(v, "spread", spread - 1)
        w = (v["weight"] * torch.sigmoid(certain) * (mean > 0))[:, None, None]
        log_T = (torch.minimum(clip.usual, v["ceiling"]) + v["floor"]).log() + v["onset"] * clip.onset
        if added is not None:
            log_T = log_T + v["share"] * added
        return density((1 - v["yielding"] * w) * clip.log_A + w * log_T)

    @staticmethod
    def _of(values: dict[str, Tensor], name: str, seen: Tensor) -> Tensor:
        return values[name] * seen if name in values else torch.zeros(())

    def said(self) -> str:
        return ", ".join(
            f"{name} {float(v.detach()):.3f}" for name, v in self.values().items() if name in (*self.logs, *self.more)
        )


def of_all(numbers: Numbers, clips: list[Clip], added: dict[str, Tensor]) -> dict[str, Tensor]:
    return {clip.place: scores(clip, numbers.fused(clip, added.get(clip.place))) for clip in clips}


def fitted(clips: list[Clip], added: dict[str, Tensor], still: dict[str, Tensor], *how: Any) -> Numbers:
    """By `how`: what more is fitted, and the threshold if it is not."""
    numbers = Numbers(bool(added), *how)
    optimizer = torch.optim.Adam(numbers.parameters(), RATE)
    for _ in range(STEPS):
        found = gains(of_all(numbers, clips, added), {c.place: still[c.place] for c in clips})
        loss = sum(30 * torch.relu(MARGIN - gain).mean() - COUNTS[name] * gain.mean() for name, gain in found.items())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--stream", type=Path, nargs="*", default=[])
    parser.add_argument("--without", type=int, nargs="*", default=[])
    parser.add_argument("--more", nargs="*", default=[], choices=["onset", "camera", "inliers", "spread"])
    parser.add_argument("--threshold", type=float, help="of the gate, instead of fitting it")
    parser.add_argument("--left-out", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips = recorded(args.data, args.cache)
    for clip in clips:
        clip.seen[:, args.without] = 0
    still = {clip.place: scores(clip, density(clip.log_A)) for clip in clips}
    for path in args.stream or [None]:
        added: dict[str, Tensor] = {}
        if path is not None:
            stream = Stream()
            stream.load_state_dict(torch.load(path))
            added = {clip.place: learned(stream, clip) for clip in clips}
        numbers = fitted(clips, added, still, args.more, args.threshold)
        with torch.no_grad():
            print(
                path or "nothing learned",
                "|",
                said(gains(of_all(numbers, clips, added), still)),
                "|",
                numbers.said(),
                flush=True,
            )
        if args.left_out:
            apart: dict[str, Tensor] = {}
            for clip in clips:
                others = fitted([c for c in clips if c is not clip], added, still, args.more, args.threshold)
                with torch.no_grad():
                    apart |= of_all(others, [clip], added)
            print("   left out:", said(gains(apart, still)), flush=True)


if __name__ == "__main__":
    main()
