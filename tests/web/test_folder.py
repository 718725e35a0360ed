"""What `gfsalnet web` writes, without a browser."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gfsalnet.cli import app
from gfsalnet.errors import OutputError
from gfsalnet.models import load_model
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.render.sinks import COLUMN_FORMATS
from gfsalnet.web import HEADERS, folder_files, write_folder
from gfsalnet.web.folder import PAGE, POLICY

MOST_BYTES, MOST_WEIGHTS = 25e6, 10e6
MODULES = sorted(PAGE.glob("*.js"))


def test_the_folder_is_whole_and_small(folder: Path) -> None:
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert set(files) == set(folder_files())
    assert sum(size for name, size in files.items() if ".jspi." not in name) <= MOST_BYTES
    assert files["model.onnx"] + files["model.safetensors"] <= MOST_WEIGHTS


def test_the_settings_are_those_of_the_shipped_model() -> None:
    settings = json.loads(folder_files()["settings.json"])
    model = load_model("gfsalnet-mobile:appearance")
    assert isinstance(model, GFSalNetModel)
    assert model.over_time is not None
    assert settings["model"]["weights"] == model.weights_hash
    for kind in ("still", "video"):
        reading = getattr(model.over_time, kind)
        assert reading.blur == 0, "the page knows no blur"
        told = {key: settings["model"][kind][key] for key in ("temperature", "centre")}
        assert told == {"temperature": reading.temperature, "centre": [*map(list, reading.centre)]}
    assert model.over_time.video.areas == (1,), "the page looks at a frame once"
    assert settings["columns"].keys() == COLUMN_FORMATS.keys()


def test_the_page_itself_says_what_it_may_load() -> None:
    (said,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', (PAGE / "index.html").read_text())
    assert unescape(said) == POLICY
    assert HEADERS["content-security-policy"].startswith(POLICY)
    assert "unsafe-inline" not in POLICY
    assert "'unsafe-eval'" not in POLICY


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_modules_import_what_is_there_and_name_nothing_elsewhere(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    for name in re.findall(r'from "([^"]+)"', text):
        assert (PAGE / name).is_file(), name
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert text.count("\n") <= 400


def test_every_word_is_used_and_every_text_has_a_word() -> None:
    words = (PAGE / "words.js").read_text(encoding="utf-8")
    defined = set(re.findall(r"^  (\w+):", words, re.MULTILINE))
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    code = "".join(path.read_text(encoding="utf-8") for path in MODULES if path.name != "words.js")
    used = set(re.findall(r'data-text="(\w+)"', page)) | set(re.findall(r"\bwords\.(?!js\b)(\w+)", code))
    assert used == defined


def test_a_change_of_any_file_makes_browsers_fetch_all_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def cache() -> str:
        worker = folder_files()["sw.js"]
        assert isinstance(worker, bytes)
        return worker.decode().partition("\n")[0]

    before = cache()
    assert cache() == before
    for path in PAGE.rglob("*"):
        if path.is_file() and path.suffix != ".wasm":
            target = tmp_path / path.relative_to(PAGE)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes() + (b"\n" if path.name == "page.css" else b""))
    monkeypatch.setattr("gfsalnet.web.folder.PAGE", tmp_path)
    assert cache() != before


@pytest.mark.slow  # all of it is written once more
def test_the_verb_says_where_it_is_and_how_to_look_at_it(tmp_path: Path) -> None:
    output = tmp_path / "looks"
    done = CliRunner().invoke(app, ["web", "--output", str(output)])
    assert done.exit_code == 0
    assert f"{output}: " in done.stdout
    assert f"--directory {output} 8000" in done.stdout
    assert (output / "index.html").is_file()


def test_a_page_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    (tmp_path / "settings.json").write_text('{"version": 3}')
    with pytest.raises(OutputError, match=r"holds index\.html, settings\.json of another page.*another --output"):
        write_folder(tmp_path)
    assert (tmp_path / "index.html").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "settings.json"]


def test_a_folder_of_an_earlier_version_or_of_a_stopped_run_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {
        "index.html": b"new page",
        "page.css": b"colours",
        "settings.json": b'{"version": 2, "model": 0, "look": 0}',
    }
    monkeypatch.setattr("gfsalnet.web.folder.folder_files", lambda: page)
    (tmp_path / "page.css").write_bytes(page["page.css"])
    (tmp_path / "CNAME").write_text("looks.example.org")
    write_folder(tmp_path)
    (tmp_path / "index.html").write_text("page of version 1")
    write_folder(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {**page, "CNAME": b"looks.example.org"}


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="is no folder"):
        write_folder(tmp_path / "taken")
