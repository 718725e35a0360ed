"""A folder of results is finished or not, whenever its process is stopped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import gfsalnet.store.folder
from gfsalnet.errors import OutputError
from gfsalnet.store import ResultFolder

OURS = ("a.csv", "b.csv", "maps")


def make(folder: ResultFolder, version: int, names: tuple[str, ...] = OURS, keep: tuple[str, ...] = ()) -> None:
    with folder.claimed("x"):
        with folder.outputs(OURS, keep) as partial:
            for name in names:
                if name == "maps":
                    (partial / name).mkdir()
                    (partial / name / f"{version}.png").touch()
                else:
                    (partial / name).write_text(str(version))
        folder.finish({"version": version})


def content(folder: ResultFolder) -> dict[str, str]:
    files = [path for path in folder.path.rglob("*") if path.is_file() and path.name != "summary.json"]
    return {str(path.relative_to(folder.path)): path.read_text() for path in files}


@pytest.fixture
def folder(tmp_path: Path) -> ResultFolder:
    return ResultFolder(tmp_path / "clip")


def test_outputs_and_summary_appear_and_nothing_else(folder: ResultFolder) -> None:
    assert (folder.summary(), folder.is_free(OURS)) == (None, True)
    make(folder, 1)
    assert folder.summary() == {"version": 1}
    assert folder.names() == sorted(OURS)
    assert sorted(os.listdir(folder.path)) == [*sorted(OURS), "summary.json"]


def test_outputs_of_another_run_do_not_stay_under_a_new_summary(folder: ResultFolder) -> None:
    make(folder, 1)
    (folder.path / "notes.txt").write_text("mine")
    make(folder, 2, ("a.csv", "maps"))
    assert content(folder) == {"a.csv": "2", f"maps{os.sep}2.png": "", "notes.txt": "mine"}
    make(folder, 3, ("b.csv",), keep=OURS)
    assert content(folder) == {"a.csv": "2", "b.csv": "3", f"maps{os.sep}2.png": "", "notes.txt": "mine"}


@pytest.mark.parametrize("stopped_at", range(6))
def test_stopped_anywhere_there_is_no_summary_beside_what_it_does_not_describe(
    folder: ResultFolder, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    """The new run is stopped before its every change of a name; the old one's results stay whole or have no summary."""
    make(folder, 1)
    before, changes = content(folder), 0

    def stopping(change: Callable[..., None]) -> Callable[..., None]:
        def changed(*arguments: object, **keywords: object) -> None:
            nonlocal changes
            changes += 1
            if changes > stopped_at:
                raise KeyboardInterrupt
            change(*arguments, **keywords)

        return changed

    for name in ("publish", "remove"):
        monkeypatch.setattr(gfsalnet.store.folder, name, stopping(getattr(gfsalnet.store.folder, name)))
    monkeypatch.setattr(ResultFolder, "finish", stopping(ResultFolder.finish))
    try:
        make(folder, 2, ("a.csv", "maps"))
    except KeyboardInterrupt:
        assert folder.summary() is None or content(folder) == before
    else:
        assert folder.summary() == {"version": 2}
    monkeypatch.undo()
    assert folder.is_free(OURS) or folder.summary() is not None
    make(folder, 2, ("a.csv", "maps"))
    assert (folder.summary(), content(folder)) == ({"version": 2}, {"a.csv": "2", f"maps{os.sep}2.png": ""})


def test_an_error_names_the_place_that_was_asked_for(folder: ResultFolder) -> None:
    with folder.claimed("x"), pytest.raises(OutputError) as caught, folder.outputs(OURS) as partial:
        raise OutputError(partial / "a.csv", "cannot be written", "Free some space")
    assert str(caught.value) == f"{folder.path / 'a.csv'}: cannot be written. Free some space."
    assert not folder.path.exists()


def test_a_folder_with_something_else_in_it_is_not_free(folder: ResultFolder) -> None:
    folder.path.mkdir()
    (folder.path / "a.csv").touch()
    assert folder.is_free(OURS)
    (folder.path / "thesis.txt").touch()
    assert not folder.is_free(OURS)
    assert not ResultFolder(folder.path / "a.csv").is_free(OURS)
