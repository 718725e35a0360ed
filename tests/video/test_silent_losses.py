"""Frames that went without a word from FFmpeg, and what of the file tells of them all the same."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import pytest

from gfsalnet.video import open_source

COUNT = 20
GIF = {"codec": "gif", "pixel_format": "rgb8"}


def read(path):
    with open_source(str(path)) as reader:
        return sum(1 for _ in reader), reader.report


def packet_places(path):
    """Where each packet of the video lies, and how long it is."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def written(path, place, content):
    """The file with `content` over what was at `place`."""
    data = bytearray(path.read_bytes())
    data[place : place + len(content)] = content
    path.write_bytes(data)
    return path


def require_whole(path, count=COUNT):
    frames, report = read(path)
    assert (frames, report.frames_lost, report.frames_damaged, report.damage) == (count, 0, 0, None)


# In FLV a packet lies where the header of its tag does, of 12 bytes with that of the video.
@pytest.mark.parametrize(
    ("name", "codec", "header_bytes"), [("a.mov", "mpeg4", 0), ("a.avi", "mpeg4", 0), ("a.flv", "flv1", 12)]
)
def test_a_picture_without_its_header_is_lost(encode, name, codec, header_bytes):
    path = encode(name, COUNT, codec=codec)
    require_whole(path)
    place, _ = packet_places(path)[7]
    count, report = read(written(path, place + header_bytes, bytes(8)))
    assert (count, report.frames_lost) == (COUNT - 1, 1)
    assert report.damage == "some could not be decoded"


def test_packets_of_mpeg4_that_repeat_a_picture_are_no_loss(encode, tmp_path):
    path, longer = encode("a.avi", COUNT, codec="mpeg4"), tmp_path / "repeats.avi"
    with av.open(str(path)) as old, av.open(str(longer), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for index, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            packet.stream, packet.pts, packet.dts = stream, index * 2, index * 2
            new.mux(packet)
            # A picture that is not coded: the one before stays (ISO/IEC 14496-2, 6.2.5, vop_coded = 0).
            nothing = av.Packet(bytes.fromhex("000001b650cf"))
            nothing.stream, nothing.pts, nothing.dts = stream, index * 2 + 1, index * 2 + 1
            new.mux(nothing)
    count, report = read(longer)
    assert (report.frames_lost, report.damage) == (0, None)
    # Of the first of them, FFmpeg makes a frame.
    assert count in (COUNT, COUNT + 1)


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0x02000000])
def test_a_chunk_of_an_avi_that_is_longer_than_the_file(encode, length):
    path = encode("a.avi", COUNT, codec="mpeg4")
    place, _ = packet_places(path)[9]
    count, report = read(written(path, place - 4, struct.pack("<I", length)))
    assert (count, report.frames_lost) == (COUNT - 1, 1)
    assert report.damage == "its container is damaged: the chunk after picture 9 is longer than the file"


@pytest.mark.parametrize("number", [9, COUNT - 1])
def test_a_chunk_of_an_avi_whose_name_is_of_another_stream(encode, number):
    path = encode("a.avi", COUNT, codec="mpeg4")
    place, _ = packet_places(path)[number]
    count, report = read(written(path, place - 8, b"05dc"))
    assert (count, report.frames_lost) == (COUNT - 1, 1)
    assert report.damage is not None


def test_an_index_of_an_avi_that_is_wrong_costs_nothing(encode):
    path = encode("a.avi", COUNT, codec="mpeg4")
    place = path.read_bytes().rindex(b"idx1") + 8 + 16 * 9 + 8  # where the tenth chunk is
    count, report = read(written(path, place, b"\x13"))
    assert (count, report.frames_lost) == (COUNT, 0)


def test_a_gif_whose_control_block_holds_images(encode):
    path = encode("a.gif", COUNT, **GIF)
    require_whole(path)
    place = path.read_bytes().index(b"\x21\xf9\x04", 6000)
    count, report = read(written(path, place + 2, b"\x84"))
    assert count < COUNT
    assert report.is_short
    assert "holds more than it may" in report.damage


def test_a_gif_whose_images_hold_the_next_one(encode):
    path = encode("a.gif", COUNT, **GIF)
    data = path.read_bytes()
    place = data.index(b"\0\x21\xf9\x04", 6000)  # the end of an image
    for content in (b"\x14", b"\xfe"):
        count, report = read(written(path, place, content))
        assert count < COUNT
        assert report.is_short
        assert "holds more or less than its pixels" in report.damage
        path.write_bytes(data)


def test_a_gif_with_blocks_of_any_length_is_whole(encode):
    path = encode("a.gif", 3, **GIF)
    data, at = path.read_bytes(), 13 + 768
    parts = [data[:at]]
    while data[at] != 0x3B:
        start = at + 2 if data[at] == 0x21 else at + 11 + (768 if data[at + 9] & 0x80 else 0)
        is_image, parts, content, at = data[at] == 0x2C, [*parts, data[at:start]], b"", start
        while data[at]:
            parts += [] if is_image else [data[at : at + 1 + data[at]]]
            content, at = content + data[at + 1 : at + 1 + data[at]], at + 1 + data[at]
        for size in (3, 255, 1, 100) * 1000 if is_image else ():
            block, content = content[:size], content[size:]
            parts += [bytes([len(block)]), block] if block else []
        parts, at = [*parts, b"\0"], at + 1
    path.write_bytes(b"".join(parts) + data[at:])
    assert path.stat().st_size > len(data)
    require_whole(path, 3)


# Where in the header of a tag: the kind, the stream, and the first byte of the picture.
@pytest.mark.parametrize(("place", "value"), [(0, 8), (9, 3), (11, 0xA2), (11, 0x52)])
def test_a_tag_of_an_flv_that_is_like_no_other(encode, place, value):
    path = encode("a.flv", COUNT, codec="flv1")
    start, _ = packet_places(path)[5]
    count, report = read(written(path, start + place, bytes([value])))
    assert report.damage is not None
    assert count == COUNT or report.is_short


@pytest.mark.parametrize("codec", ["libx265", "libsvtav1", "libx264"])
def test_an_flv_of_newer_codecs_is_whole(encode, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"no {codec}")
    try:
        path = encode("a.flv", COUNT, codec=codec, options={"g": "8"})
    except av.FFmpegError:
        pytest.skip(f"this FFmpeg does not write {codec} into FLV")
    require_whole(path)


@pytest.mark.parametrize("clock", [999, 1016, 2024, 1000 + (1 << 16), 1000 + (1 << 22)])
def test_a_clock_of_a_movie_that_hides_pictures(encode, clock):
    path = encode("a.mp4", COUNT, options={"bf": "2"})
    place = path.read_bytes().index(b"mvhd") + 16
    count, report = read(written(path, place, struct.pack(">I", clock)))
    assert count + report.frames_lost == COUNT
    assert (count < COUNT) == (report.damage is not None)


def test_an_index_of_an_mp4_without_the_table_of_times(encode):
    path = encode("a.mov", COUNT, codec="mpeg4")
    count, report = read(written(path, path.read_bytes().index(b"mdhd"), b"mdhe"))
    assert count + report.frames_lost == COUNT
    assert report.damage == "its container is damaged: its index lacks the table mdhd"


def test_an_apng_that_lost_a_picture_counts_it(encode):
    path = encode("a.png", COUNT, codec="apng", pixel_format="rgb24", format="apng")
    before = path.read_bytes().split(b"fcTL")[:7]
    count, report = read(written(path, len(b"fcTL".join(before)), b"fcTx"))
    assert count + report.frames_lost == COUNT
    assert "checksum" in report.damage


def test_a_block_of_webm_that_became_a_number(encode):
    path = encode("a.webm", COUNT, codec="libvpx-vp9", options={"g": "8"})
    data = path.read_bytes()
    place = data.index(b"\xa3", packet_places(path)[6][0] - 8)
    count, report = read(written(path, place, b"\xab"))
    assert (count, report.frames_lost) == (COUNT - 1, 1)
    assert "longer than numbers are" in report.damage


@pytest.mark.parametrize("time", [0, 1 << 24, 1 << 60])
def test_a_fragment_whose_time_contradicts_the_others(encode, time):
    muxer = {"movflags": "frag_keyframe+empty_moov"}
    path = encode("fragments.mp4", COUNT, options={"g": "5"}, muxer=muxer)
    require_whole(path)
    place = path.read_bytes().index(b"tfdt", path.read_bytes().index(b"mdat")) + 8
    count, report = read(written(path, place, struct.pack(">Q", time)))
    assert count < COUNT
    assert count + report.frames_lost == COUNT
    assert report.damage == "the times of its pictures contradict each other"


def test_delays_of_an_mp4_in_a_table_that_lost_its_name(encode):
    path = encode("a.mp4", COUNT, options={"bf": "2"})
    count, report = read(written(path, path.read_bytes().index(b"ctts"), b"cpts"))
    assert count < COUNT
    assert count + report.frames_lost == COUNT
    assert "delays" in report.damage


def test_delays_of_an_mp4_that_put_two_pictures_at_one_time(encode):
    path = encode("a.mp4", COUNT, options={"bf": "2"})
    place = path.read_bytes().index(b"ctts") + 16
    count, report = read(written(path, place, bytes(4)))
    assert count + report.frames_lost == COUNT


# The name of the chunk that counts the pictures, the count, and its checksum.
@pytest.mark.parametrize(("offset", "content"), [(2, b"D"), (4, bytes(4)), (7, b"\1"), (12, bytes(4))])
def test_an_apng_whose_header_is_damaged(encode, offset, content):
    path = encode("a.png", COUNT, codec="apng", pixel_format="rgb24", format="apng")
    require_whole(path)
    count, report = read(written(path, path.read_bytes().index(b"acTL") + offset, content))
    assert count + report.frames_lost == COUNT
    assert "checksum" in report.damage


def test_a_png_of_one_picture_is_whole(encode):
    require_whole(encode("one.png", 1, codec="apng", pixel_format="rgb24", format="apng"), 1)


def test_a_picture_of_vp8_that_is_marked_as_never_shown(encode):
    path = encode("a.webm", COUNT, codec="libvpx", options={"auto-alt-ref": "0"})
    place = packet_places(path)[7][0] + 4  # after its track, its time and its flags
    count, report = read(written(path, place, bytes([path.read_bytes()[place] ^ 0x10])))
    assert (count, report.frames_lost) == (COUNT - 1, 1)


def test_pictures_of_vp8_that_only_help_to_decode_others_are_no_loss(encode, tmp_path):
    path, longer = encode("a.webm", COUNT, codec="libvpx", options={"auto-alt-ref": "0"}), tmp_path / "helped.webm"
    with av.open(str(path)) as old, av.open(str(longer), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for index, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            content, stamp = bytes(packet), packet.pts
            packet.stream = stream
            new.mux(packet)
            if index % 5 == 4:
                helper = av.Packet(bytes([content[0] & ~0x10]) + content[1:])
                helper.stream, helper.time_base = stream, Fraction(1, 1000)
                helper.pts = helper.dts = stamp + 1
                new.mux(helper)
    assert len(packet_places(longer)) == COUNT + COUNT // 5
    require_whole(longer)


def test_a_gif_that_ends_before_its_images(encode):
    path = encode("a.gif", COUNT, **GIF)
    place = path.read_bytes().index(b"\x21\xf9\x04", 6000)
    count, report = read(written(path, place, b"\x3b"))
    assert report.damage is not None
    assert count == COUNT or report.is_short


def test_a_fragment_without_a_length(encode):
    muxer = {"movflags": "frag_keyframe+empty_moov"}
    path = encode("fragments.mp4", COUNT, options={"g": "5"}, muxer=muxer)
    data = path.read_bytes()
    place = data.index(b"moof", data.index(b"mdat")) - 4
    count, report = read(written(path, place, bytes(4)))
    assert report.damage is not None
    assert count == COUNT or report.is_short


def test_of_three_counts_of_an_mp4_two_are_believed(encode):
    path = encode("a.mp4", COUNT, options={"bf": "2"})
    count, report = read(written(path, path.read_bytes().index(b"stsz") + 12, struct.pack(">I", COUNT + 1)))
    assert (count, report.frames_lost) == (COUNT, 0)
    assert "its index lists 21 pictures" in report.damage


def test_what_is_missing_from_a_program_stream_is_at_least_so_much(encode):
    path = encode("a.mpg", COUNT, codec="mpeg2video")
    data = path.read_bytes()
    path.write_bytes(data[:3000] + data[5048:])
    count, report = read(path)
    assert count < COUNT
    assert report.loss_unknown


@pytest.mark.parametrize("left", [1, 3, 6])
def test_fragments_that_are_cut_in_the_length_of_the_next_one(encode, left):
    muxer = {"movflags": "frag_keyframe+empty_moov"}
    path = encode("fragments.mp4", COUNT, options={"g": "5"}, muxer=muxer)
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"moof") - 4 + left])
    count, report = read(path)
    assert count < COUNT
    assert report.loss_unknown


def test_an_avi_whose_list_of_pictures_lost_its_name(encode):
    path = encode("a.avi", COUNT, codec="mpeg4")
    place = path.read_bytes().index(b"movi")
    count, report = read(written(path, place, bytes(512)))
    assert count == COUNT - 1
    assert (report.frames_lost, report.damage) == (1, "its container is damaged: its list of pictures is missing")


def test_a_fragment_without_its_pictures(encode):
    muxer = {"movflags": "frag_keyframe+empty_moov"}
    path = encode("fragments.mp4", COUNT, options={"g": "5"}, muxer=muxer)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat", data.index(b"mdat") + 4) - 4])
    count, report = read(path)
    assert (count, report.frames_lost, report.loss_unknown) == (5, 5, True)


def test_a_duration_that_cannot_be_counts_no_pictures(encode):
    path = encode("a.wmv", COUNT, codec="wmv2", format="asf")
    data = path.read_bytes()
    place = data.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")) + 64 + 5
    path.write_bytes(written(path, place, b"\x55").read_bytes()[: len(data) * 2 // 3])
    count, report = read(path)
    assert 0 < count < COUNT
    assert report.loss_unknown
    assert report.frames_lost < COUNT


def test_a_program_stream_whose_end_was_never_written(encode):
    path = encode("a.mpg", COUNT, codec="mpeg2video")
    data = path.read_bytes()
    path.write_bytes(data[:6144] + bytes(len(data) - 6144))
    count, report = read(path)
    assert count < COUNT
    assert report.loss_unknown
    # After the mark of its end, or to fill up a sector, zeros are no loss.
    for padding in (bytes(700), bytes.fromhex("000001b9") + bytes(9000)):
        path.write_bytes(data + padding)
        require_whole(path)


def test_fragments_behind_an_index_that_lost_a_header(encode):
    muxer = {"movflags": "frag_keyframe+empty_moov+default_base_moof+delay_moov"}
    path = encode("fragments.mp4", COUNT, options={"g": "5", "bf": "2"}, muxer=muxer)
    data = path.read_bytes()
    place = data.index(b"minf") - 4
    path.write_bytes(data[:place] + data[place + 8 :])
    count, report = read(path)
    assert report.damage is not None
    assert count == COUNT or report.is_short
