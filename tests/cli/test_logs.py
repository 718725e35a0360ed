"""-v, -q and --log-file: silent by default, useful when asked, and without secrets."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from command import gfsalnet, one_line_error

from gfsalnet.demo import draw_frame
from gfsalnet.files import write_png


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write_png(tmp_path / "picture.png", draw_frame(1.0))
    return "picture.png"


def predict(picture: str, *options: str) -> tuple[str, str]:
    done = gfsalnet(*options, "predict", picture, "--model", "centre-bias", "--save", "csv", "--overwrite")
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_a_program_that_uses_the_library_hears_nothing(tmp_path: Path, picture: str) -> None:
    code = f"import gfsalnet; print(len(list(gfsalnet.load_model('gfsalnet-mobile').predict({picture!r}))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_what_is_said_with_v(picture: str) -> None:
    assert predict(picture)[1] == ""
    said = gfsalnet("-v", "predict", picture, "--backend", "reference", "--save", "csv", "-o", "other").stderr
    model = "gfsalnet-mobile, weights ", "run by onnxruntime"
    for words in ("picture.png: image, 640x360 pixels", "StillsReader", *model, "by stage: {"):
        assert words in said
    assert "DEBUG" not in said
    assert predict(picture)[1] == ""  # the next command is silent again


def test_what_is_said_with_q(picture: str, tmp_path: Path) -> None:
    assert "picture.png: 1 frame" in predict(picture)[0]
    assert predict(picture, "-q") == ("", "")
    assert "gfsalnet-mobile" in gfsalnet("-q", "models").stdout  # which is what was asked for
    one_line_error(gfsalnet("-q", "predict", "missing.png", "--model", "centre-bias"), "no such file")
    assert gfsalnet("-q", "-v", "models").exit_code == 2


def test_the_log_file_holds_everything_and_goes_on(picture: str, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "work.log"
    predict(picture, "--log-file", str(file), "-q")
    url = "http://ann:pa55@127.0.0.1:9/x.mp4?token=pa55"
    assert gfsalnet("--log-file", file, "predict", url, "--model", "centre-bias").exit_code == 1
    text = file.read_text(encoding="utf-8")
    for words in (
        "Python 3.",
        "picture.png: image",
        "picture.png: 1 frame",
        "ERROR gfsalnet.printed: http://127.0.0.1:9/x",
    ):
        assert words in text
    assert "pa55" not in text
    assert logging.getLogger("gfsalnet").handlers == [logging.getLogger("gfsalnet").handlers[0]]


def test_a_fault_is_in_the_log_with_its_traceback(
    picture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("gfsalnet.predict.job.open_source", broken)
    file = tmp_path / "work.log"
    assert gfsalnet("--log-file", file, "predict", picture, "--model", "centre-bias").exit_code == 1
    assert "in broken" in file.read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written(picture: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    one_line_error(gfsalnet("--log-file", "file/work.log", "models"), "cannot be written")
    if Path("/dev/full").exists():
        done = gfsalnet("--log-file", "/dev/full", "predict", picture, "--model", "centre-bias", "--save", "csv")
        one_line_error(done, "/dev/full: cannot be written", "without a log", status=0)
        assert (tmp_path / "gfsalnet-out" / "picture" / "frames.csv").exists()
