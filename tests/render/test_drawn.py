from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from gfsalnet.errors import OutputError
from gfsalnet.render.drawn import (
    Rendering,
    draw_contours,
    draw_gate,
    draw_overlay,
    draw_side,
    still_sink,
    video_sink,
    video_size_wh,
)
from gfsalnet.render.look import Look
from gfsalnet.render.overlay import overlay
from gfsalnet.video import VideoInfo

PLAIN = Rendering(look=Look(legend=False))


def video_info(size_wh: tuple[int, int], path: Path | None = None, has_audio: bool = False) -> VideoInfo:
    return VideoInfo(
        source="clip.mp4",
        name="clip",
        path=path,
        size_wh=size_wh,
        rate=Fraction(25),
        time_base=Fraction(1, 12800),
        estimated_frames=None,
        duration_seconds=None,
        has_audio=has_audio,
        kind="video",
    )


def with_sound(source: Path) -> VideoInfo:
    return video_info((64, 36), source, has_audio=True)


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def write_tone(path: Path, seconds: int = 1) -> None:
    """A source with sound, as far as the writer needs one."""
    samples = (8000 * np.sin(np.arange(48000 * seconds) / 20)).astype(np.int16)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)


def test_a_video_has_the_frames_rate_and_pictures_of_its_source(tmp_path, make_prediction):
    predictions = [make_prediction(i, size_hw=(48, 64), map_hw=(24, 32)) for i in range(6)]
    smooth = [cv2.GaussianBlur(prediction.frame.rgb, (0, 0), 8) for prediction in predictions]
    for prediction, rgb in zip(predictions, smooth, strict=True):
        prediction.frame.rgb[:] = rgb  # noise would not survive the encoder
    with video_sink(tmp_path / "overlay.mp4", video_info((64, 48)), draw_overlay, PLAIN) as sink:
        for prediction in predictions:
            sink.write(prediction)
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert container.streams.video[0].average_rate == 25
        assert container.streams.video[0].codec_context.name == "h264"
    pictures = decoded(tmp_path / "overlay.mp4")
    assert len(pictures) == 6
    for picture, prediction in zip(pictures, predictions, strict=True):
        difference = picture.astype(float) - overlay(prediction.frame.rgb, prediction.map_density)
        assert np.abs(difference).mean() < 8
    assert os.listdir(tmp_path) == ["overlay.mp4"]


def test_a_video_keeps_the_sound(tmp_path, make_prediction):
    source = tmp_path / "source.m4a"
    write_tone(source)
    with video_sink(
        tmp_path / "overlay.mp4", video_info((64, 36), source, has_audio=True), draw_overlay, PLAIN
    ) as sink:
        for i in range(25):
            sink.write(make_prediction(i))
    assert sink.notes == []
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert len(container.streams.audio) == 1
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 44000


def test_sound_that_is_lost_is_noted(tmp_path, make_prediction):
    source = tmp_path / "source.m4a"
    source.write_bytes(b"no sound at all")
    with video_sink(
        tmp_path / "overlay.mp4", video_info((64, 36), source, has_audio=True), draw_overlay, PLAIN
    ) as sink:
        sink.write(make_prediction())
    assert len(sink.notes) == 1
    assert "without sound" in sink.notes[0]


@pytest.mark.parametrize(
    ("size_wh", "video_wh"),
    [((640, 360), (640, 360)), ((4096, 2304), (4096, 2304)), ((7680, 4320), (4096, 2304)), ((9, 8192), (4, 4096))],
)
def test_only_frames_beyond_the_limit_are_drawn_smaller(size_wh, video_wh):
    assert video_size_wh(size_wh) == video_wh


def test_a_wide_frame_is_drawn_smaller(tmp_path, make_prediction):
    with video_sink(tmp_path / "o.mp4", video_info((8192, 64)), draw_overlay, PLAIN) as sink:
        sink.write(make_prediction(size_hw=(64, 8192)))
    assert decoded(tmp_path / "o.mp4")[0].shape == (32, 4096, 3)


def test_an_interrupted_video_leaves_nothing(tmp_path, make_prediction):
    def interrupted() -> None:
        with video_sink(tmp_path / "o.mp4", video_info((64, 36)), draw_overlay, PLAIN) as sink:
            sink.write(make_prediction())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_a_video_that_cannot_be_written_is_an_output_error(tmp_path, make_prediction):
    def opened() -> None:
        with video_sink(tmp_path / "absent" / "o.mp4", video_info((64, 36)), draw_overlay, PLAIN) as sink:
            sink.write(make_prediction())

    with pytest.raises(OutputError, match="cannot be written") as caught:
        opened()
    assert caught.value.where == str(tmp_path / "absent" / "o.mp4")


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_is_an_output_error_and_leaves_nothing(tmp_path, make_prediction):
    def filled() -> None:
        with video_sink(tmp_path / "o.mp4", video_info((320, 240)), draw_overlay, PLAIN) as sink:
            for i in range(20):  # noise: about 100 KB a frame
                sink.write(make_prediction(i, size_hw=(240, 320)))

    with pytest.raises(OutputError, match="cannot be written") as caught:
        filled()
    assert caught.value.where == str(tmp_path / "o.mp4")
    assert os.listdir(tmp_path) == []


def test_a_still_is_one_picture(tmp_path, make_prediction):
    prediction = make_prediction()
    with still_sink(tmp_path / "overlay.png", draw_overlay, PLAIN) as sink:
        sink.write(prediction)
    stored = cv2.imread(str(tmp_path / "overlay.png"))[..., ::-1]
    np.testing.assert_array_equal(stored, overlay(prediction.frame.rgb, prediction.map_density))


def test_a_gate_needs_two_streams(make_prediction):
    assert draw_gate(make_prediction(gate=0.5), PLAIN).shape == (36, 64, 3)
    with pytest.raises(OutputError, match="one stream"):
        draw_gate(make_prediction(), PLAIN)


def test_a_legend_stands_in_the_corner_and_nowhere_else(make_prediction):
    prediction = make_prediction(size_hw=(180, 320), map_hw=(45, 80), gate=0.5)
    with_legend, without = draw_overlay(prediction, Rendering()), draw_overlay(prediction, PLAIN)
    changed = (with_legend != without).any(axis=2)
    rows, _ = np.nonzero(changed)
    assert rows.min() > 140
    assert changed.mean() > 0.02
    small = make_prediction(size_hw=(40, 60))
    np.testing.assert_array_equal(draw_contours(small, Rendering()), draw_contours(small, PLAIN))


def test_the_first_frame_of_a_shot_says_that_there_is_no_motion_yet(make_prediction):
    first = draw_gate(make_prediction(0, gate=1.0, size_hw=(180, 320)), PLAIN)
    later = draw_gate(make_prediction(1, gate=1.0, size_hw=(180, 320)), PLAIN)
    assert np.ptp(first.astype(int), axis=2).max() == 0
    assert np.ptp(later.astype(int), axis=2).max() > 80


def test_side_by_side_is_twice_as_wide_and_fits_a_video(tmp_path, make_prediction):
    prediction = make_prediction(size_hw=(36, 64))
    view = draw_side(prediction, PLAIN)
    np.testing.assert_array_equal(view[:, :64], prediction.frame.rgb)
    np.testing.assert_array_equal(view[:, 64:], draw_overlay(prediction, PLAIN))
    with video_sink(tmp_path / "side.mp4", video_info((4096, 32)), draw_side, PLAIN, 2) as sink:
        sink.write(make_prediction(size_hw=(32, 4096)))
    assert decoded(tmp_path / "side.mp4")[0].shape == (16, 4096, 3)


def test_a_video_of_an_excerpt_begins_at_once(tmp_path, make_prediction):
    info = replace(video_info((64, 36)), start_seconds=2.0)
    with video_sink(tmp_path / "o.mp4", info, draw_overlay, PLAIN) as sink:
        for index in (50, 51):
            sink.write(make_prediction(index))
    with av.open(str(tmp_path / "o.mp4")) as file:
        assert [float(frame.time) for frame in file.decode(video=0)] == pytest.approx([0, 0.04])
