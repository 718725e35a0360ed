"""The command line where no optional package can be imported: it works, or says in one line what to install."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.packages import EXTRA_OF

OPTIONAL = sorted(set(EXTRA_OF) - {"pydantic"})  # which typer brings, of late
BLOCKED = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place to run in, with two pictures that two viewers looked at."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(BLOCKED)  # Python runs it at every start, in workers too
    images = folder / "mine" / "images"
    images.mkdir(parents=True)
    rows = ["image,x,y,subject"]
    rng = np.random.default_rng(0)
    for index in range(2):
        picture = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
        cv2.imwrite(str(images / f"{index}.png"), picture)
        rows += [f"{index}.png,{30 + 10 * look},{30 + 5 * index},{look // 2}" for look in range(4)]
    (folder / "mine" / "fixations.csv").write_text("\n".join(rows) + "\n")
    return folder


def run_code(folder: Path, code: str) -> str:
    """What it prints."""
    done = python(folder, "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    package = Path(__file__).parents[1] / "src"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(package)])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=600)


def test_the_packages_are_out_of_reach(folder: Path) -> None:
    code = f"""
import importlib

for package in {OPTIONAL}:
    try:
        importlib.import_module(package)
        print(package)
    except ImportError:
        pass
"""
    assert run_code(folder, code) == ""


RUN = {
    "predict": ("predict", "mine/images", "--output", "out", "--save", "overlay,gate,maps,csv,flow"),
    "models": ("models",),
    "dataset check": ("dataset", "check", "folder", "mine"),
    **{
        f"evaluate {model}": (
            *(
                "evaluate",
                "--dataset",
                "folder",
                "--root",
                "mine",
                "--humans-every",
                "0",
                "--metrics",
                "nss,cc,auc_judd",
            ),
            *("--model", model, "--workers", str(workers), "--output", f"report-{number}"),
        )
        for number, (model, workers) in enumerate(
            [("gfsalnet-mobile", 1), ("gfsalnet-mobile:appearance", 0), ("centre-bias", 0)]  # a worker is a process
        )
    },
}
"""What works without any of them."""

NEEDS_MORE = {
    "train": (("train", "tiny"), "torch"),
    "export": (("export", "onnx"), "torch"),
    "bench": (("bench",), "torch"),
    "backend torch": (("predict", "mine/images", "--backend", "torch", "--output", "o"), "torch"),
    "backend openvino": (("predict", "mine/images", "--backend", "openvino", "--output", "o"), "openvino"),
    "pqft": (("predict", "mine/images", "--model", "pqft", "--output", "o"), "scipy"),
    "manifest": (("manifest", "mine/images"), "pyarrow"),
    "ray": (("predict", "mine/images", "--ray", "local", "--output", "o"), "ray"),
    "figure": (("figure", "strip", "mine/images"), "matplotlib"),
    "cuda": (("predict", "mine/images", "--device", "cuda", "--output", "o"), "torch"),
    "weights": (("weights", "convert", "unisal", "mine/fixations.csv"), "torch"),
}
"""What does not, and the package that it needs."""


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, tuple[int, str, str]]:
    """Exit status and what is said on stdout and stderr, of `RUN`, `NEEDS_MORE` and the help of every verb.

    One process runs them all: each would first import the same for half a second.
    """
    commands = {**{name: list(words) for name, words in RUN.items()}}
    commands |= {name: list(words) for name, (words, _) in NEEDS_MORE.items()}
    code = f"""
import json
import typer.testing
from typer.main import get_command
from gfsalnet.cli import app

def verbs(command, path):
    inner = getattr(command, "commands", {{}})
    return [verb for name, of_name in inner.items() for verb in verbs(of_name, [*path, name])] or [path]

if __name__ == "__main__":  # workers import this file
    commands = {commands}
    built = get_command(app)
    typer.testing._get_command = lambda _: built  # which would be built anew for each command
    commands |= {{" ".join(["help of", *verb]): [*verb, "--help"] for verb in verbs(built, [])}}
    done = {{name: typer.testing.CliRunner().invoke(app, arguments) for name, arguments in commands.items()}}
    with open("answers.json", "w") as file:
        json.dump({{name: (one.exit_code, one.stdout, one.stderr) for name, one in done.items()}}, file)
"""
    (folder / "commands.py").write_text(code)
    done = python(folder, "commands.py")
    assert done.returncode == 0, done.stderr
    return {name: tuple(answer) for name, answer in json.loads((folder / "answers.json").read_text()).items()}


@pytest.mark.parametrize("name", RUN)
def test_what_works(answers: dict[str, tuple[int, str, str]], name: str) -> None:
    status, stdout, stderr = answers[name]
    assert status == 0, stderr
    if name.startswith("evaluate"):
        assert f"{name.removeprefix('evaluate ')}: 2 frames of 2 videos scored" in stdout


@pytest.mark.usefixtures("answers")
def test_predictions_are_there(folder: Path) -> None:
    summary = json.loads((folder / "out" / "images" / "summary.json").read_text())
    assert summary["model"]["backend"] == "onnxruntime"
    assert summary["frames"] == 2
    densities = np.load(folder / "out" / "images" / "maps.npz")["density"]
    assert densities.sum((1, 2)) == pytest.approx(1, abs=1e-4)


def test_every_verb_has_its_help(answers: dict[str, tuple[int, str, str]]) -> None:
    of_verbs = {name: answer for name, answer in answers.items() if name.startswith("help of")}
    assert len(of_verbs) >= 14
    assert [name for name, (status, _, _) in of_verbs.items() if status != 0] == []


@pytest.mark.parametrize("name", NEEDS_MORE)
def test_what_needs_more_says_so_in_one_line(answers: dict[str, tuple[int, str, str]], name: str) -> None:
    package = NEEDS_MORE[name][1]
    status, _, stderr = answers[name]
    assert status == 1
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("error:")
    assert f"needs {package}, which is not installed" in lines[0]
    assert f'pip install "gfsalnet[{EXTRA_OF[package]}]"' in lines[0]


def test_as_a_user_gives_it(folder: Path) -> None:
    done = python(folder, "-m", "gfsalnet", "models")
    assert done.returncode == 0, done.stderr


def test_in_python_it_is_an_import_error(folder: Path) -> None:
    code = "import gfsalnet.network as n; n.mobile()\ntry:\n    n.GFSalNet\nexcept ImportError as e:\n    print(e)"
    assert run_code(folder, code).startswith("gfsalnet.network.GFSalNet: needs torch, which is not installed.")
