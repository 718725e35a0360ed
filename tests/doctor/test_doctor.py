"""`gfsalnet doctor`: it says what is there, finds what is wrong, and names nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gfsalnet import demo
from gfsalnet.cli import app
from gfsalnet.doctor import Examination, Finding, examine, machine, self_test
from gfsalnet.doctor.examination import PARTS
from gfsalnet.doctor.finding import without_names
from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.texts import read_toml
from gfsalnet.models import load_model


@pytest.fixture(scope="module")
def examined() -> Examination:
    return examine()


@pytest.mark.slow
def test_nothing_is_wrong_here_and_every_part_is_looked_at(examined: Examination) -> None:
    assert examined.wrong == ()
    parts = dict.fromkeys(finding.part for finding in examined.findings)
    assert list(parts) == ["system", "packages", "codecs", "places", "backends", "devices", "self-test"]
    found = {finding.name: finding.value for finding in examined.findings}
    assert found["numpy"] == np.__version__
    assert found["H.264 encoder"] == "libx264"
    assert "the reference" in found["onnxruntime"]
    assert found["predicted"].startswith("25 frames in")
    assert found["maps"].startswith("as recorded")


def test_text_and_json_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfsalnet.doctor.examination.PARTS", {"codecs": PARTS["codecs"], "places": PARTS["places"]})
    examined = examine()
    lines = list(examined.lines())
    assert lines[-1] == "nothing is wrong"
    tree = examined.as_json()
    assert tree["well"]
    json.dumps(tree)
    for finding in examined.findings:
        assert tree["found"][finding.part][finding.name] == {"value": finding.value, "state": finding.state}
        assert any(finding.name in line and finding.value in line for line in lines)


def test_names_of_users_and_folders_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/annabella")
    monkeypatch.setenv("LOGNAME", "annabella")
    for text, shown in (
        ("/home/annabella/clips, 3 GB free", "~/clips, 3 GB free"),
        ("/srv/annabella/secret/out, 3 GB free", "…/out, 3 GB free"),
        (r"C:\Users\annabella\out is full", "…/out is full"),
        ("fails (OSError: '/data/patients/x.so' is gone)", "fails (OSError: '…/x.so' is gone)"),
        ("of annabella", "of USER"),
        ("Linux-6.1/x86, 3/4", "Linux-6.1/x86, 3/4"),
    ):
        assert without_names(text) == shown
    places = Examination(tuple(machine.places())).without_names()
    assert not any(str(Path.cwd().parent) in finding.value for finding in places.findings)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["doctor", *arguments])
    return done.exit_code, done.stdout


def test_the_status_says_whether_something_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding("system", "gfsalnet", "1"), Finding("places", "here", f"{Path.cwd()}/x is slow", "note")]
    monkeypatch.setattr("gfsalnet.doctor.examine", lambda: Examination(tuple(findings)))
    status, text = run()
    assert (status, "nothing is wrong" in text) == (0, True)
    assert str(Path.cwd()) not in text
    assert str(Path.cwd()) in run("--paths")[1]
    findings.append(Finding("codecs", "H.264 encoder", "missing", "wrong"))
    status, text = run()
    assert (status, text.splitlines()[-1]) == (1, "wrong: codecs, H.264 encoder: missing")
    status, text = run("--json")
    assert (status, json.loads(text)["well"]) == (1, False)


def state_of(name: str, findings: object) -> str:
    return next(each.state for each in findings if each.name == name)  # type: ignore[attr-defined]


def test_what_is_missing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "NEEDED", ("numpy", "no_such_module"))
    assert state_of("import no_such_module", machine.packages()) == "wrong"
    monkeypatch.setattr(machine, "ENCODERS", {"H.264": ("no-such-encoder",)})
    monkeypatch.setattr(machine, "DECODERS", {"AV1": ("no-such-decoder",)})
    assert state_of("H.264 encoder", machine.codecs()) == "wrong"
    assert state_of("AV1 decoder", machine.codecs()) == "note"
    (tmp_path / "file").touch()
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path / "file" / "home"))
    assert state_of("what is kept", machine.places()) == "note"
    monkeypatch.setattr(machine, "LITTLE_SPACE_BYTES", 2**62)
    assert state_of("temporary files", machine.places()) == "note"


def test_the_maps_are_recorded_of_the_model_in_the_package() -> None:
    recorded = read_toml(self_test.EXPECTED_FILE, GFSalNetError)["model"]
    how = 'python -c "from gfsalnet.doctor.self_test import record; record()"'
    assert recorded == self_test.identity(load_model(device="cpu")), f"record them anew: {how}"


def test_other_maps_than_recorded_are_found() -> None:
    recorded = read_toml(self_test.EXPECTED_FILE, GFSalNetError)
    found = {int(frame): np.array(shares) for frame, shares in recorded["shares"].items()}
    assert {shares.shape for shares in found.values()} == {self_test.GRID_HW}
    assert [round(float(shares.sum()), 3) for shares in found.values()] == [1, 1, 1]
    assert self_test.compared(found, recorded["model"]).state == "fine"
    assert self_test.compared(found, "other").state == "wrong"
    for wrong in (
        lambda shares: shares[:, ::-1],
        lambda shares: np.full((6, 8), 1 / 48),
        lambda shares: shares * np.nan,
    ):
        assert self_test.compared({**found, 24: wrong(found[24])}, recorded["model"]).state == "wrong"


@pytest.mark.slow
def test_swapped_colours_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "draw_frame", lambda *given, draw=demo.draw_frame: draw(*given)[..., ::-1].copy())
    assert state_of("maps", self_test.self_test()) == "wrong"


def test_a_part_that_breaks_does_not_stop_the_others() -> None:
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "from gfsalnet.doctor import examine\n"
        "found = examine(with_self_test=False)\n"
        "print(*(f'{each.part}/{each.name}' for each in found.wrong))\n"
        "print(*dict.fromkeys(each.part for each in found.findings))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    wrong, parts = done.stdout.splitlines()
    assert "packages/import cv2" in wrong
    assert parts == "system packages codecs places backends devices"
