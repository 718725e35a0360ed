"""Write a model folder from a run: `python -m student.ship RUN FOLDER [START]`.

START is the UNISAL or the model folder that the run began with.

The averaged weights, how each kind of picture is read, the gate and the memory; then the graph beside them.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from student.batches import DOMAINS, Domain
from student.train import Student

from gfsalnet.backends.shared_graph import write_graph_beside
from gfsalnet.models.over_time import MotionGate, OverTime, Reading
from gfsalnet.network import GFSalNet
from gfsalnet.network.config import light
from gfsalnet.network.folder import GRAPH_FILE
from gfsalnet.network.folding import absorb_batch_norms
from gfsalnet.network.unisal_start import start_from_unisal
from gfsalnet.network.weights import load_network, load_strictly, read_state, save_network

FLOW = {"estimator": "dis", "preset": "fast", "size_wh": [320, 240], "needs_evidence": False}
START_SHARE = 0.25
"""Of the weights at the start in those that ship, where a start is given."""
SOFTER = {"still": 1.0, "video": 0.93}
"""Beside the learned temperature: chosen, as the gate's numbers are, on the clips of video_dev."""
CENTRE = {"still": 0.0, "video": 0.3}
"""Log odds of a Gaussian, sigma a quarter of each side, on top of the learned centre: teachers know a little less of it
than viewers."""
GATE = MotionGate(weight=0.75, yielding=0.17, threshold=0.7, floor=0.1, ceiling=1.2, onset=0.74)
"""From `experiments/motion`."""


@torch.no_grad()
def averaged(run: Path, start: Path | None) -> Student:
    """The run's averaged weights, averaged again with those that it began with (Wortsman et al., CVPR 2022)."""
    student, begun = Student(), Student()
    load_strictly(student, read_state(run / "average.safetensors"), run)
    if start is None:
        return student
    if start.is_dir():
        network, _ = load_network(start)
        load_strictly(begun.stream, network.appearance.state_dict(), start)
    else:
        start_from_unisal(begun.stream, read_state(start))
    for weight, first in zip(student.stream.parameters(), begun.stream.parameters(), strict=True):
        weight.lerp_(first, START_SHARE)
    return student


def about(run: Path, student: Student) -> dict[str, Any]:
    """What `config.json` says beside the network."""
    with (run / "log.csv").open(newline="") as file:
        steps = int(float(list(csv.reader(file))[-1][0]))
    readings = {domain: _reading(student, domain) for domain in DOMAINS}
    return {
        "name": "gfsalnet-mobile",
        "flow": FLOW,
        "over_time": asdict(OverTime(gate=GATE, **readings)),
        "training": {"recipe": "experiments/student", "steps": steps, "start": "UNISAL's static path (Apache-2.0)"},
    }


def main() -> None:
    """RUN FOLDER [START]"""
    run, folder, *starts = map(Path, sys.argv[1:4])
    start = starts[0] if starts else None
    student = averaged(run, start)
    network = GFSalNet(light())
    network.appearance = student.stream
    absorb_batch_norms(network)
    save_network(folder, network, about(run, student))
    network, _ = load_network(folder)
    write_graph_beside(network, folder, folder / GRAPH_FILE)


@torch.no_grad()
def _reading(student: Student, domain: Domain) -> Reading:
    learned = student.centre[domain][0, 0].numpy().astype(float)
    temperature = SOFTER[domain] * float(student.log_temperature[domain].exp())
    y, x = (np.linspace(-1, 1, 2 * side + 1)[1::2] for side in learned.shape)  # the middles of cells
    gaussian = -2 * (y[:, None] ** 2 + x**2)
    centre = SOFTER[domain] * learned + CENTRE[domain] * gaussian
    rounded = np.round(centre - centre.mean(), 3).tolist()
    return Reading(temperature=round(temperature, 4), centre=tuple(map(tuple, rounded)))


if __name__ == "__main__":
    main()
