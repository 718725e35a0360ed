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
        write_json(partial / "summary.json", {"request": request})


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


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with made_whole(tmp_path / "aoi"), pytest.raises(TakenError), made_whole(tmp_path / "aoi"):
        pass
