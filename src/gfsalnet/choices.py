"""The closed sets of words that options, settings and functions take, as types; importing them costs nothing.

The tables that give the words their meaning lie in their rooms; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
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

LiveView: TypeAlias = Literal["overlay", "focus", "gate", "side"]
"""What `gfsalnet live` draws."""

SaveWord: TypeAlias = Literal[
    "overlay",
    "focus",
    "contours",
    "side",
    "gate",
    "flow",
    "maps",
    "png",
    "png16",
    "npz",
    "grey",
    "ffv1",
    "csv",
    "report",
]
"""What is written of predictions: `SAVE_WORDS` says it in words, `gfsalnet.render.SINKS` writes it."""

SAVE_WORDS: Mapping[SaveWord, str] = {
    "overlay": "the heat map over the video",
    "focus": "the video, dimmed where viewers do not look",
    "contours": "lines around the areas of 50% and 90% of the looks",
    "side": "the video and the overlay side by side",
    "gate": "where motion and where appearance was trusted",
    "flow": "the optical flow",
    "maps": "png and npz",
    "png": "8-bit grey pictures, one per frame",
    "png16": "16-bit grey pictures, one per frame",
    "npz": "all maps as numbers",
    "grey": "a grey video of the maps",
    "ffv1": "a lossless 16-bit grey video of the maps",
    "csv": "numbers for each frame",
    "report": "an HTML page that plays and explains them",
}
"""The words of --save."""

Colormap: TypeAlias = Literal["plasma", "inferno", "magma", "viridis", "cividis", "grey"]
"""Colours of overlays: `gfsalnet.render.COLORMAPS`."""

Scale: TypeAlias = Literal["absolute", "frame", "video"]
"""What the last colour of an overlay stands for: `gfsalnet.render.Look`."""

MapValues: TypeAlias = Literal["density", "log", "frame", "video"]
"""What the numbers of stored maps mean: `gfsalnet.render.stored_values`."""

MapPrecision: TypeAlias = Literal["float32", "float16"]
"""Of the numbers in maps.npz."""

FolderAs: TypeAlias = Literal["frames", "pictures", "videos"]
"""What a folder of pictures or videos is taken for."""

SplitView: TypeAlias = Literal["letterbox", "blur", "crop"]
"""What is shown of a shot in another aspect where no crop holds its looks: `gfsalnet.apply.reframe.plan`."""

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

EyeChoice: TypeAlias = Literal["both", "left", "right"]
"""Whose gaze an eye tracker's export is read for; of both eyes the mean, and where one is lost the other."""

VendorName: TypeAlias = Literal["tobii", "eyelink", "gazepoint", "smi", "pupil-core", "pupil-cloud", "imotions", "csv"]
"""Makers of eye trackers whose exports are imported: `gfsalnet.gaze.trackers.IMPORTERS`; csv is any other table."""

OverlapRule: TypeAlias = Literal["all", "first"]
"""Whom a look in several areas of interest belongs to: to all of them, or to the first one named."""

GazeKind: TypeAlias = Literal["samples", "tracker", "ivt", "idt"]
"""What is imported: all valid samples, or fixations by the tracker's own program, by velocity or by dispersion."""

ProgressForm: TypeAlias = Literal["bar", "json", "none"]
"""How a command says how far it is: to people, to programs, or not."""

RoiCodec: TypeAlias = Literal["x264", "x265"]
"""Encoders that take QP offsets of blocks: `gfsalnet.apply.roi.CODECS`."""

EncoderPreset: TypeAlias = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"
]
"""How long x264 and x265 take for a frame, and how small it gets."""

RoiWord: TypeAlias = Literal["npz", "svt-av1"]
"""Files of QP offsets: `gfsalnet.apply.roi.job` writes them."""

MarksWord: TypeAlias = Literal["csv", "otio", "edl", "resolve", "premiere", "chapters"]
"""Formats of marks: `gfsalnet.apply.marks.FORMATS`."""
