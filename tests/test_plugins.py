"""Plug-ins: what an installed package offers by entry points is found by name, and one that is broken is one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gfsalnet.cli import app
from gfsalnet.errors import GFSalNetError
from gfsalnet.files import write_png
from gfsalnet.flow import make_estimator
from gfsalnet.gaze import open_dataset
from gfsalnet.models import list_models, load_model
from gfsalnet.plugins import plugin_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = Path(__file__).parent / "plugin_example"
EXAMPLE_PROJECT = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]

Install = Callable[[str, dict[str, dict[str, str]]], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Leave behind what pip leaves of a package's metadata: its name and entry points."""

    def write(name: str, entry_points: dict[str, dict[str, str]]) -> None:
        folder = tmp_path / "site" / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        groups = [
            "\n".join([f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()), ""])
            for group, entries in entry_points.items()
        ]
        (folder / "entry_points.txt").write_text("\n".join(groups))

    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(EXAMPLE)
    return write


@pytest.fixture
def example(install: Install) -> None:
    install(EXAMPLE_PROJECT["name"], EXAMPLE_PROJECT["entry-points"])


@pytest.mark.usefixtures("example")
def test_a_model_of_another_package_predicts() -> None:
    assert "brightness" in list_models()
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[10:20, 30:40] = 255
    density = load_model("brightness", device="cpu")(picture).density
    assert density[10:20, 30:40].sum() == pytest.approx(1)
    with pytest.raises(GFSalNetError, match="brightness: is a plug-in and takes no flow estimator"):
        load_model("brightness", device="cpu", flow="dis")


@pytest.mark.usefixtures("example")
def test_an_estimator_of_another_package_is_like_ours() -> None:
    estimator = make_estimator("still", scale=2.0)
    assert (estimator.name, estimator.settings) == ("still", {"scale": 2.0})
    with pytest.raises(GFSalNetError, match=r"'still': has no setting speed.*It has: scale"):
        make_estimator("still", speed=1)
    with pytest.raises(GFSalNetError, match=r"'none such': is unknown.*dis.*still"):
        make_estimator("none such")
    model = load_model("gfsalnet-mobile", device="cpu", flow="still")
    first, second = model.predict(np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), dtype=np.uint8))
    assert first.flow is None or not first.flow.flow_pixels.any()
    assert not second.flow.flow_pixels.any()


@pytest.mark.usefixtures("example")
def test_a_dataset_of_another_package_is_opened(tmp_path: Path) -> None:
    dataset = open_dataset("One Picture", tmp_path)
    (sample,) = dataset["grey"]
    assert sample.fixations.x.tolist() == [31.5]


@pytest.mark.usefixtures("example")
def test_the_command_line_lists_and_runs_it(tmp_path: Path) -> None:
    listed = CliRunner().invoke(app, ["models"])
    assert "brightness  of the installed package gfsalnet-example" in listed.output
    write_png(tmp_path / "picture.png", np.full((48, 64, 3), 90, np.uint8))
    arguments = ["predict", str(tmp_path / "picture.png"), "--model", "brightness", "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*arguments, "--save", "npz"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "picture" / "maps.npz").is_file()


BROKEN = {
    "gfsalnet.models": {
        "missing": "no_such_module:Model",
        "odd": "builtins:dict",
        "lacks": "gfsalnet_example:none",
    },
    "gfsalnet.flow": {"missing": "no_such_module:Flow"},
    "gfsalnet.datasets": {"missing": "no_such_module:Set", "odd": "builtins:dict"},
}


def test_what_is_broken_is_one_line_with_its_package(install: Install, tmp_path: Path) -> None:
    install("broken-package", BROKEN)
    for name, reason in (("missing", "no_such_module"), ("odd", "dict and no SaliencyModel"), ("lacks", "none")):
        with pytest.raises(GFSalNetError, match=rf"{name}: is a plug-in of the package broken-package.*{reason}"):
            load_model(name, device="cpu")
    with pytest.raises(GFSalNetError, match=r"missing: is a plug-in of the package broken-package.*no_such_module"):
        make_estimator("missing")
    for name in ("missing", "odd"):
        with pytest.raises(GFSalNetError, match=f"{name}: is a plug-in of the package broken-package"):
            open_dataset(name, tmp_path)
    assert {"missing", "odd"} <= set(list_models()), "listing imports nothing, so it cannot fail"
    with pytest.raises(GFSalNetError, match="is unknown"):
        make_estimator("unheard of")
    done = CliRunner().invoke(app, ["predict", "x.mp4", "--model", "missing"])
    assert done.exit_code in (1, 2)
    assert "broken-package" in done.output
    assert "Traceback" not in done.output


def test_our_names_win(install: Install) -> None:
    install("impostor", {"gfsalnet.models": {"pqft": "builtins:dict"}, "gfsalnet.flow": {"dis": "builtins:dict"}})
    assert plugin_names("gfsalnet.models") == {"pqft": "impostor"}
    assert load_model("pqft", device="cpu").name == "pqft"
    assert make_estimator("dis").name == "dis"
    assert list_models().count("pqft") == 1


def test_plugins_are_not_looked_up_for_our_names() -> None:
    code = (
        "import importlib.metadata as m; m.entry_points = None\n"
        "from gfsalnet.models import load_model; from gfsalnet.flow import make_estimator\n"
        "load_model('pqft', device='cpu'); make_estimator('dis'); print('done')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "done", done.stderr
