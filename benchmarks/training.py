"""What do the options of training gain, and are pictures in tar shards read as fast as files?

    python benchmarks/training.py options [--recipe tiny] [--batch 8] [--size 256x320] [--steps 6] [--compile]
    python benchmarks/training.py shards --photographs ../shared/data/osie --folder SCRATCH [--rounds 5]

`options` learns from drawn pictures with each combination of precision and memory layout, a step of each in turn, and
prints the median CPU seconds of a step. `shards` writes a dataset's photographs to tar files and reads both in the same
random order, a round of each in turn: their bytes alone, and decoded. All with one thread; CPU time, because other
programs then count less.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch

from gfsalnet.gaze import GazeDataset, open_dataset, write_shards
from gfsalnet.gaze.datasets.shards import Shards
from gfsalnet.training import Recipe, read_recipe
from gfsalnet.training.data.batches import Batch
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.gaze_task import GazeTask
from gfsalnet.training.loop import to_training_mode, train_step
from gfsalnet.training.state import initial_state


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    began = time.process_time()
    call()
    return time.process_time() - began


def in_turn(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each call, round by round: what disturbs one disturbs its neighbours alike."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(seconds(call))
    return found


def learner(recipe: Recipe, folder: Path) -> Callable[[], object]:
    """A step of this recipe, always from the same batch."""
    ranks = Ranks(torch.device("cpu"))
    task = GazeTask(recipe, folder, ranks)
    state = initial_state(recipe, task, ranks)
    to_training_mode(state.network, recipe)
    # A step whose images are of one size, so that what is compiled is compiled once.
    pieces: list[Batch] = task.make_pieces(0, max(task.epoch_steps(0), key=lambda step: step.images))
    return lambda: train_step(state, pieces, task, recipe, ranks)


def options(args: argparse.Namespace) -> None:
    """Print a row for each combination, the first is what others are compared with."""
    height, width = (int(side) for side in args.size.split("x"))
    base = read_recipe(args.recipe, [f"batch_size={args.batch}", "device=cpu"])
    base = replace(base, network=replace(base.network, input_size_hw=(height, width), keep_aspect=False), validate=())
    plain = replace(base, precision="float32", channels_last=False)
    recipes = {
        "float32": plain,
        "float32, channels last": replace(plain, channels_last=True),
        "bfloat16": replace(plain, precision="bfloat16"),
        "bfloat16, channels last": replace(plain, precision="bfloat16", channels_last=True),
    }
    if args.compile:
        recipes["float32, channels last, compiled"] = replace(plain, channels_last=True, compile=True)
        recipes["bfloat16, channels last, compiled"] = replace(recipes["bfloat16, channels last"], compile=True)
    with tempfile.TemporaryDirectory() as folder:
        for part in base.train:
            part.draw(Path(folder))
        learners = {name: learner(recipe, Path(folder)) for name, recipe in recipes.items()}
        for name, learn in learners.items():
            print(f"{name}: first step {seconds(learn):.1f} CPU s", flush=True)
        found = in_turn(learners, args.steps)
    first = found["float32"]
    for name, times in found.items():
        ratio = median(a / b for a, b in zip(first, times, strict=True))
        print(f"{name:36} {median(times):7.3f} CPU s a step of {args.batch}, {ratio:.2f} times as fast as float32")


def shards(args: argparse.Namespace) -> None:
    """Print CPU and wall time of both, and their ratio."""
    files = open_dataset("folder", args.photographs, "all")
    for _ in write_shards(files, args.folder, shard_bytes=50_000_000):
        pass
    tars = Shards(args.folder)
    order = np.random.default_rng(0).permutation(len(files))

    def all_of(dataset: GazeDataset, read: Callable[[GazeDataset, Path], object]) -> Callable[[], object]:
        paths = [dataset.pictures(dataset.videos[place])[0] for place in order]
        return lambda: [read(dataset, path) for path in paths]

    def the_bytes(dataset: GazeDataset, path: Path) -> int:
        data = dataset._read(dataset._members[path]) if isinstance(dataset, Shards) else np.fromfile(path, np.uint8)
        return int(data.sum(dtype=np.int64))  # all of them, also where the file is only mapped

    readers = {"bytes": the_bytes, "decoded": lambda dataset, path: dataset.read_picture(path)}
    for what, read in readers.items():
        calls = {"files": all_of(files, read), "shards": all_of(tars, read)}
        assert [len(np.shape(one)) for one in calls["files"]()] == [len(np.shape(one)) for one in calls["shards"]()]
        found = in_turn(calls, args.rounds)
        ratio = median(a / b for a, b in zip(found["files"], found["shards"], strict=True))
        rates = {name: round(len(files) / median(times)) for name, times in found.items()}
        print(json.dumps({"read": what, "pictures a CPU second": rates, "shards against files": round(ratio, 3)}))
    print(f"load average {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("options")
    command.add_argument("--recipe", default="tiny")
    command.add_argument("--batch", type=int, default=8)
    command.add_argument("--size", default="256x320")
    command.add_argument("--steps", type=int, default=6)
    command.add_argument("--compile", action="store_true", help="also compiled, which takes minutes to begin with")
    command.set_defaults(run=options)
    command = commands.add_parser("shards")
    command.add_argument("--photographs", type=Path, required=True)
    command.add_argument("--folder", type=Path, required=True)
    command.add_argument("--rounds", type=int, default=5)
    command.set_defaults(run=shards)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
