"""A verb that writes one file leaves a folder of that name as it is, and says so before any work is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import gfsalnet, one_line_error
from test_wrong_commands import GIVEN, VERBS

FILE_VERBS = [
    verb
    for verb, command in VERBS.items()
    for param in command.params
    if "--output" in param.opts and "file" in param.help.split(".")[0].lower()
]
"""Verbs whose `--output` is a file, as their help says."""
NEEDS = {"export": "torch", "figure": "matplotlib"}


def skip_without(verb: str) -> None:
    """What a verb needs is asked for before where it writes."""
    if verb.split()[0] in NEEDS:
        pytest.importorskip(NEEDS[verb.split()[0]])


def test_the_verbs_that_write_one_file_are_found() -> None:
    assert {"report", "bench", "export", "submit", "manifest", "figure strip", "figure metrics"} <= set(FILE_VERBS)


@pytest.mark.parametrize("verb", FILE_VERBS)
def test_a_folder_is_never_replaced_by_a_file(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without(verb)
    monkeypatch.chdir(tmp_path)
    Path("clip.mp4").touch()
    precious = Path("precious.png")
    precious.mkdir()
    (precious / "notes.txt").write_text("mine")
    done = gfsalnet(*verb.split(), *GIVEN[verb], "--output", precious)
    one_line_error(done, "precious.png", "a folder of that name is there", "another name")
    assert (precious / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in Path().iterdir()) == ["clip.mp4", "precious.png"]


@pytest.mark.parametrize("verb", ["report", "figure strip"])
def test_a_source_is_not_written_over(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without(verb)
    monkeypatch.chdir(tmp_path)
    Path("clip.png").write_text("mine")
    done = gfsalnet(*verb.split(), "clip.png", "--output", "./clip.png", "--model", "centre-bias")
    one_line_error(done, "clip.png: is what is to be read", "another name")
    assert Path("clip.png").read_text() == "mine"
