"""The closed sets of words that options, settings and functions take, as types; importing them costs nothing.

The tables that give the words their meaning lie in their rooms; a test holds the two together.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

BackendName: TypeAlias = Literal[
    "auto",
    "reference",
    "torch",
    "torch-bf16",
    "torch-fp16",
    "onnxruntime",
    "onnxruntime-int8",
    "openvino",
    "openvino-bf16",
    "openvino-int8",
]
"""What runs a GFSalNet: `gfsalnet.backends.BACKENDS`, and two that choose among them."""

SaveWord: TypeAlias = Literal["overlay", "maps", "png", "npz", "gate", "flow", "csv"]
"""What is written of predictions: `gfsalnet.render.SINKS`."""

FolderAs: TypeAlias = Literal["frames", "pictures", "videos"]
"""What a folder of pictures or videos is taken for."""

ProtocolName: TypeAlias = Literal["default", "mit", "pysaliency", "unisal", "aim24"]
"""The metric implementations that can be followed: `gfsalnet.metrics.PROTOCOLS`."""

MetricName: TypeAlias = Literal[
    "auc_judd", "auc_borji", "auc_shuffled", "nss", "information_gain", "cc", "sim", "kldiv", "emd"
]
"""The metrics, of which each protocol has some."""

PaperTable: TypeAlias = Literal["I", "II", "III", "IV", "V", "VI"]
"""The tables of the paper with results: `gfsalnet.evaluation.PAPER_TABLES`."""

Benchmark: TypeAlias = Literal["dhf1k"]
"""Hidden test sets that predictions can be packed for."""

ExportFormat: TypeAlias = Literal["onnx", "openvino"]
"""Formats of a network for other programs."""

PresetName: TypeAlias = Literal[
    "tiny",
    "paper-stage1",
    "paper-setting1-ucf",
    "paper-setting1-hollywood2",
    "paper-setting1-dhf1k",
    "paper-setting1-diem",
    "paper-setting2",
    "mobile-stage1",
    "mobile-stage2",
    "mobile-ablation",
]
"""Training recipes in the package: `gfsalnet.training.presets.PRESETS`."""
