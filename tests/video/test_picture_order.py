"""Pictures that are missing, by the order numbers in their own headers."""

from __future__ import annotations

import av
import pytest

from gfsalnet.video import open_source
from gfsalnet.video.picture_order import order_of

COUNT = 40
X265 = "keyint=12:bframes=2:log-level=none:pools=1:frame-threads=1"
STREAMS = {
    "pyramid.h264": {"options": {"x264-params": "keyint=12:bframes=3:b-pyramid=normal"}},
    "as-coded.h264": {"options": {"x264-params": "keyint=12:bframes=0"}},
    "open.h264": {"options": {"x264-params": "keyint=12:bframes=3:open-gop=1:cqm=jvt"}},
    "refresh.h264": {"options": {"x264-params": "keyint=12:bframes=0:intra-refresh=1:slices=4"}},
    "a.hevc": {"codec": "libx265", "options": {"x265-params": X265}},
    "open.hevc": {"codec": "libx265", "options": {"x265-params": f"{X265}:open-gop=1:temporal-layers=3"}},
    "a.m2v": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}},
}


@pytest.fixture(params=STREAMS)
def packets(request, encode):
    """Codec and coded pictures of one stream; not all builds of FFmpeg have an encoder for HEVC."""
    wanted = STREAMS[request.param].get("codec", "libx264")
    if wanted not in av.codecs_available:
        pytest.skip(f"no {wanted}")
    path = encode(request.param, COUNT, **STREAMS[request.param])
    with av.open(str(path)) as container:
        found = [bytes(packet) for packet in container.demux(video=0) if packet.size]
        return container.streams.video[0].codec_context.name, found


def expected(codec, packets):
    order = order_of(codec)
    for packet in packets:
        order.saw(packet)
    return order.expected(), order.has_headers_first


def test_a_whole_stream_misses_nothing(packets):
    codec, found = packets
    assert len(found) == COUNT
    assert expected(codec, found) == (COUNT, True)


@pytest.mark.parametrize("gone", [[3], [5, 6], [15, 16, 30]])
def test_those_taken_out_are_missed(packets, gone):
    codec, found = packets
    left = [packet for index, packet in enumerate(found) if index not in gone]
    assert expected(codec, left)[0] == COUNT


def test_the_start_tells_whether_it_is_that_of_the_encoder(packets):
    codec, found = packets
    assert expected(codec, found[2:])[1] is False


def test_headers_that_end_too_early_and_numbers_that_mean_nothing_prove_nothing(packets):
    codec, found = packets
    expected(codec, [packet[:length] for length, packet in enumerate(found)])
    assert expected(codec, [b"\0\0\1" * 9, b"", found[0][:7]])[0] is None
    # Numbers that are left out all the time are those of an encoder that leaves them out.
    assert expected(codec, found[::3])[0] is None or codec != "mpeg2video"


def test_other_codecs_are_not_followed():
    assert order_of("vp9") is None


@pytest.mark.parametrize("name", ["pyramid.h264", "a.m2v"])
def test_pictures_taken_out_of_a_file_are_lost(encode, name):
    path = encode(name, COUNT, **STREAMS[name])
    with av.open(str(path)) as container:
        found = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    path.write_bytes(b"".join(found[:15] + found[17:]))
    with open_source(str(path)) as reader:
        read = sum(1 for _ in reader)
    assert reader.report.damage is not None
    assert read + reader.report.frames_lost == COUNT
