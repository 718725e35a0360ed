from __future__ import annotations

import errno
import json
import os
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors, partials_of, write_json, write_png, write_whole, written_whole


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "Free some space"), (errno.EACCES, "may write to"), (errno.EIO, "another folder")],
)
def test_system_errors_name_the_path_and_a_remedy(number, remedy):
    with pytest.raises(OutputError, match=remedy) as caught, output_errors(Path("out/overlay.mp4")):
        raise OSError(number, os.strerror(number))
    assert str(caught.value).startswith("out/overlay.mp4: cannot be written (")
    assert os.strerror(number) in str(caught.value)


def test_only_errors_about_a_hidden_file_beside_it_get_its_name(tmp_path):
    target = tmp_path / "a.txt"
    with (
        pytest.raises(OutputError, match=r"^.*/a\.txt: is full\."),
        output_errors(target),
        written_whole(target) as partial,
    ):
        raise OutputError(partial, "is full", "Wait")
    with pytest.raises(OutputError, match=r"^elsewhere: is full\."), output_errors(target):
        raise OutputError("elsewhere", "is full", "Wait")


def test_other_errors_pass_as_they_are():
    with pytest.raises(ZeroDivisionError), output_errors(Path("x")):
        raise ZeroDivisionError


def test_a_file_appears_at_the_end(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with written_whole(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
        assert partial.suffix == ".txt"  # muxers and encoders go by it
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def write_half(target: Path, error: type[BaseException]) -> None:
    with written_whole(target) as partial:
        partial.write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_and_the_old_file_stays_after_an_exception(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error):
        write_half(target, error)
    assert os.listdir(tmp_path) == ["a.txt"]
    assert target.read_text() == "old"


def test_a_folder_replaces_a_folder(tmp_path):
    target = tmp_path / "maps"
    target.mkdir()
    (target / "stale.png").touch()
    with written_whole(target) as partial:
        partial.mkdir()
        (partial / "new.png").touch()
    assert os.listdir(tmp_path) == ["maps"]
    assert os.listdir(target) == ["new.png"]


def test_a_file_never_replaces_a_folder(tmp_path):
    target = tmp_path / "report.html"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with (
        pytest.raises(OutputError, match=r"report\.html: cannot be written \(a folder of that name is there\)"),
        written_whole(target) as partial,
    ):
        partial.write_text("new")
    with pytest.raises(OutputError, match="another name"):
        write_whole(target, b"new")
    assert (target / "notes.txt").read_text() == "mine"
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_hard_link_to_the_file_that_is_there_leaves_nothing_beside_it(tmp_path):
    target = tmp_path / "a.mp4"
    target.write_text("film")
    with written_whole(target) as partial:
        os.link(target, partial)
    assert os.listdir(tmp_path) == ["a.mp4"]
    assert target.read_text() == "film"


def test_two_that_write_the_same_file_do_not_disturb_each_other(tmp_path):
    target = tmp_path / "a.txt"
    with written_whole(target) as first, written_whole(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"  # the one that ended last
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_longest_name_can_be_written(tmp_path):
    target = tmp_path / ("ä" * 125 + ".json")
    write_json(target, {})
    with written_whole(target) as partial:
        partial.touch()
        assert partials_of(target) == [partial]


def test_png_keeps_colours_and_odd_names(tmp_path):
    rgb = np.array([[[255, 0, 0], [0, 255, 0], [1, 2, 3]]], np.uint8)
    path = tmp_path / "ein Käfer 虫.png"
    write_png(path, rgb)
    stored = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(stored[..., ::-1], rgb)


def test_json_is_readable_and_keeps_its_order(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"source": Path("Käfer.mp4"), "rate": Fraction(30000, 1001), "a": [1, None, True], "seconds": 0.5})
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{\n  "source": "Käfer.mp4",\n  "rate": "30000/1001",')
    assert text.endswith("}\n")
    assert json.loads(text)["a"] == [1, None, True]


def test_json_survives_a_name_that_is_no_text(tmp_path):
    name = os.fsdecode(b"caf\xe9.mp4")
    write_json(tmp_path / "s.json", {"source": Path(name)})
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["source"] == name


@pytest.mark.parametrize(
    ("value", "error"), [(float("nan"), ValueError), (float("inf"), ValueError), (object(), TypeError)]
)
def test_json_refuses_what_it_cannot_say(tmp_path, value, error):
    with pytest.raises(error):
        write_json(tmp_path / "s.json", {"x": value})
    assert os.listdir(tmp_path) == []


def test_json_without_a_folder_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"s\.json: cannot be written"):
        write_json(tmp_path / "absent" / "s.json", {})
