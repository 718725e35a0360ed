"""The table of failures is of the last try of each source."""

from __future__ import annotations

from pathlib import Path

from gfsalnet.store import note_failures


def rows(path: Path | None) -> list[str]:
    return [] if path is None else path.read_text(encoding="utf-8").splitlines()[1:]


def test_a_failure_stays_until_it_is_mended(tmp_path: Path) -> None:
    assert note_failures(tmp_path / "none", {"a": None}) is None
    assert not (tmp_path / "none").exists()
    first = note_failures(tmp_path, {"a": "bad, worse", "b": "lost", "c": None})
    assert rows(first) == ['a,"bad, worse"', "b,lost"]
    assert rows(note_failures(tmp_path, {"b": "still lost"})) == ['a,"bad, worse"', "b,still lost"]
    assert rows(note_failures(tmp_path, {"a": None})) == ["b,still lost"]
    assert note_failures(tmp_path, {"b": None}) is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_table_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "failures.csv").write_bytes(b"\xff\x00not ours")
    assert rows(note_failures(tmp_path, {"a": "bad"})) == ["a,bad"]
