"""Counts and times are those of the frames that come out, whatever a header says."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import count_frames, frame_times, open_source
from gfsalnet.video import frame_times as frame_times_of
from gfsalnet.video.frame_times import _times_by_packets
from gfsalnet.video.stamps import Clock

copies_video = pytest.mark.skipif(av.__version__.startswith("14."), reason="PyAV 14 copies a stream without its header")


def read_times(path):
    with open_source(str(path)) as reader:
        return [frame.time_seconds for frame in reader], reader.info


def by_packets(path, info):
    return _times_by_packets(path, Clock(info.time_base, info.rate))


def remux(source, target, first=0, last=None, format=None):
    """Copy packets without decoding, as a stream copy does; earlier ones get times before 0."""
    with av.open(str(source)) as old, av.open(str(target), "w", format=format) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in [packet for packet in old.demux(video=0) if packet.size][:last]:
            packet.pts -= round(first / (25 * packet.time_base))
            packet.dts -= round(first / (25 * packet.time_base))
            packet.stream = stream
            new.mux(packet)
    return target


@copies_video
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_frames_hidden_by_an_edit_list_do_not_count(encode, tmp_path, codec):
    whole = encode("whole.mp4", 18, codec=codec, options={"bf": "2"})
    cut = remux(whole, tmp_path / "cut.mp4", first=4)
    times, info = read_times(cut)
    assert len(times) == 14
    assert count_frames(cut) == 14
    np.testing.assert_allclose(frame_times(cut), np.arange(14) / 25, atol=1e-6)
    assert by_packets(cut, info) is not None


@pytest.mark.parametrize("name", ["vfr.mkv", "vfr.mp4", "vfr.mov", "vfr.webm"])
def test_a_recording_with_long_pauses(encode, name):
    stamps = [0, 40, 80, 2000, 2040, 9000, 16_000]
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    path = encode(name, 7, codec=codec, stamps=stamps, time_base=Fraction(1, 1000))
    times, info = read_times(path)
    np.testing.assert_allclose(times, np.array(stamps) / 1000, atol=1e-6)
    np.testing.assert_array_equal(frame_times(path), times)
    assert (by_packets(path, info) is None) == name.endswith("webm")


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("a.webm", "libvpx-vp9", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("a.mkv", "libsvtav1", {}),
        ("a.avi", "mpeg4", {"bf": "2"}),
        ("a.avi", "libx264", {"bf": "2"}),
        ("a.mp4", "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=6"}),
        ("a.mp4", "mpeg4", {"bf": "2"}),
        ("a.ts", "libx264", {"bf": "2"}),
        ("a.mpg", "mpeg2video", {"bf": "2"}),
        ("a.mov", "prores_ks", {}),
        ("a.gif", "gif", {}),
    ],
)
def test_counts_and_times_are_those_of_the_frames(encode, name, codec, options):
    format_ = {"prores_ks": "yuv422p10le", "gif": "rgb8"}.get(codec, "yuv420p")
    path = encode(name, 25, codec=codec, options=options, pixel_format=format_)
    times, _ = read_times(path)
    assert len(times) == 25
    np.testing.assert_array_equal(frame_times(path), times)


@copies_video
def test_a_video_that_starts_between_two_key_frames(encode, tmp_path):
    whole = encode("whole.mkv", 24, options={"bf": "2", "x264-params": "open-gop=1:keyint=12:scenecut=0"})
    with av.open(str(whole)) as old, av.open(str(tmp_path / "late.mkv"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        packets = [packet for packet in old.demux(video=0) if packet.size]
        keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
        for packet in packets[keys[1] - 2 if len(keys) > 1 else 6 :]:
            packet.stream = stream
            new.mux(packet)
    times, info = read_times(tmp_path / "late.mkv")
    assert by_packets(tmp_path / "late.mkv", info) is None
    np.testing.assert_array_equal(frame_times(tmp_path / "late.mkv"), times)


def test_pictures_have_the_rate_they_are_given(tmp_path, picture):
    for index in range(3):
        (tmp_path / f"{index}.ppm").write_bytes(b"P6 96 64 255\n" + picture(index).tobytes())
    np.testing.assert_allclose(frame_times(tmp_path, Fraction(10)), [0, 0.1, 0.2])
    np.testing.assert_allclose(frame_times(str(tmp_path / "*.ppm")), [0, 0.04, 0.08])


def test_a_changed_file_is_counted_anew_and_the_answer_cannot_be_spoilt(encode):
    path = encode("a.mkv", 5)
    frame_times(path)[:] = 7
    assert frame_times(path)[0] == 0
    assert encode("a.mkv", 9) == path
    assert count_frames(path) == 9


def test_a_count_of_a_damaged_or_missing_video_is_refused(encode, tmp_path):
    path = encode("a.mp4", 30, muxer={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(SourceError, match="truncated after frame"):
        count_frames(path)
    with pytest.raises(SourceError, match="no such file"):
        frame_times_of(tmp_path / "none.mp4")
