"""Manifests: what is found, what is kept, and what cannot be read."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from clips import rows_of, write_clip

from gfsalnet.errors import OutputError, RequestError, SourceError
from gfsalnet.object_store import write
from gfsalnet.scale import manifest as module
from gfsalnet.scale.identity import id_of
from gfsalnet.scale.manifest import make_manifest
from gfsalnet.store import claimed


def by_name(path: Path) -> dict[str, dict[str, Any]]:
    return {row["uri"].rpartition("/")[2]: row for row in rows_of(path)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "sub/a.mp4", "sub/A.mp4"):
        write_clip(tmp_path / "in" / name)
    return tmp_path / "in"


def test_a_folder_stands_for_all_videos_below(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.pdf").write_text("no video by its name")
    (folder / ".hidden.mp4").write_text("hidden")
    (folder / "sub" / "ring").symlink_to(folder)
    counts = make_manifest([str(folder)], tmp_path / "m.parquet")
    assert counts == {"ready": 3, "listed": 0, "unreadable": 0, "kept": 0}
    rows = rows_of(tmp_path / "m.parquet")
    assert [row["uri"] for row in rows] == [str(folder / name) for name in ("b.mp4", "sub/A.mp4", "sub/a.mp4")]
    status = (folder / "b.mp4").stat()
    first = rows[0]
    assert first["id"] == id_of(str(folder / "b.mp4"))
    assert (first["size_bytes"], first["modified"].timestamp()) == (status.st_size, pytest.approx(status.st_mtime))
    assert (first["frames"], first["width"], first["height"]) == (6, 64, 48)
    assert (first["duration_seconds"], first["state"], first["problem"]) == (pytest.approx(0.6), "ready", None)
    assert [path.name for path in tmp_path.iterdir() if path.name != "in"] == ["m.parquet"]


def test_lists_globs_and_repetitions(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.txt").write_bytes("\ufeff# mine\n\nin/b.mp4\nin/gone.mp4\r\n".encode())
    monkeypatch.chdir(folder)
    counts = make_manifest([str(tmp_path / "list.txt"), "b.mp4", "**/*.mp4", "*.none"], tmp_path / "m.parquet")
    assert (counts["ready"], counts["unreadable"]) == (3, 2)
    problems = {name: row["problem"] for name, row in by_name(tmp_path / "m.parquet").items() if row["problem"]}
    assert problems["gone.mp4"].startswith("there is no such file or folder. ")
    assert problems["*.none"].startswith("nothing matches this pattern. ")
    (tmp_path / "list.txt").write_text("other.txt\n")
    with pytest.raises(RequestError, match="names another list"):
        make_manifest([str(tmp_path / "list.txt")], tmp_path / "m.parquet")


def test_what_cannot_be_read_is_a_row_with_its_reason(folder: Path, tmp_path: Path) -> None:
    (folder / "bad.mp4").write_bytes(b"no video")
    (folder / "empty.mp4").touch()
    (folder / "gone.mp4").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "list.m3u8.mp4").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    secret = "https://ann:pa55@example.org/x.mp4?token=pa55"
    counts = make_manifest([str(folder), "rtsp://camera/1", secret], tmp_path / "m.parquet")
    assert (counts["ready"], counts["unreadable"]) == (3, 7)
    rows = by_name(tmp_path / "m.parquet")
    words = {
        "bad.mp4": "it is not a video",
        "empty.mp4": "the file is empty",
        "gone.mp4": "there is no such file",
        "pipe.mp4": "it is no file",
        "list.m3u8.mp4": "it is an HLS playlist",
        "1": "addresses of rtsp are not read here",
        "x.mp4": "its user, password or query",
    }
    assert {name: row["problem"][: len(words[name])] for name, row in rows.items() if row["problem"]} == words
    assert b"pa55" not in (tmp_path / "m.parquet").read_bytes()


def test_a_second_run_looks_only_at_what_is_new_or_has_changed_or_failed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bad.mp4").write_bytes(b"no video")
    make_manifest([str(folder)], tmp_path / "m.parquet")
    looked = []
    look = module._looked_at
    monkeypatch.setattr(module, "_looked_at", lambda found: looked.append(Path(found.uri).name) or look(found))
    write_clip(folder / "new.mp4")
    write_clip(folder / "b.mp4", frames=9)
    (folder / "sub" / "A.mp4").unlink()
    counts = make_manifest([str(folder)], tmp_path / "m.parquet")
    assert sorted(looked) == ["b.mp4", "bad.mp4", "new.mp4"]
    assert counts == {"ready": 3, "listed": 0, "unreadable": 1, "kept": 1}
    rows = by_name(tmp_path / "m.parquet")
    assert list(rows) == ["b.mp4", "bad.mp4", "new.mp4", "a.mp4"]
    assert rows["b.mp4"]["frames"] == 9


def test_a_run_that_was_stopped_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOUND_AT_ONCE", 1)
    monkeypatch.setattr(module, "PART_ROWS", 1)
    look = module._looked_at

    def stopped(found: Any) -> Any:
        if found.uri.endswith("/a.mp4"):
            raise KeyboardInterrupt
        return look(found)

    monkeypatch.setattr(module, "_looked_at", stopped)
    with pytest.raises(KeyboardInterrupt):
        make_manifest([str(folder)], tmp_path / "m.parquet", workers=1)
    assert not (tmp_path / "m.parquet").exists()
    monkeypatch.setattr(module, "_looked_at", look)
    counts = make_manifest([str(folder)], tmp_path / "m.parquet", workers=1)
    assert counts == {"ready": 3, "listed": 0, "unreadable": 0, "kept": 2}
    assert not (tmp_path / "m.parquet.parts").exists()


def test_clocks_and_names_of_any_kind(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    names = [*(f"{unicodedata.normalize(form, 'é')}.mp4" for form in ("NFC", "NFD")), os.fsdecode(b"\xff.mp4")]
    for name in names:
        write_clip(folder / name)
    os.utime(folder / names[0], (2**33, 2**33))  # the year 2242
    for _ in range(2):
        counts = make_manifest([str(folder)], tmp_path / "m.parquet")
    assert counts == {"ready": 3, "listed": 0, "unreadable": 0, "kept": 3}
    assert any(row["uri"].endswith("/%FF.mp4") for row in rows_of(tmp_path / "m.parquet"))


def test_listing_opens_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "open_source", None)
    (folder / "bad.mp4").write_bytes(b"no video")
    counts = make_manifest([str(folder), "https://example.org/x.mp4"], tmp_path / "m.parquet", probe=False)
    assert counts == {"ready": 0, "listed": 5, "unreadable": 0, "kept": 0}
    monkeypatch.undo()
    assert make_manifest([str(folder)], tmp_path / "m.parquet")["kept"] == 0


def test_what_is_no_manifest_or_is_in_use(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_text("no Parquet")
    with pytest.raises(SourceError, match=r"not a readable Parquet file.*Write to another file"):
        make_manifest([str(folder)], tmp_path / "m.parquet")
    with claimed(tmp_path / "n.parquet"), pytest.raises(OutputError, match="is being made by process"):
        make_manifest([str(folder)], tmp_path / "n.parquet")


@pytest.mark.slow
def test_objects_of_a_store(s3: Any, folder: Path, tmp_path: Path) -> None:
    for name in ("in/1.mp4", "in/sub/2.mp4"):
        write(f"{s3.bucket}/{name}", (folder / "b.mp4").read_bytes(), SourceError)
    write(f"{s3.bucket}/in/empty.mp4", b"", SourceError)
    write(f"{s3.bucket}/in/notes.pdf", b"no video by its name", SourceError)
    s3.refusals = 1
    for kept in (0, 2):
        counts = make_manifest([f"{s3.bucket}/in", "s3://nobody/x"], tmp_path / "m.parquet")
        assert counts == {"ready": 2, "listed": 0, "unreadable": 2, "kept": kept}
    one = by_name(tmp_path / "m.parquet")["2.mp4"]
    assert one["uri"] == f"{s3.bucket}/in/sub/2.mp4"
    assert one["version"].startswith("ETag ")
    assert (one["frames"], one["width"], one["height"]) == (6, 64, 48)
