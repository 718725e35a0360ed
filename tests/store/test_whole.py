"""A folder that appears whole, and is known again by its request."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfsalnet.errors import OutputError
from gfsalnet.files import write_json
from gfsalnet.store import TakenError, is_made, made_whole


def make(folder: Path, request: dict[str, object]) -> None:
    with made_whole(folder) as partial:
        (partial / "table.csv").write_text("a,b\n")
        write_json(partial / "summary.json", {"request": request, "outputs": ["table.csv"]})


def half(folder: Path) -> None:
    with made_whole(folder) as partial:
        (partial / "half.csv").write_text("a,")
        raise KeyboardInterrupt


def test_the_same_request_is_found_and_another_is_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "clip" / "aoi"
    assert not is_made(folder, {"level": (1, 2)}, overwrite=False)
    make(folder, {"level": (1, 2)})
    assert is_made(folder, {"level": (1, 2)}, overwrite=False)
    assert not is_made(folder, {"level": (1, 2)}, overwrite=True)
    with pytest.raises(OutputError, match=r"level was \[1, 2\], is 3.*--overwrite"):
        is_made(folder, {"level": 3}, overwrite=False)
    (folder / "summary.json").unlink()
    with pytest.raises(OutputError, match="something else is in the way"):
        is_made(folder, {"level": 3}, overwrite=False)


def test_what_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "clip" / "aoi"
    with pytest.raises(KeyboardInterrupt):
        half(folder)
    assert not folder.parent.exists()
    make(folder, {})
    with pytest.raises(OutputError, match="cannot be written"), made_whole(folder):
        raise OSError(28, "No space left on device")
    assert sorted(path.name for path in folder.parent.rglob("*")) == ["aoi", "summary.json", "table.csv"]


def test_what_no_run_has_made_is_never_removed(tmp_path: Path) -> None:
    folder = tmp_path / "clip" / "reframe"
    folder.mkdir(parents=True)
    (folder / ".DS_Store").touch()
    make(folder, {})
    make(folder, {"again": True})
    notes = folder / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(OutputError, match=r"holds notes\.txt beside the results.*Move that away"):
        make(folder, {})
    (folder / "summary.json").unlink()
    with pytest.raises(OutputError, match="something else is in the way"):
        make(folder, {})
    assert notes.read_text() == "mine"
    assert sorted(path.name for path in folder.parent.rglob("*")) == ["notes.txt", "reframe", "table.csv"]


def test_a_file_in_place_of_the_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "aoi").write_text("mine")
    with pytest.raises(OutputError, match="something else is in the way"), made_whole(tmp_path / "aoi"):
        raise AssertionError
    assert (tmp_path / "aoi").read_text() == "mine"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with made_whole(tmp_path / "aoi"), pytest.raises(TakenError), made_whole(tmp_path / "aoi"):
        pass
