"""Curves: one row an epoch, also for an epoch that was repeated; libraries that are not there are named."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gfsalnet.metrics import PAPER_METRICS
from gfsalnet.training.loop import Epoch
from gfsalnet.training.report import curves
from gfsalnet.training.report.curves import CURVES_FILE, PLOT_FILE, TENSORBOARD_FOLDER, missing_tools
from gfsalnet.training.report.curves import write_curves as write_columns


def epoch(number: int, kl: float = 1.0, streams: tuple[str, ...] = ("saliency", "appearance", "motion")) -> Epoch:
    scores = {name: {"mean": dict.fromkeys(PAPER_METRICS, 0.5 + place)} for place, name in enumerate(streams)}
    share = 0.3 if "motion" in streams else None
    return Epoch(number, 2.0, 10.0, 1e-4, kl, 2.0, scores, share, True)


def write_curves(folder: Path, epoch: Epoch) -> None:
    write_columns(folder, epoch.epoch, epoch.numbers())


@pytest.fixture
def table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if neither TensorBoard nor matplotlib were installed."""
    monkeypatch.setattr(curves, "find_spec", lambda name: None)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / CURVES_FILE).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("table_alone")
def test_rows_of_repeated_epochs_are_replaced(tmp_path: Path) -> None:
    for number, kl in ((0, 3.0), (1, 2.0), (2, 9.0), (1, 1.5)):
        write_curves(tmp_path, epoch(number, kl))
    assert [(row["epoch"], row["train_kl"]) for row in rows(tmp_path)] == [("0", "3.0000"), ("1", "1.5000")]


@pytest.mark.usefixtures("table_alone")
def test_two_streams_have_columns_of_their_own(tmp_path: Path) -> None:
    write_curves(tmp_path, epoch(0))
    row = rows(tmp_path)[0]
    assert (row["nss"], row["appearance_nss"], row["motion_cc"]) == ("0.5000", "1.5000", "2.5000")
    assert (row["mean_motion_share"], row["learning_rate"]) == ("0.3000", "0.0001")
    write_curves(tmp_path, epoch(0, streams=("saliency",)))
    assert "motion_cc" not in rows(tmp_path)[0]
    write_curves(tmp_path, epoch(0, streams=()))
    assert "nss" not in rows(tmp_path)[0]


@pytest.mark.slow
def test_the_picture_and_tensorboard_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for number in range(2):
        write_curves(tmp_path, epoch(number))
    assert (tmp_path / PLOT_FILE).read_bytes().startswith(b"\x89PNG")
    events = EventAccumulator(str(tmp_path / TENSORBOARD_FOLDER)).Reload()
    assert [event.step for event in events.Scalars("training/kl")] == [0, 1]
    assert events.Scalars("streams/motion_cc")[0].value == 2.5


@pytest.mark.usefixtures("table_alone")
def test_libraries_that_are_not_there_are_named_and_left_out(tmp_path: Path) -> None:
    assert ["tensorboard" in note or "matplotlib" in note for note in missing_tools()] == [True, True]
    write_curves(tmp_path, epoch(0))
    assert [path.name for path in tmp_path.iterdir()] == [CURVES_FILE]
