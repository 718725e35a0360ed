"""The gate's five numbers chosen from a small grid of round ones, by the recorded clips.

    python -m motion.grid --data ../shared/data --cache CACHE [--left-out]

What is best is judged as in `motion.fit`. Nothing is trained: of `GRID` the point with the largest gain over the
appearance stream is taken in which each set gains `motion.judge.MARGIN` in each score. `--left-out` chooses for each
clip by the others alone.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import torch
from motion.fit import COUNTS
from motion.judge import MARGIN, Clip, density, gains, recorded, said, scores, shipped, usual_log
from torch import Tensor

from gfsalnet.models.over_time import MotionGate

GRID = {
    "weight": (0.6, 0.7, 0.8, 0.9),
    "yielding": (0.1, 0.2, 0.3),
    "floor": (0.1, 0.2, 0.3),
    "ceiling": (1.2, 1.5, 2.0),
    "onset": (0.5, 0.7, 1.0),
}
MOST_SHOWN = 6


def of_clip(gate: MotionGate, clip: Clip) -> Tensor:
    """(3,): its scores by these numbers."""
    mean = clip.scene[:, 0]
    w = gate.weight * torch.sigmoid((gate.threshold - mean) / gate.softness) * (mean > 0)
    w = w[:, None, None]
    return scores(clip, density((1 - gate.yielding * w) * clip.log_A + w * usual_log(clip, gate)))


def worth(found: dict[str, Tensor]) -> float:
    """What is maximised; minus infinity where a set gains less than it shall."""
    if any(bool((gain < MARGIN).any()) for gain in found.values()):
        return float("-inf")
    return float(sum(COUNTS[name] * gain.mean() for name, gain in found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--left-out", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips, usual = recorded(args.data, args.cache), shipped().gate
    assert usual is not None
    still = {clip.place: scores(clip, density(clip.log_A)) for clip in clips}
    points = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    gates = [usual, *(MotionGate(**{**vars(usual), **point}) for point in points)]
    of_gates = [{clip.place: of_clip(gate, clip) for clip in clips} for gate in gates]

    def judged(number: int, without: str = "") -> dict[str, Tensor]:
        found, before = ({p: v for p, v in of.items() if p != without} for of in (of_gates[number], still))
        return gains(found, before)

    print("shipped:", said(judged(0)), f"worth {worth(judged(0)):.4f}")
    order = sorted(range(1, len(gates)), key=lambda number: worth(judged(number)), reverse=True)
    for number in order[:MOST_SHOWN]:
        print(points[number - 1], said(judged(number)), f"worth {worth(judged(number)):.4f}")
    if args.left_out:
        best = {p: max(range(1, len(gates)), key=lambda number, p=p: worth(judged(number, p))) for p in still}
        apart = {place: of_gates[number][place] for place, number in best.items()}
        print("left out:", said(gains(apart, still)), {place: points[n - 1] for place, n in best.items()})


if __name__ == "__main__":
    with torch.no_grad():
        main()
