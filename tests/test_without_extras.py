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


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as a user gives it."""
    return python(folder, "-m", "gfsalnet", *map(str, arguments))


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


def test_predict(folder: Path) -> None:
    done = run(folder, "predict", "mine/images", "--output", "out", "--save", "overlay,gate,maps,csv,flow")
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "out" / "images" / "summary.json").read_text())
    assert summary["model"]["backend"] == "onnxruntime"
    assert summary["frames"] == 2
    densities = np.load(folder / "out" / "images" / "maps.npz")["density"]
    assert densities.sum((1, 2)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("model", ["gfsalnet-mobile", "gfsalnet-mobile:appearance", "centre-bias"])
def test_evaluate(folder: Path, model: str) -> None:
    """With a worker, too: it is a process of its own."""
    given = ("--dataset", "folder", "--root", "mine", "--humans-every", 0, "--metrics", "nss,cc,auc_judd")
    workers = 1 if model == "gfsalnet-mobile" else 0
    done = run(folder, "evaluate", *given, "--model", model, "--workers", workers, "--output", f"r-{len(model)}")
    assert done.returncode == 0, done.stderr
    assert f"{model}: 2 frames of 2 videos scored" in done.stdout


@pytest.mark.parametrize("arguments", [("models",), ("dataset", "check", "folder", "mine")])
def test_other_verbs(folder: Path, arguments: tuple[str, ...]) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 0, done.stderr


def test_every_verb_has_its_help(folder: Path) -> None:
    code = """
from typer.main import get_command
from typer.testing import CliRunner
from gfsalnet.cli import app

def verbs(command, path):
    inner = getattr(command, "commands", {})
    return [verb for name, of_name in inner.items() for verb in verbs(of_name, [*path, name])] or [path]

for verb in verbs(get_command(app), []):
    done = CliRunner().invoke(app, [*verb, "--help"])
    print(done.exit_code, *verb)
"""
    lines = run_code(folder, code).splitlines()
    assert len(lines) >= 14
    assert [line for line in lines if not line.startswith("0 ")] == []


NEEDS_MORE = [
    (("train", "tiny"), "torch"),
    (("export", "onnx"), "torch"),
    (("bench",), "torch"),
    (("predict", "mine/images", "--backend", "torch", "--output", "o"), "torch"),
    (("predict", "mine/images", "--backend", "openvino", "--output", "o"), "openvino"),
    (("predict", "mine/images", "--model", "pqft", "--output", "o"), "scipy"),
    (("predict", "mine/images", "--device", "cuda", "--output", "o"), "torch"),
    (("weights", "convert", "unisal", "mine/fixations.csv"), "torch"),
]


@pytest.fixture(scope="module")
def answers(folder: Path) -> list[tuple[int, str]]:
    """Exit status and what is said on stderr, of each of `NEEDS_MORE`; one process runs them all."""
    code = f"""
import json
from typer.testing import CliRunner
from gfsalnet.cli import app

done = [CliRunner().invoke(app, arguments) for arguments in {[list(arguments) for arguments, _ in NEEDS_MORE]}]
print(json.dumps([(one.exit_code, one.stderr) for one in done]))
"""
    return [(status, stderr) for status, stderr in json.loads(run_code(folder, code).splitlines()[-1])]


@pytest.mark.parametrize(
    ("number", "package"),
    [
        pytest.param(number, package, id=f"{arguments[0]}-{package}")
        for number, (arguments, package) in enumerate(NEEDS_MORE)
    ],
)
def test_what_needs_more_says_so_in_one_line(answers: list[tuple[int, str]], number: int, package: str) -> None:
    status, stderr = answers[number]
    assert status == 1
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("error:")
    assert f"needs {package}, which is not installed" in lines[0]
    assert f'pip install "gfsalnet[{EXTRA_OF[package]}]"' in lines[0]


def test_in_python_it_is_an_import_error(folder: Path) -> None:
    code = "import gfsalnet.network as n; n.mobile()\ntry:\n    n.GFSalNet\nexcept ImportError as e:\n    print(e)"
    assert run_code(folder, code).startswith("gfsalnet.network.GFSalNet: needs torch, which is not installed.")
