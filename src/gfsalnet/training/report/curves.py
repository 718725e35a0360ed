"""The course of a run: curves.csv, and where the libraries are there TensorBoard and curves.png."""

from __future__ import annotations

import csv
import io
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from gfsalnet.errors import RecipeError
from gfsalnet.files import write_whole, written_whole
from gfsalnet.formats.door import opening
from gfsalnet.formats.texts import read_csv_rows
from gfsalnet.metrics import PAPER_METRICS

CURVES_FILE, PLOT_FILE, TENSORBOARD_FOLDER = "curves.csv", "curves.png", "tensorboard"
_OF_STREAMS = ("appearance_nss", "motion_nss", "appearance_cc", "motion_cc", "mean_motion_share")
_TRAINING, _VALIDATION, _APPEARANCE, _MOTION = "0.6", "black", "tab:blue", "tab:orange"
_PANELS = {
    "KL": [("train_kl", "training", _TRAINING), ("kldiv", "validation", _VALIDATION)],
    "NSS": [
        ("train_nss", "training", _TRAINING),
        ("nss", "validation", _VALIDATION),
        ("appearance_nss", "appearance alone", _APPEARANCE),
        ("motion_nss", "motion alone", _MOTION),
    ],
    "CC": [
        ("cc", "validation", _VALIDATION),
        ("appearance_cc", "appearance alone", _APPEARANCE),
        ("motion_cc", "motion alone", _MOTION),
    ],
    "share of motion": [("mean_motion_share", "validation", _MOTION)],
}
"""Measure → column, label and colour of each line."""


def missing_tools() -> Iterator[str]:
    """A sentence for each library that is not installed and what is left out without it."""
    for library, what in (("tensorboard", f"{TENSORBOARD_FOLDER}/"), ("matplotlib", PLOT_FILE)):
        if find_spec(library) is None:
            yield f"{what} is left out: {library} is not installed (pip install 'gfsalnet[train]')"


def write_curves(folder: Path, epoch: int, numbers: Mapping[str, float]) -> None:
    """Add an epoch to every form of the curves whose package is installed.

    Args:
        folder: the folder of the run.
        epoch: number of the epoch, from 0.
        numbers: column → value, as `Epoch.numbers` gives them.

    Raises:
        OSError: if a file cannot be written.
    """
    rows = _append(folder / CURVES_FILE, epoch, numbers)
    if find_spec("tensorboard") is not None:
        _to_tensorboard(folder / TENSORBOARD_FOLDER, epoch, numbers)
    if find_spec("matplotlib") is not None:
        _plot(folder / PLOT_FILE, rows)


def _append(path: Path, epoch: int, numbers: Mapping[str, float]) -> list[dict[str, str]]:
    """One row per epoch; rows of epochs that a killed run has to repeat are replaced. Returns all rows."""
    rows: list[dict[str, str]] = []
    if path.exists():
        again = "Remove it: the curves then start with this epoch."
        stored = read_csv_rows(path, RecipeError, again)
        with opening(path, "table of curves", RecipeError, again):
            # A killed run repeats the end of its last epochs; what it wrote of them is written again.
            rows = [row for row in stored if int(row["epoch"]) < epoch]
    rows.append(
        {"epoch": str(epoch)}
        | {name: f"{value:.3g}" if name == "learning_rate" else f"{value:.4f}" for name, value in numbers.items()}
    )
    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[-1]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def _to_tensorboard(folder: Path, epoch: int, numbers: Mapping[str, float]) -> None:
    """One file of events per epoch, whole or not at all.

    PyTorch's SummaryWriter would write it in a thread, which prints a traceback when the disk is full.
    """
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    now, content = time.time(), io.BytesIO()
    writer = RecordWriter(content)
    # The start of a session hides what a killed run wrote of this epoch and later ones.
    start = SessionLog(status=SessionLog.START)
    events = [
        Event(wall_time=now, step=epoch, file_version="brain.Event:2"),
        Event(wall_time=now, step=epoch, session_log=start),
    ]
    for name, value in numbers.items():
        group = "validation" if name in PAPER_METRICS else "streams" if name in _OF_STREAMS else "training"
        values = [Summary.Value(tag=f"{group}/{name.removeprefix('train_')}", simple_value=value)]
        events.append(Event(wall_time=now, step=epoch, summary=Summary(value=values)))
    for event in events:
        writer.write(event.SerializeToString())
    # In the order of their names, as TensorBoard reads them, the files are in the order of time.
    write_whole(
        folder / f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{time.time_ns()}", content.getvalue()
    )


def _plot(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """One panel per measure, training and validation together."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = {measure: [line for line in lines if line[0] in rows[-1]] for measure, lines in _PANELS.items()}
    panels = {measure: lines for measure, lines in panels.items() if lines}
    figure = Figure(figsize=(3.6 * len(panels), 3.2), layout="constrained")
    FigureCanvasAgg(figure)  # not pyplot, which keeps figures and looks for a screen
    epochs = [int(row["epoch"]) + 1 for row in rows]
    for axes, (measure, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for name, label, colour in lines:
            axes.plot(epochs, [float(row[name]) for row in rows], marker=".", label=label, color=colour)
        axes.set(title=measure, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, framealpha=0.5)
    with written_whole(path) as partial:
        figure.savefig(partial, dpi=120)
