"""What can be known to be wrong from the command alone ends with status 2, for every option of every verb."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer.main
from command import gfsalnet

from gfsalnet.cli import app
from gfsalnet.cli.console import show_progress_as

GIVEN: dict[str, list[str]] = {
    "predict": ["clip.mp4"],
    "aoi": ["clip.mp4", "--areas", "areas.json"],
    "reframe": ["clip.mp4"],
    "thumbnail": ["clip.mp4"],
    "demo": [],
    "report": ["clip.mp4"],
    "roi": ["clip.mp4"],
    "marks": ["clip.mp4"],
    "live": ["clip.mp4"],
    "serve": [],
    "web": [],
    "doctor": [],
    "figure 6": ["clip.mp4"],
    "figure 7": ["clip.mp4", "--models", "pqft"],
    "figure 8": ["clip.mp4", "--areas", "areas.json"],
    "figure strip": ["clip.mp4"],
    "figure training": ["run"],
    "figure metrics": ["results"],
    "manifest": ["videos"],
    "collect": ["results"],
    "models": [],
    "train": ["tiny"],
    "ablate": [],
    "adapt": ["--dataset", "folder", "--root", ".", "--output", "mine"],
    "evaluate": ["--dataset", "folder", "--root", ".", "--model", "pqft"],
    "compare": ["pqft", "centre-bias", "--dataset", "folder", "--root", "."],
    "submit": ["dhf1k", "--maps", "."],
    "export": ["onnx"],
    "bench": [],
    "dataset check": ["folder", "."],
    "dataset prepare": ["folder", "."],
    "dataset shard": ["folder", ".", "shards"],
    "dataset compose": ["out", "."],
    "dataset import": ["tobii", "file", "--video", "clip.mp4", "--output", "out"],
    "weights convert": ["unisal", "file"],
    "weights download": ["unisal"],
    "weights keys": ["file"],
}
"""Verb → what it needs, right in itself."""

WRONG = {
    "--aspect": "wide",
    "--at": "soon",
    "--backend": "abacus",
    "--clips": "0",
    "--colormap": "jet",
    "--count": "0",
    "--crop": "0:1",
    "--dataset": "foo",
    "--columns": "time",
    "--device": "toaster",
    "--dispersion-threshold": "0",
    "--distance-cm": "0",
    "--centre-bias": "-1",
    "--lookahead": "-1",
    "--end": "later",
    "--every": "0",
    "--eye": "third",
    "--first-number": "-1",
    "--flow": "guess",
    "--flow-size": "big",
    "--folder-as": "piles",
    "--frames": "0",
    "--take": "glances",
    "--humans-every": "-1",
    "--map-precision": "float8",
    "--level": "2",
    "--map-size": "0x9",
    "--margin": "wide",
    "--map-values": "guess",
    "--max-frames": "0",
    "--metrics": "nss,guess",
    "--most-speed": "-1",
    "--min-duration-ms": "0",
    "--model": "salgan-9000",
    "--models": "gfsalnet-mobile,salgan-9000",
    "--opacity": "2",
    "--offset": "soon",
    "--paper-table": "VII",
    "--overlap": "none",
    "--pixels-per-degree": "0",
    "--placement": "somewhere",
    "--protocol": "guess",
    "--ray": "ray://cluster",
    "--rate": "0",
    "--progress": "dots",
    "--rounds": "0",
    "--samples-per-second": "0",
    "--save": "overlay,nonsense",
    "--scale": "guess",
    "--second-model": "salgan-9000",
    "--screen": "big",
    "--screen-width-cm": "0",
    "--seed": "-1",
    "--seeds": "0",
    "--set": "nonsense",
    "--sigma-pixels": "0",
    "--shard": "5/4",
    "--size-mb": "0",
    "--split": "guess",
    "--start": "1:75",
    "--trial": "0",
    "--velocity-threshold": "0",
    "--whole-below": "2",
    "--width": "7",
    "--at-least": "-1",
    "--bitrate": "0",
    "--block": "17",
    "--codec": "av2",
    "--crf": "52",
    "--preset": "glacial",
    "--prominence": "0.5",
    "--smooth": "-1",
    "--split-from": "2",
    "--spread-from": "2",
    "--strength": "-1",
    "--timecode": "soon",
    "--timeline-start": "01:00",
    "--workers": "-1",
    "--port": "70000",
    "--view": "everything",
    "--to": "http://x",
    "--jobs": "0",
    "--queue": "0",
    "--keep": "-1",
    "--max-upload": "0",
    "--max-minutes": "-1",
    "--job-minutes": "-1",
    "--job-memory": "1",
    "--host": "0.0.0.0",
}
"""Option → a value that makes no sense."""

WRONG_ARGUMENTS = {
    ("train", "recipe"): ["tinny"],
    ("ablate", "recipe"): ["tinny"],
    ("compare", "candidates"): ["pqft", "salgan-9000"],
    ("submit", "benchmark"): ["mit300", "--maps", "."],
    ("export", "format"): ["tflite"],
    ("dataset check", "name"): ["mnist", "."],
    ("dataset prepare", "name"): ["mnist", "."],
    ("dataset shard", "name"): ["mnist", ".", "shards"],
    ("dataset import", "vendor"): ["abacus", "file", "--video", "clip.mp4", "--output", "out"],
    ("weights convert", "model"): ["gfsalnet-mobile", "file"],
    ("weights download", "model"): ["salgan-9000"],
}

PATHS = {
    *("--cache", "--calibrate", "--data-root", "--maps", "--output", "--root", "--title", "--video"),
    *("--aoi", "--areas", "--manifest", "--event", "--gaze", "--media", "--data", "--token-file", "--name"),
}
PATH_ARGUMENTS = {"evaluations", "file", "files", "output", "results", "root", "roots", "runs", "source", "sources"}
"""Any text may be a path or a title: whether something lies there, the disk says."""

TOGETHER = [
    ["predict", "clip.mp4", "--model", "gfsalnet-mobile:appearance", "--save", "gate"],
    ["predict", "clip.mp4", "--model", "pqft", "--save", "gate"],
    ["predict", "clip.mp4", "--model", "pqft:motion"],
    ["predict", "clip.mp4", "--model", "pqft", "--backend", "openvino"],
    ["predict", "clip.mp4", "--model", "pqft", "--every", "2"],
    ["predict", "clip.mp4", "--every", "2", "--save", "flow"],
    ["predict", "clip.mp4", "--flow", "dis:weights"],
    ["predict", "clip.mp4", "--start", "1:30", "--end", "89.9"],
    ["predict", "clip.mp4", "--manifest", "m.parquet"],
    ["predict", "clip.mp4", "--shard", "1/4"],
    ["predict", "clip.mp4", "--output", "s3://bucket/out"],
    ["predict", "--manifest", "m.parquet", "--flow", "folder:flow"],
    ["export", "onnx", "--start", "1"],
    ["figure", "strip", "clip.mp4", "--output", "strip.docx"],
    ["figure", "6", "clip.mp4", "--start", "2", "--end", "1"],
    ["figure", "6", "clip.mp4", "--model", "pqft"],
    ["figure", "8", "clip.mp4", "--areas", "areas.json", "--model", "gfsalnet-mobile:appearance"],
    ["figure", "7", "clip.mp4", "--models", "pqft", "--dataset", "folder"],
    ["report", "clip.mp4", "--compare"],
    ["report", "clip.mp4", "clip.mp4", "--compare", "--second-model", "pqft"],
    ["evaluate", "--dataset", "folder", "--root", ".", "--model", "pqft", "--maps", "."],
    ["evaluate", "--dataset", "folder", "--root", ".", "--model", "pqft", "--protocol", "aim24", "--metrics", "emd"],
    ["adapt", "--dataset", "folder", "--root", ".", "--output", "mine", "--model", "pqft"],
    ["compare", "pqft"],
    ["compare", "pqft", "centre-bias"],
    ["export", "onnx", "--model", "pqft"],
    ["weights", "convert", "om-cnn", "file", "--set", "gate_gain=nan"],
    ["bench", "--models", "gfsalnet-mobile,pqft"],
    ["export", "openvino", "--int8", "--calibrate", "clip.mp4"],
    ["export", "onnx", "--int8"],
    ["export", "onnx", "--beside", "--output", "file"],
    ["dataset", "import", "csv", "file", "--video", "clip.mp4", "--output", "out"],
    ["dataset", "import", "tobii", "file", "--video", "clip.mp4", "--output", "out", "--take", "ivt"],
    ["aoi", "clip.mp4"],
    ["aoi", "clip.mp4", "--areas", "areas.json", "--people-only"],
    ["aoi", "clip.mp4", "--areas", "areas.json", "--margin", "1deg"],
    ["roi", "clip.mp4", "--encode", "--crf", "20", "--bitrate", "100"],
    ["roi", "clip.mp4", "--crf", "20"],
    ["roi", "clip.mp4", "--codec", "x265"],
    ["serve", "--host", "0.0.0.0"],
    ["marks", "clip.mp4", "--start", "2", "--end", "1"],
    *([*v.split(), *GIVEN[v], "--workers", "1024"] for v in ("predict", "evaluate", "dataset prepare", "bench")),
    ["dance"],
    ["predict"],
    ["predict", "clip.mp4", "--no-such-option"],
]
"""Each right in itself, but not with the others."""


def verbs(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        path = f"{above} {name}".strip()
        yield from verbs(command, path) if hasattr(command, "commands") else [(path, command)]


VERBS = dict(verbs(typer.main.get_command(app)))


def cases() -> Iterator[list[str]]:
    for verb, command in VERBS.items():
        for param in command.params:
            if param.param_type_name == "argument":
                if param.name not in PATH_ARGUMENTS:
                    yield [*verb.split(), *WRONG_ARGUMENTS[verb, param.name]]
            elif not getattr(param, "is_flag", False):
                option = max(param.opts, key=len)
                if option not in PATHS:
                    yield [*verb.split(), *GIVEN[verb], option, WRONG[option]]


def not_finite() -> Iterator[list[str]]:
    """NaN and infinity for every option that is a number."""
    for verb, command in VERBS.items():
        hints = get_type_hints(command.callback)
        for param in command.params:
            if float in (hints.get(param.name), *get_args(hints.get(param.name))):
                for value in ("nan", "inf"):
                    yield [*verb.split(), *GIVEN[verb], max(param.opts, key=len), value]


def test_no_verb_is_forgotten() -> None:
    assert sorted(VERBS) == sorted(GIVEN)


COMMANDS = [*cases(), *not_finite(), *TOGETHER]
TELL = f"""
import json, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from command import gfsalnet
told = []
for command in json.load(sys.stdin):
    done = gfsalnet(*command)
    there = sorted(path.name for path in Path().iterdir())
    told.append((done.exit_code, done.output, there, "torch" in sys.modules))
json.dump(told, sys.stdout)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, list[str], bool]]:
    """Command → its status, what it printed, what lies in the folder, and whether PyTorch was imported.

    A process of their own, because PyTorch stays in one that has once imported it.
    """
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "clip.mp4").touch()
    done = subprocess.run(
        [sys.executable, "-c", TELL], input=json.dumps(COMMANDS), cwd=folder, capture_output=True, text=True, check=True
    )
    return {" ".join(command): tuple(one) for command, one in zip(COMMANDS, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_ends_with_status_2_writes_nothing_and_does_not_wait_for_torch(
    command: list[str], told: dict[str, tuple[int, str, list[str], bool]]
) -> None:
    status, output, there, torch_imported = told[" ".join(command)]
    assert status == 2, output
    assert "Traceback" not in output
    option = command[-2:][0]
    if option in WRONG and command not in TOGETHER:
        assert option in output
    assert there == ["clip.mp4"]
    assert not torch_imported


def test_programs_are_told_without_a_box() -> None:
    try:
        done = gfsalnet("predict", "clip.mp4", "--progress", "json", "--start", "2", "--end", "1")
    finally:
        show_progress_as("bar")
    assert done.exit_code == 2
    assert json.loads(done.stderr) == {
        "event": "error",
        "message": "Invalid value for --end: 1 does not lie after the start",
    }


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("predict clip.mp4 --colormap jet", "'--colormap': 'jet' is not one of"),
        ("predict clip.mp4 --every 0", "'--every': "),  # whose words go on as those of the installed Typer
        ("predict clip.mp4 --rate 30/0", "30/0 is no number such as"),
        ("marks clip.mp4 --rate nan", "nan is no number such as"),
        ("dataset import csv a --video b --output c --columns time", "'--columns': 'time' names no column"),
        ("train tiny --set select=loudness", "--set: tiny: select must be one of"),
        ("train tiny --set epochs=many", "--set: tiny: epochs: it is no whole number"),
    ],
)
def test_what_is_wrong_is_said_once_and_without_words_of_libraries(
    command: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command.startswith("train"):
        pytest.importorskip("torch")
    monkeypatch.setenv("COLUMNS", "300")
    done = gfsalnet(*command.split())
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Input should be" not in done.stderr


def test_an_option_of_the_command_itself_is_told_where_it_belongs() -> None:
    done = gfsalnet("predict", "clip.mp4", "-q")
    assert done.exit_code == 2
    assert "it goes before the verb: gfsalnet -q predict" in done.stderr


def test_what_the_disk_says_is_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same options, with texts that could be right elsewhere."""
    monkeypatch.chdir(tmp_path)
    for command in (
        ["predict", "missing.mp4", "--model", "pqft"],
        ["predict", "missing.mp4", "--model", "gfsalnet"],
        ["predict", "missing.mp4", "--model", "runs/best"],
        ["evaluate", "--dataset", "folder", "--root", "nowhere", "--model", "pqft"],
        ["evaluate", "--dataset", "dhf1k", "--root", ".", "--maps", "nowhere"],
        ["compare", "pqft", "runs/mine", "--dataset", "folder", "--root", "nowhere"],
        ["train", "nothing.toml"],
        ["aoi", "missing.mp4", "--areas", "missing.json", "--model", "pqft"],
        ["dataset", "check", "folder", "nowhere"],
        ["dataset", "import", "tobii", "nothing.tsv", "--video", "missing.mp4", "--output", "out"],
        ["weights", "keys", "nothing.pth"],
        ["weights", "convert", "unisal", "nothing.pth"],
    ):
        done = gfsalnet(*command)
        assert done.exit_code == 1, (command, done.output)
        assert len([line for line in done.stderr.splitlines() if line.startswith("error:")]) == 1
