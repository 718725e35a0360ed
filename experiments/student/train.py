"""Train the light appearance stream on human gaze and on what the teachers say of the same views.

    python -m student.train --data ../shared/data --weights ../shared/weights --output RUN --steps 4000

The run goes on where RUN/checkpoint.pt ends. RUN/log.csv has a line every so many steps, RUN/average.safetensors the
averaged weights.
"""

from __future__ import annotations

import argparse
import copy
import csv
import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from student.batches import DOMAINS, Batch, Batches, Domain
from student.clips import open_clips
from student.pictures import Photograph, View, blurred, fixations_seen, photographs, read_rgb
from student.teachers import log_density
from torch import Tensor, nn

from gfsalnet.network.light import LightStream
from gfsalnet.network.unisal_start import start_from_unisal
from gfsalnet.network.weights import load_network, load_strictly, read_state

RATE, NEW_RATE, READING_RATE, WEIGHT_DECAY, WARM_UP, AVERAGE = 8e-5, 4e-4, 4e-3, 0.01, 100, 0.998
"""Learning rate of what UNISAL brings, of what is new, and of centre and temperature, whose values are far larger;
steps over which they rise, decay of the averaged weights."""
CENTRE_HW = (15, 20)
NEW, READING = ("stream.spatial_attention.", "stream.channel_attention."), ("centre.", "log_temperature.")
HUMAN_SHARE, NSS_SHARE = 0.4, 0.1
SAVE_SECONDS, LOG_STEPS = 180, 40


class Student(nn.Module):
    """The stream, and how its scores are read in each domain: a temperature, and a centre of log odds."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = LightStream()
        self.log_temperature = nn.ParameterDict({domain: nn.Parameter(torch.zeros(())) for domain in DOMAINS})
        self.centre = nn.ParameterDict({domain: nn.Parameter(torch.zeros(1, 1, *CENTRE_HW)) for domain in DOMAINS})

    def forward(self, image_B3HW: Tensor, domain: Domain) -> Tensor:
        """(B, H / 4, W / 4), log densities."""
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.stream(image_B3HW).scores
        scores = F.avg_pool2d(scores, 4) * self.log_temperature[domain].exp()
        centre = F.interpolate(self.centre[domain], scores.shape[-2:], mode="bilinear", align_corners=False)
        return log_density((scores + centre)[:, 0])


def losses(log_maps: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """KL to the teacher, and KL and NSS to people; the mean of each over the views that have it."""
    teacher = batch.teacher
    to_teacher = (teacher.exp() * (teacher - log_maps)).sum((1, 2)).mean()
    people = batch.density.sum((1, 2)) > 0
    if not bool(people.any()):
        return to_teacher, torch.zeros(()), torch.zeros(())
    density, found, fixations = batch.density[people], log_maps[people], batch.fixations[people]
    to_people = (density * (density.clamp(min=1e-30).log() - found)).sum((1, 2)).mean()
    saliency = found.exp().flatten(1)
    z = (saliency - saliency.mean(1, keepdim=True)) / (saliency.std(1, keepdim=True) + 1e-9)
    nss = (z * fixations.flatten(1)).sum(1) / fixations.sum((1, 2))
    return to_teacher, to_people, nss.mean()


def total_loss(batch: Batch, to_teacher: Tensor, to_people: Tensor, nss: Tensor) -> Tensor:
    """The teacher alone teaches videos; people and teacher teach photographs."""
    if batch.domain == "video":
        return to_teacher
    return (1 - HUMAN_SHARE) * to_teacher + HUMAN_SHARE * (to_people - NSS_SHARE * nss)


def rate_factor(step: int, steps: int) -> float:
    through = min(max(step - WARM_UP, 0) / max(steps - WARM_UP, 1), 1)
    return min((step + 1) / WARM_UP, 1) * (0.505 + 0.495 * math.cos(math.pi * through))


def to_training_mode(student: Student) -> None:
    """Batch-norms keep the statistics that they came with."""
    student.train()
    for module in student.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


@torch.no_grad()
def validate(student: Student, pictures: list[Photograph]) -> tuple[float, float, float]:
    """CC, NSS and KL on photographs (every other of those kept back), 400 wide with 12 px, one pass at 256x320."""
    student.eval()
    rows = []
    for picture in pictures:
        small = cv2.resize(read_rgb(picture.path), (320, 256), interpolation=cv2.INTER_AREA)
        log_map = student(torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255, "still")
        saliency = cv2.resize(log_map[0].exp().numpy().astype(np.float64), (400, 300))
        counts = fixations_seen(picture.xy_N2, View(0, 0, 1, 1, False), (300, 400))
        density, saliency = blurred(counts).astype(np.float64), saliency / saliency.sum()
        z = (saliency - saliency.mean()) / saliency.std()
        kl = float((density * np.log(2.2e-16 + density / (saliency + 2.2e-16))).sum())
        rows.append((np.corrcoef(saliency.ravel(), density.ravel())[0, 1], (z * counts).sum() / counts.sum(), kl))
    cc, nss, kl = np.mean(rows, 0)
    return float(cc), float(nss), float(kl)


class Run:
    """The student, its average and its optimiser."""

    def __init__(self, weights: Path, folder: Path, seed: int, start: Path | None = None) -> None:
        self.folder, self.step = folder, 0
        torch.manual_seed(seed)
        self.student = Student()
        if start is None:
            start_from_unisal(self.student.stream, read_state(weights / "unisal_student.safetensors"))
        else:
            network, _ = load_network(start)
            load_strictly(self.student.stream, network.appearance.state_dict(), start)
        self.student.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.student)
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.student.named_parameters():
            rate = READING_RATE if name.startswith(READING) else NEW_RATE if name.startswith(NEW) else RATE
            groups.setdefault((rate, WEIGHT_DECAY if parameter.ndim > 1 else 0.0), []).append(parameter)
        self.optimiser = torch.optim.AdamW(
            [{"params": p, "lr": rate, "first": rate, "weight_decay": decay} for (rate, decay), p in groups.items()]
        )
        if (folder / "checkpoint.pt").exists():
            content = torch.load(folder / "checkpoint.pt", weights_only=True)
            for part in ("student", "average", "optimiser"):
                getattr(self, part).load_state_dict(content[part])
            self.step = content["step"]

    def learn(self, batches: tuple[Batch, Batch], steps: int) -> tuple[float, ...]:
        """One step from a batch of each domain: KL to the teacher, KL and NSS to people of stills; KL of videos."""
        to_training_mode(self.student)
        self.optimiser.zero_grad(set_to_none=True)
        found: list[float] = []
        for batch in batches:
            parts = losses(self.student(batch.image, batch.domain), batch)
            total_loss(batch, *parts).backward()
            found += [part.item() for part in parts]
        norm = nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        if not bool(torch.isfinite(norm)):
            raise SystemExit(f"step {self.step}: the gradient is no number")
        for group in self.optimiser.param_groups:
            group["lr"] = group["first"] * rate_factor(self.step, steps)
        self.optimiser.step()
        self.step += 1
        decay = min(AVERAGE, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for average, current in zip(self.average.parameters(), self.student.parameters(), strict=True):
                average.lerp_(current, 1 - decay)
        return tuple(found[:4])

    def save(self) -> None:
        content = {part: getattr(self, part).state_dict() for part in ("student", "average", "optimiser")}
        torch.save({**content, "step": self.step}, self.folder / ".checkpoint.pt")
        os.replace(self.folder / ".checkpoint.pt", self.folder / "checkpoint.pt")
        average = {key: value.contiguous() for key, value in self.average.state_dict().items()}
        save_file(average, self.folder / ".average.safetensors")
        os.replace(self.folder / ".average.safetensors", self.folder / "average.safetensors")


def made_ahead(batches: Batches, steps: range) -> Iterator[tuple[Batch, Batch]]:
    """The pair of every step, the next one made while one is learned."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(batches.pair, steps[0]) if steps else None
        for step in steps:
            assert waiting is not None
            pair, waiting = waiting.result(), pool.submit(batches.pair, step + 1)
            yield pair


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "weights", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--stop", type=int, help="leave off after this step, as if there were more time later")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="a model folder to go on from, instead of UNISAL's weights")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    args.output.mkdir(parents=True, exist_ok=True)
    judged = photographs(args.data, validation=True)[::2]
    batches = Batches(
        photographs(args.data, validation=False),
        open_clips(args.data, args.weights, args.output / "crops"),
        args.weights,
        args.seed,
    )
    run = Run(args.weights, args.output, args.seed, args.start)
    saved, began, seen = time.monotonic(), time.monotonic(), []
    last = args.stop or args.steps
    for pair in made_ahead(batches, range(run.step, last)):
        seen.append(run.learn(pair, args.steps))
        if time.monotonic() - saved > SAVE_SECONDS or run.step == args.steps:
            run.save()
            saved = time.monotonic()
        if run.step % LOG_STEPS == 0 or run.step == args.steps:
            scores = validate(run.average, judged) if run.step % (5 * LOG_STEPS) == 0 else ()
            row = [run.step, round((time.monotonic() - began) / len(seen), 2)]
            row += [round(float(value), 4) for value in (*np.mean(seen, 0), *scores)]
            with (args.output / "log.csv").open("a", newline="") as file:
                csv.writer(file).writerow(row)
            print(row, flush=True)
            began, seen = time.monotonic(), []
    run.save()


if __name__ == "__main__":
    main()
