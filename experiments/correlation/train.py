"""Teach the correlation network flow: of open clips by DIS, of composed scenes by the true motion.

python -m correlation.train --cache CACHE --output FILE [--steps 2000]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from correlation.network import CELL, CorrelationFlow
from safetensors.torch import save_file
from torch import Tensor

CROP_HW, BATCH = (24, 28), 12
"""Cells at 1/8, and pairs in a step, half of each kind."""
HELD_BACK = 16
"""Every so-many-th pair is not trained on."""


def batch(pairs: list, rng: np.random.Generator, count: int) -> tuple[list[Tensor], Tensor, Tensor]:
    parts = []
    for index in rng.integers(len(pairs), size=count):
        fine, coarse, flow, known = pairs[index]
        height, width = coarse.shape[-2:]
        y, x = (int(rng.integers(side - crop + 1)) for side, crop in zip((height, width), CROP_HW, strict=True))
        at8 = (..., slice(y, y + CROP_HW[0]), slice(x, x + CROP_HW[1]))
        at4 = (..., slice(2 * y, 2 * y + 2 * CROP_HW[0]), slice(2 * x, 2 * x + 2 * CROP_HW[1]))
        cells = flow.permute(2, 0, 1)[at4] * (fine.shape[-1] / 320)
        parts.append((fine[at4], coarse[at8], cells, known[at4]))
    fine, coarse, flow, known = (torch.stack(of) for of in zip(*parts, strict=True))
    return [fine.float(), coarse.float()], flow.float(), known


def error(network: CorrelationFlow, features: list[Tensor], flow: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, in which fast motion counts less, and the end-point error, in pixels of the network's picture."""
    fine, coarse = features
    found = network((fine[:, 0], coarse[:, 0]), (fine[:, 1], coarse[:, 1]))
    found, flow = CELL * found, CELL * flow
    apart = (found - flow).square().sum(1)
    weight = known / (1 + flow.square().sum(1).sqrt() / 2)
    return ((apart + 0.05**2).sqrt() * weight).sum() / known.sum(), (apart.sqrt() * known).sum() / known.sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=2e-3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    kinds = [torch.load(args.cache / f"{name}.pt") for name in ("clips", "scenes")]
    learned = [[pair for number, pair in enumerate(kind) if number % HELD_BACK] for kind in kinds]
    back = [batch(kind[::HELD_BACK], np.random.default_rng(1), 48) for kind in kinds]
    network = CorrelationFlow()
    optimizer = torch.optim.AdamW(network.parameters(), args.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, total_steps=args.steps, pct_start=0.1)
    for step in range(args.steps):
        both = [batch(kind, rng, BATCH // 2) for kind in learned]
        features = [torch.cat(of) for of in zip(*(features for features, _, _ in both), strict=True)]
        loss, _ = error(network, features, *(torch.cat([b[i] for b in both]) for i in (1, 2)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            with torch.no_grad():
                held = [float(error(network, *of)[1]) for of in back]
                still = [float(CELL * (f.square().sum(1).sqrt() * k).sum() / k.sum()) for _, f, k in back]
            print(
                step + 1,
                f"loss {float(loss.detach()):.3f}",
                "clips {:.3f} scenes {:.3f}".format(*held),
                "(no motion: {:.3f} {:.3f})".format(*still),
                flush=True,
            )
            save_file(network.state_dict(), args.output)


if __name__ == "__main__":
    main()
