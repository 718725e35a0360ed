from __future__ import annotations

import os
from fractions import Fraction

import cv2
import numpy as np
import pytest

from gfsalnet.errors import OutputError
from gfsalnet.render.outputs import SINKS, open_sinks, output_names, parse_save
from gfsalnet.video import VideoInfo


def info(kind: str, size_wh: tuple[int, int] = (64, 36)) -> VideoInfo:
    return VideoInfo(
        source="clip",
        name="clip",
        path=None,
        size_wh=size_wh,
        rate=Fraction(25),
        time_base=Fraction(1, 12800),
        estimated_frames=None,
        duration_seconds=None,
        has_audio=False,
        kind=kind,
    )


def test_words_are_split_cleaned_and_kept_in_order():
    assert parse_save("overlay,maps,csv") == ("overlay", "maps", "csv")
    assert parse_save(" csv, overlay ,csv,") == ("csv", "overlay")


@pytest.mark.parametrize("text", ["overlay,heat", "", ","])
def test_unknown_words_are_refused_with_the_known_ones(text):
    with pytest.raises(ValueError, match="known are overlay, maps, png, npz, gate, flow, csv"):
        parse_save(text)


def test_names_say_what_will_be_written():
    assert output_names(parse_save(",".join(SINKS)), "video") == [
        "overlay.mp4",
        "maps",
        "maps.npz",
        "gate.mp4",
        "flow.mp4",
        "frames.csv",
    ]
    assert output_names(["maps", "npz"], "video") == ["maps", "maps.npz"]
    assert output_names(["overlay", "gate", "csv"], "image") == ["overlay.png", "gate.png", "frames.csv"]


@pytest.mark.parametrize("kind", ["video", "image", "frames"])
def test_all_sinks_write_what_their_names_say(tmp_path, make_prediction, kind):
    folder = tmp_path / "out" / "clip"
    with open_sinks(tuple(SINKS), folder, info(kind), map_size_hw=(6, 8)) as sink:
        sink.write(make_prediction(0, gate=0.5))
    assert sink.notes == []
    assert sorted(os.listdir(folder)) == sorted(output_names(tuple(SINKS), kind))
    with np.load(folder / "maps.npz") as stored:
        assert stored["density"].shape == (1, 6, 8)


def test_a_still_becomes_a_picture_at_full_size(tmp_path, make_prediction):
    with open_sinks(["overlay", "flow"], tmp_path, info("image", (4200, 20))) as sink:
        sink.write(make_prediction(size_hw=(20, 4200)))
    assert cv2.imread(str(tmp_path / "overlay.png")).shape == (20, 4200, 3)
    assert cv2.imread(str(tmp_path / "flow.png")).min() == 255


def test_nothing_is_left_by_any_sink_after_an_exception(tmp_path, make_prediction):
    def interrupted() -> None:
        with open_sinks(tuple(SINKS), tmp_path, info("video")) as sink:
            sink.write(make_prediction(0, gate=0.5))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_a_model_without_a_gate_says_so(tmp_path, make_prediction):
    with pytest.raises(OutputError, match="one stream"), open_sinks(["csv", "gate"], tmp_path, info("video")) as sink:
        sink.write(make_prediction(0))
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_way_is_an_output_error(tmp_path):
    (tmp_path / "clip").touch()
    with pytest.raises(OutputError, match="cannot be written"), open_sinks(["csv"], tmp_path / "clip", info("video")):
        pass
