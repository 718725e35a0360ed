"""What keeps the server from starting is said in one line, before it listens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from gfsalnet.errors import OutputError, SourceError


def test_a_file_in_place_of_its_folder(app: Callable[..., FastAPI], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(OutputError, match=r"data: cannot be written \(File exists\)"):
        app()
    assert (tmp_path / "data").read_text() == "mine"


def test_a_database_that_is_none(app: Callable[..., FastAPI], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "jobs.sqlite3").write_text("no database at all, but long enough to be held for one" * 9)
    with pytest.raises(OutputError, match=r"jobs\.sqlite3: cannot be used \(file is not a database\)"):
        app()


@pytest.mark.parametrize("root", ["nowhere", "clip.mp4"])
def test_a_root_that_is_no_folder(root: str, app: Callable[..., FastAPI], tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(SourceError, match=f"{root}: is no folder.*--root"):
        app(root=tmp_path / root)
    assert not (tmp_path / "data").exists()
