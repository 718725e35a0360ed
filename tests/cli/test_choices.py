"""The words that options take are those of the tables behind them, and shells complete them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from gfsalnet import choices
from gfsalnet.backends import AUTO, BACKENDS, REFERENCE
from gfsalnet.cli import app, options
from gfsalnet.evaluation import PAPER_TABLES
from gfsalnet.gaze.trackers import IMPORTERS
from gfsalnet.metrics import PROTOCOLS
from gfsalnet.models.export import SUFFIXES
from gfsalnet.render import COLORMAPS, SINKS
from gfsalnet.training.presets import PRESETS


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (choices.BackendName, [AUTO, REFERENCE, *BACKENDS]),
        (choices.SaveWord, SINKS),
        (choices.SaveWord, choices.SAVE_WORDS),
        (choices.Colormap, COLORMAPS),
        (choices.ProtocolName, PROTOCOLS),
        (choices.MetricName, {metric for protocol in PROTOCOLS.values() for metric in protocol.metrics}),
        (choices.PaperTable, PAPER_TABLES),
        (choices.ExportFormat, SUFFIXES),
        (choices.PresetName, PRESETS),
        (choices.VendorName, [*IMPORTERS, "csv"]),
    ],
)
def test_the_types_hold_what_the_tables_hold(words: Any, table: Iterable[str]) -> None:
    assert set(get_args(words)) == set(table)


def completions(typed: str) -> list[str]:
    """What bash is offered for the last word of a command that is being typed."""
    words = typed.split(" ")
    environment = {"_GFSALNET_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    return CliRunner().invoke(app, [], env=environment, prog_name="gfsalnet").stdout.split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gfsalnet pre", ["predict"]),
        ("gfsalnet predict --folder-as p", ["pictures"]),
        ("gfsalnet predict clip.mp4 --model gfsalnet", ["gfsalnet-mobile", "gfsalnet-mobile@1", "gfsalnet"]),
        ("gfsalnet predict clip.mp4 --flow dis-", ["dis-fast", "dis-ultrafast", "dis-evident"]),
        ("gfsalnet predict clip.mp4 --backend onnx", ["onnxruntime", "onnxruntime-int8"]),
        ("gfsalnet predict clip.mp4 --save overlay,n", ["overlay,npz"]),
        ("gfsalnet evaluate --dataset dhf1k-", ["dhf1k-viewers"]),
        ("gfsalnet evaluate --protocol p", ["pysaliency"]),
        ("gfsalnet evaluate --metrics nss,auc_b", ["nss,auc_borji"]),
        ("gfsalnet dataset check hol", ["hollywood-2"]),
        ("gfsalnet dataset import pupil", ["pupil-core", "pupil-cloud"]),
        ("gfsalnet aoi clip.mp4 --save video,p", ["video,parquet", "video,plots"]),
        ("gfsalnet train mobile-stage", ["mobile-stage1", "mobile-stage2"]),
        ("gfsalnet weights convert pwc", ["pwcnet"]),
    ],
)
def test_a_shell_completes(typed: str, offered: list[str]) -> None:
    assert completions(typed) == offered


def test_a_broken_lookup_completes_to_nothing() -> None:
    def broken() -> list[str]:
        raise RuntimeError("a plug-in")

    assert options.completed(broken)("a") == []
