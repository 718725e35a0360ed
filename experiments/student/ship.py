"""Write a model folder from a run: `python -m student.ship RUN FOLDER`.

The averaged weights, how each kind of picture is read, the gate and the memory; then the graph beside them.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from gfsalnet.backends.beside import write_graph_beside
from student.batches import DOMAINS
from student.train import Student

from gfsalnet.models.over_time import MotionGate, OverTime, Reading
from gfsalnet.network import GFSalNet
from gfsalnet.network.config import light
from gfsalnet.network.folder import GRAPH_FILE
from gfsalnet.network.folding import absorb_batch_norms
from gfsalnet.network.weights import load_network, load_strictly, read_state, save_network

FLOW = {"estimator": "dis", "preset": "fast", "size_wh": [320, 240], "needs_evidence": False}
SOFTER = {"still": 1.0, "video": 0.85}
"""Beside the learned temperature: chosen, as the gate's numbers are, on the clips of video_dev."""
GATE = MotionGate()


def main() -> None:
    run, folder = Path(sys.argv[1]), Path(sys.argv[2])
    student = Student()
    load_strictly(student, read_state(run / "average.safetensors"), run)
    network = GFSalNet(light())
    network.appearance = student.stream
    absorb_batch_norms(network)
    readings = {domain: _reading(student, domain) for domain in DOMAINS}
    with (run / "log.csv").open(newline="") as file:
        steps = int(float(list(csv.reader(file))[-1][0]))
    about = {
        "name": "gfsalnet-mobile",
        "flow": FLOW,
        "over_time": asdict(OverTime(gate=GATE, **readings)),
        "training": {"recipe": "experiments/student", "steps": steps, "start": "UNISAL's static path (Apache-2.0)"},
    }
    save_network(folder, network, about)
    network, _ = load_network(folder)
    write_graph_beside(network, folder, folder / GRAPH_FILE)


@torch.no_grad()
def _reading(student: Student, domain: str) -> Reading:
    centre = student.centre[domain][0, 0].numpy().astype(float)
    temperature = SOFTER[domain] * float(student.log_temperature[domain].exp())
    centre = SOFTER[domain] * (centre - centre.mean())
    return Reading(temperature=round(temperature, 4), centre=tuple(map(tuple, np.round(centre, 3).tolist())))


if __name__ == "__main__":
    main()
