"""Streams that begin or end where pictures are missing, of which nothing but their own bytes tells."""

from __future__ import annotations

from itertools import accumulate

import av
import pytest

from gfsalnet.video import open_source

COUNT = 20


def read(path):
    with open_source(str(path)) as reader:
        return sum(1 for _ in reader), reader.report


def require_whole(path):
    count, report = read(path)
    assert (count, report.frames_lost, report.frames_damaged, report.damage, report.notes) == (COUNT, 0, 0, None, [])


HEVC = {"codec": "libx265", "options": {"x265-params": "keyint=8:bframes=2:log-level=none:pools=1:frame-threads=1"}}
RAW = {"a.hevc": HEVC, "a.h264": {"options": {"bf": "2", "g": "8"}}, "a.m2v": {"codec": "mpeg2video"}}


@pytest.fixture(params=RAW)
def raw(request, encode):
    """A stream without a container, and where each picture ends in it; not all builds of FFmpeg write HEVC."""
    arguments = RAW[request.param]
    if arguments.get("codec", "libx264") not in av.codecs_available:
        pytest.skip(f"no {arguments['codec']}")
    path = encode(request.param, COUNT, **arguments)
    with av.open(str(path)) as container:
        return path, list(accumulate(packet.size for packet in container.demux(video=0)))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_stream_that_ends_in_mid_picture(raw, share):
    path, ends = raw
    require_whole(path)
    for number in (4, 12):
        before, end = ends[number - 1], ends[number]
        data = path.read_bytes()
        cut = path.with_name(f"cut{path.suffix}")
        cut.write_bytes(data[: before + int((end - before) * share)])
        count, report = read(cut)
        assert count < COUNT
        assert report.loss_unknown
        assert report.damage is not None


@pytest.mark.parametrize("left", [2, 3])
def test_a_stream_that_ends_in_the_mark_of_a_picture(raw, left):
    path, ends = raw
    path.write_bytes(path.read_bytes()[: ends[12] + left])
    count, report = read(path)
    assert count < COUNT
    assert report.loss_unknown
    assert report.damage == f"truncated after frame {count - 1}"


def test_zeros_in_a_stream_where_pictures_were(raw):
    path, ends = raw
    data = path.read_bytes()
    path.write_bytes(data[: ends[7] - 100] + bytes(ends[9] - ends[7]) + data[ends[9] - 100 :])
    count, report = read(path)
    assert count < COUNT
    assert report.damage is not None
    assert report.is_short


def test_key_frames_in_a_row_of_which_one_is_gone(encode):
    path = encode("a.h264", COUNT, options={"g": "1", "bf": "0"})
    require_whole(path)
    with av.open(str(path)) as container:
        ends = list(accumulate(packet.size for packet in container.demux(video=0)))
    data = path.read_bytes()
    path.write_bytes(data[: ends[8]] + data[ends[9] :])
    count, report = read(path)
    assert count == COUNT - 1
    assert report.loss_unknown


def test_a_program_stream_whose_first_key_frame_is_destroyed(encode):
    path = encode("a.mpg", COUNT, codec="mpeg2video", options={"g": "8", "bf": "2"}, format="vob")
    data = bytearray(path.read_bytes())
    start = data.index(b"\0\0\1\xb3")
    data[start : data.index(b"\0\0\1\0", start + 900)] = b"\xff" * (data.index(b"\0\0\1\0", start + 900) - start)
    path.write_bytes(data)
    count, report = read(path)
    assert count < COUNT
    assert report.is_short
    assert (report.damage, report.notes) == ("its first key frame is destroyed", [])


def test_a_program_stream_that_was_captured_between_two_key_frames_is_whole(encode):
    path = encode("a.mpg", 40, codec="mpeg2video", options={"g": "8", "bf": "2"}, format="vob")
    data = path.read_bytes()
    # Half a second after its start or later.
    path.write_bytes(data[2048 * 8 :])
    count, report = read(path)
    assert count < 40
    assert (report.frames_lost, report.damage) == (0, None)


def test_a_transport_stream_without_the_first_packet_of_its_video(encode):
    path = encode("a.ts", COUNT, options={"bf": "2", "g": "8"})
    data = path.read_bytes()
    first = next(at for at in range(0, len(data), 188) if data[at + 1 : at + 3] == b"\x41\x00")
    # It is missing, or seems to be of another stream.
    for start in (b"", b"G\x01\x91\x19" + data[first + 4 : first + 188]):
        path.write_bytes(data[:first] + start + data[first + 188 :])
        count, report = read(path)
        assert count < COUNT
        assert report.is_short
        assert (report.damage, report.notes) == ("its first key frame is destroyed", [])


def test_an_flv_by_ffmpeg_whose_first_picture_is_no_key_frame_any_more(encode):
    path = encode("a.flv", COUNT, options={"g": "8"})
    data = path.read_bytes()
    # The first tag with a picture, after that with the parameters.
    place = data.index(b"\x17\x01")
    path.write_bytes(data[:place] + b"\x27" + data[place + 1 : place + 5] + bytes(700) + data[place + 705 :])
    count, report = read(path)
    assert count < COUNT
    assert report.damage == "its first key frame is destroyed"


@pytest.mark.parametrize("left", [4, 5, 9, 13])
def test_a_program_stream_that_ends_in_the_header_of_a_pack(encode, left):
    path = encode("a.mpg", COUNT, codec="mpeg2video", format="vob")
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"\0\0\1\xba") + left])
    count, report = read(path)
    # Of FFmpeg 7 the last pack holds no picture.
    assert count == COUNT or (report.loss_unknown and report.damage is not None)
