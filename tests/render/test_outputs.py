from __future__ import annotations

import os
from fractions import Fraction

import cv2
import numpy as np
import pytest

from gfsalnet.errors import OutputError, SourceError
from gfsalnet.render.look import Look, MapForm
from gfsalnet.render.outputs import SINKS, open_sinks, output_names, parse_save
from gfsalnet.video import VideoInfo

OWN = tuple(word for word in SINKS if word != "report")
"""The words that need no more than predictions."""


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
    with pytest.raises(ValueError, match="known are overlay, focus, contours, side, gate, flow, maps, png"):
        parse_save(text)


def test_names_say_what_will_be_written():
    assert output_names(parse_save(",".join(SINKS)), "video") == [
        *("overlay.mp4", "focus.mp4", "contours.mp4", "side.mp4", "gate.mp4", "flow.mp4"),
        *("maps", "maps.npz", "maps16", "grey.mp4", "maps.mkv", "frames.csv", "report.html"),
    ]
    assert output_names(["maps", "npz"], "video") == ["maps", "maps.npz"]
    assert output_names(["overlay", "gate", "csv"], "image") == ["overlay.png", "gate.png", "frames.csv"]


@pytest.mark.parametrize("kind", ["video", "image", "frames"])
def test_all_sinks_write_what_their_names_say(tmp_path, make_prediction, kind):
    folder = tmp_path / "out" / "clip"
    with open_sinks(OWN, folder, info(kind), maps=MapForm(size_hw=(6, 8))) as sink:
        sink.write(make_prediction(0, gate=0.5))
    assert sink.notes == []
    assert sorted(os.listdir(folder)) == sorted(output_names(OWN, kind))
    with np.load(folder / "maps.npz") as stored:
        assert stored["density"].shape == (1, 6, 8)


def test_a_still_becomes_a_picture_at_full_size(tmp_path, make_prediction):
    with open_sinks(["overlay", "flow"], tmp_path, info("image", (4200, 20))) as sink:
        sink.write(make_prediction(size_hw=(20, 4200)))
    assert cv2.imread(str(tmp_path / "overlay.png")).shape == (20, 4200, 3)
    assert cv2.imread(str(tmp_path / "flow.png")).min() == 255


def test_nothing_is_left_by_any_sink_after_an_exception(tmp_path, make_prediction):
    def interrupted() -> None:
        with open_sinks(OWN, tmp_path, info("video")) as sink:
            sink.write(make_prediction(0, gate=0.5))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_a_page_needs_somebody_who_knows_the_model(tmp_path):
    with pytest.raises(OutputError, match="gfsalnet predict"), open_sinks(["csv", "report"], tmp_path, info("video")):
        pass
    assert os.listdir(tmp_path) == []


def test_a_model_without_a_gate_says_so(tmp_path, make_prediction):
    with pytest.raises(OutputError, match="one stream"), open_sinks(["csv", "gate"], tmp_path, info("video")) as sink:
        sink.write(make_prediction(0))
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_way_is_an_output_error(tmp_path):
    (tmp_path / "clip").touch()
    with pytest.raises(OutputError, match="cannot be written"), open_sinks(["csv"], tmp_path / "clip", info("video")):
        pass


class _Again:
    """A source that is read a second time."""

    def __init__(self, frames):
        self.frames = frames

    def __enter__(self):
        return self.frames

    def __exit__(self, *_):
        return None


def test_what_is_scaled_by_the_video_waits_for_its_end(tmp_path, make_prediction):
    faint = make_prediction(1, density=(make_prediction(1).map_density + 3 / 768) / 4)
    predictions = [make_prediction(0), faint]
    frames = [prediction.frame for prediction in predictions]
    options = {"look": Look(scale="video"), "maps": MapForm(values="video"), "reopen": lambda: _Again(frames)}
    with open_sinks(["overlay", "maps", "csv"], tmp_path, info("video"), **options) as sink:
        for prediction in predictions:
            sink.write(prediction)
        assert not (tmp_path / "maps").exists()
    first, second = (cv2.imread(str(tmp_path / "maps" / f"00000{i}.png"), 0) for i in (0, 1))
    peaks = [p.map_density.max() for p in predictions]
    assert first.max() == pytest.approx(255, abs=8)  # interpolation to the frame's size loses some
    assert second.max() / first.max() == pytest.approx(peaks[1] / peaks[0], abs=0.05)
    with np.load(tmp_path / "maps.npz") as stored:
        assert stored["saliency"].max() == 1
    assert sorted(os.listdir(tmp_path)) == ["frames.csv", "maps", "maps.npz", "overlay.mp4"]


def test_a_source_that_is_read_once_has_no_video_scale(tmp_path):
    sinks = open_sinks(["overlay"], tmp_path, info("camera"), look=Look(scale="video"))
    with pytest.raises(SourceError, match="--scale absolute"), sinks:
        pass
    assert os.listdir(tmp_path) == []
