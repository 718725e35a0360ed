from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import expand_sources, open_source
from gfsalnet.video.files import folder_name, natural_key, slug


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to type commands in, and a function that fills it with empty files."""
    monkeypatch.chdir(tmp_path)

    def touch(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return touch


def test_what_is_no_file_is_taken_as_typed(place):
    typed = ["-", "0", "12", "rtsp://cam/live?x=*", "missing.mp4", "none*.mp4", "/dev/video1"]
    assert expand_sources(typed) == typed


def test_globs_of_videos_are_one_source_a_video(place):
    place("clip10.mp4", "clip2.MOV", "clip2.txt", "deep/er/x.mkv")
    assert expand_sources(["clip*"]) == ["clip2.MOV", "clip10.mp4"]
    assert expand_sources(["**/*.mkv"]) == [str(Path("deep/er/x.mkv"))]


def test_globs_of_images_stay_one_source(place):
    place("f/1.png", "f/2.jpg")
    assert expand_sources(["f/*"]) == ["f/*"]


def test_a_glob_of_both_is_a_source_each(place):
    place("x/1.png", "x/2.mp4", "x/frames/1.png", "x/frames/2.png", "x/more/a.mkv", "x/more/b.mkv")
    assert expand_sources(["x/*"]) == ["x/1.png", "x/2.mp4", "x/frames", "x/more/a.mkv", "x/more/b.mkv"]


def test_folders(place):
    place("frames/1.png", "frames/2.png", "videos/b.mp4", "videos/a10.mp4", "videos/a9.mp4", "videos/.DS_Store")
    place("nothing/notes.txt")
    assert expand_sources(["frames"]) == ["frames"]
    assert expand_sources(["videos"]) == ["videos/a9.mp4", "videos/a10.mp4", "videos/b.mp4"]
    assert expand_sources(["nothing"]) == ["nothing"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(place):
    place("clip[1].mp4", "clip1.mp4", "what?.mp4")
    assert expand_sources(["clip[1].mp4", "what?.mp4"]) == ["clip[1].mp4", "what?.mp4"]


@pytest.mark.parametrize(("stored", "typed"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_is_found_however_its_accents_are_stored(place, encode, stored, typed):
    folder, name = (unicodedata.normalize(stored, text) for text in ("Grüße", "Vidéo Ü 1.mp4"))
    Path(folder).mkdir()
    encode(f"{folder}/{name}", 3)
    other = unicodedata.normalize(typed, f"{folder}/{name}")
    assert other != f"{folder}/{name}"
    for source in (other, str(Path(other).absolute())):
        with open_source(source) as reader:
            assert len(list(reader)) == 3
    assert expand_sources([other]) == [f"{folder}/{name}"]
    assert expand_sources([unicodedata.normalize(typed, f"{folder}/Vidé*.mp4")]) == [f"{folder}/{name}"]
    assert expand_sources([unicodedata.normalize(typed, folder)]) == [f"{folder}/{name}"]
    with pytest.raises(SourceError, match="no such file"):
        open_source(f"{other}x")


def test_names_for_folders():
    assert slug("in/f*.png") == "in-f-.png"
    assert slug("***") == "source"
    assert folder_name(Path("..mp4"), ".") == "mp4"
    names = ["b1", "a10b2", "a9", "A10B1", "a", "1"]
    assert sorted(names, key=lambda name: natural_key(Path(name))) == ["1", "a", "a9", "A10B1", "a10b2", "b1"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("missing.mp4", "no such file"),
        ("missing/clip.mp4", "no such file"),
        ("empty.mp4", "the file is empty"),
        ("empty.png", "the file is empty"),
        ("none*.png", "nothing matches"),
        ("folder", "neither images nor videos"),
        ("videos", "the folder holds 2 videos. Give them one by one."),
        ("a\0b.mp4", "cannot be read"),
        ("x" * 300 + ".mp4", "cannot be read"),
        ("nowhere://at.all/x", "addresses of nowhere are not read"),
        ("file:///etc/hosts", "For a file give its path"),
        ("subfile,,start,0,end,0,,:http://at.all/x", "are not read"),
        ("concat:a.mp4|b.mp4", "no such file"),
    ],
)
def test_errors_name_the_source_and_the_remedy(place, source, problem):
    place("empty.mp4", "empty.png", "folder/data.csv", "videos/a.mp4", "videos/b.mp4")
    with pytest.raises(SourceError, match=problem) as raised:
        open_source(source)
    assert raised.value.where == source
    assert raised.value.remedy[0].isupper()


@contextlib.contextmanager
def as_nobody():
    """Without the superuser's right to read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's here")
def test_no_permission(monkeypatch):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "locked").mkdir(mode=0)
        for file in ("clip.mp4", "a.png"):
            (folder / file).write_bytes(b"x")
            (folder / file).chmod(0)
        with as_nobody():
            for source in ("clip.mp4", "a.png", "locked", "locked/clip.mp4"):
                assert expand_sources([str(folder / source)]) == [str(folder / source)]
                with pytest.raises(SourceError, match="no permission to read it"):
                    open_source(str(folder / source))
        (folder / "locked").chmod(0o700)


class FakeInput(SimpleNamespace):
    def __init__(self, data, terminal=False):
        super().__init__(buffer=io.BytesIO(data), isatty=lambda: terminal)


@pytest.fixture
def spool_folder(tmp_path, monkeypatch):
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_standard_input_is_spooled_and_removed(encode, spool_folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", FakeInput(encode("a.mp4", 9, audio="aac").read_bytes()))
    with open_source("-") as reader:
        assert len(list(reader)) == 9
        assert (reader.info.name, reader.info.source, reader.info.has_audio) == ("stdin", "-", True)
        assert reader.info.path is not None
        assert reader.info.path.is_file()
    assert list(spool_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "terminal", "problem"),
    [(b"", False, "is empty"), (b"junk" * 99, False, "FFmpeg"), (b"", True, "terminal")],
)
def test_standard_input_without_a_video(spool_folder, monkeypatch, data, terminal, problem):
    monkeypatch.setattr(sys, "stdin", FakeInput(data, terminal))
    with pytest.raises(SourceError, match=f"^-: .*{problem}"):
        open_source("-")
    assert list(spool_folder.iterdir()) == []


def test_standard_input_on_a_full_disk(spool_folder, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdin", FakeInput(b"x"))
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(SourceError, match="cannot be stored"):
        open_source("-")
    assert list(spool_folder.iterdir()) == []


def test_an_image_with_the_name_of_a_video(tmp_path):
    data = cv2.imencode(".png", np.full((32, 48, 3), 77, np.uint8))[1].tobytes()
    (tmp_path / "still.mp4").write_bytes(data)
    with open_source(str(tmp_path / "still.mp4")) as reader:
        assert [frame.rgb.shape for frame in reader] == [(32, 48, 3)]
