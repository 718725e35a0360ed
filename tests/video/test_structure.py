"""What containers say of themselves: whole files are never accused, and no frame is lost without a word."""

from __future__ import annotations

import random
import re
from fractions import Fraction

import av
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import open_source
from gfsalnet.video.structure import structure_of

COUNT = 20
FORMATS = {
    "a.mp4": {"options": {"bf": "2", "g": "8"}, "muxer": {"movflags": "faststart"}},
    "fragments.mp4": {"options": {"g": "5"}, "muxer": {"movflags": "frag_keyframe+empty_moov"}},
    "a.mkv": {"options": {"bf": "2", "g": "8"}},
    "a.webm": {"codec": "libvpx-vp9", "options": {"g": "8"}},
    "a.avi": {"codec": "mpeg4"},
    "a.ts": {"options": {"bf": "2", "g": "8"}},
    "a.mpg": {"codec": "mpeg2video"},
    "a.flv": {"codec": "flv1"},
    "a.wmv": {"codec": "wmv2", "format": "asf"},
    "a.gif": {"codec": "gif", "pixel_format": "rgb8"},
    "a.png": {"codec": "apng", "pixel_format": "rgb24", "format": "apng"},
}


def read(path):
    with open_source(str(path)) as reader:
        return sum(1 for _ in reader), reader.report


def books_of(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        is_numbered = {"asf", "mov", "mpeg", "mpegts"} & set(container.format.name.split(","))
        return structure_of(path, container.format.name, stream.id if is_numbered else stream.index)


@pytest.mark.parametrize("name", FORMATS)
def test_books_of_a_whole_file_are_in_order(encode, name):
    path = encode(name, COUNT, **FORMATS[name])
    books = books_of(path)
    assert (books.cut, books.problem) == (False, None)
    if name != "a.mpg":  # whose packets hold several pictures each
        assert COUNT in (books.packets, books.at_least)
    count, report = read(path)
    assert (count, report.frames_lost, report.frames_damaged, report.damage) == (COUNT, 0, 0, None)


@pytest.mark.parametrize("name", FORMATS)
def test_no_cut_is_silent(encode, name):
    path = encode(name, COUNT, **FORMATS[name])
    data = path.read_bytes()
    for share in (0.5, 0.7, 0.9, 0.98):
        path.write_bytes(data[: int(len(data) * share)])
        try:
            count, report = read(path)
        except SourceError:  # the first picture is as large as many others
            assert share == 0.5
            continue
        assert report.damage is not None, share
        if count < COUNT:
            assert report.frames_lost == COUNT - count or report.loss_unknown
        assert report.is_short or report.frames_damaged or "after the last frame" in report.damage


@pytest.mark.parametrize("name", FORMATS)
def test_frames_that_bytes_taken_out_cost_are_missed(encode, name):
    path = encode(name, COUNT, **FORMATS[name])
    data, rng = path.read_bytes(), random.Random(0)
    for _ in range(3):
        start = rng.randrange(len(data) // 3, len(data) * 2 // 3)
        path.write_bytes(data[:start] + data[start + 700 :])
        count, report = read(path)
        assert report.damage is not None
        assert count == COUNT or report.is_short or report.frames_damaged


def test_mp4_tables_that_contradict_each_other(encode):
    path = encode("a.mp4", COUNT, **FORMATS["a.mp4"])
    data = path.read_bytes()
    place = data.index(b"stsz") + 12
    path.write_bytes(data[:place] + (7).to_bytes(4, "big") + data[place + 4 :])
    count, report = read(path)
    assert count == 7
    assert (report.frames_lost, report.damage) == (
        COUNT - 7,
        "its container is damaged: its index lists 7 pictures, 20 times, and room for 20",
    )


@pytest.mark.parametrize(("place", "value"), [(11, 0), (15, 2), (15, 99)])
def test_mp4_delays_of_other_pictures_than_there_are(encode, place, value):
    path = encode("a.mp4", COUNT, **FORMATS["a.mp4"])
    data = bytearray(path.read_bytes())
    data[data.index(b"ctts") + place] = value  # how many rows there are, or for how many pictures the first one is
    path.write_bytes(data)
    count, report = read(path)
    assert "delays of" in report.damage
    assert count + report.frames_lost == COUNT


def test_a_fragment_that_is_missing(encode):
    path = encode("fragments.mp4", COUNT, **FORMATS["fragments.mp4"])
    data = path.read_bytes()
    starts = [at - 4 for at in range(len(data)) if data[at : at + 4] == b"moof"]
    path.write_bytes(data[: starts[2]] + data[starts[3] :])
    count, report = read(path)
    assert count < COUNT
    assert report.damage == "its container is damaged: fragment 2 is followed by 4"
    assert report.loss_unknown


def test_an_edit_list_that_its_durations_deny(encode):
    path = encode("a.mp4", COUNT, **FORMATS["a.mp4"])
    data = path.read_bytes()
    place = data.index(b"elst") + 12  # the length of its first edit, in ms
    path.write_bytes(data[:place] + (400).to_bytes(4, "big") + data[place + 4 :])
    count, report = read(path)
    assert count < COUNT
    assert report.frames_lost == COUNT - count
    assert "hides" in report.damage


def test_a_block_that_became_something_else_is_missed(encode):
    path = encode("a.mkv", COUNT, **FORMATS["a.mkv"])
    data = path.read_bytes()
    first = data.index(bytes.fromhex("1f43b675"))
    with av.open(str(path)) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.size]
    # The element of the third picture: its name, its length and four bytes come before the data.
    place = data.index(b"\xa3", first + sum(sizes[:2]))
    path.write_bytes(data[:place] + b"\xaa" + data[place + 1 :])
    count, report = read(path)
    assert report.damage is not None
    assert report.frames_lost == COUNT - count


def test_a_transport_stream_that_misses_packets_and_one_that_starts_anew(encode, tmp_path):
    path = encode("a.ts", COUNT, **FORMATS["a.ts"])
    data = path.read_bytes()
    (tmp_path / "joined.ts").write_bytes(data + data)
    assert books_of(tmp_path / "joined.ts").problem is None
    middle = len(data) // 188 // 2 * 188
    (tmp_path / "later.ts").write_bytes(data[188 * 9 + 50 :])
    assert books_of(tmp_path / "later.ts").problem is None
    (tmp_path / "hole.ts").write_bytes(data[:middle] + data[middle + 188 * 3 :])
    assert "missing" in (books_of(tmp_path / "hole.ts").problem or "")


def test_streams_captured_between_two_key_frames_are_whole(encode, tmp_path):
    for name, codec in (("a.ts", "libx264"), ("b.ts", "mpeg2video")):
        data = encode(name, 30, codec=codec, options={"bf": "2", "g": "8"}).read_bytes()
        for start in (188 * 6, 188 * 11 + 77):
            (tmp_path / "later.ts").write_bytes(data[start:])
            count, report = read(tmp_path / "later.ts")
            assert count > 10
            assert (report.frames_lost, report.frames_damaged, report.damage) == (0, 0, None)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("one.gif", {"codec": "gif", "pixel_format": "rgb8", "count": 1}),
        ("open.mkv", {"options": {"bf": "3", "x264-params": "open-gop=1:keyint=6:scenecut=0"}}),
        ("late.flv", {"stamps": range(50, 70), "options": {"bf": "2"}}),
        ("pauses.flv", {"stamps": [0, 1, 2, 60, 61, 200], "count": 6}),
        ("pauses.wmv", {"codec": "wmv2", "format": "asf", "stamps": [0, 1, 2, 60, 61, 200], "count": 6}),
        ("hidden.webm", {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}}),
        ("fields.ts", {"options": {"x264-params": "tff=1"}}),
        ("refresh.ts", {"options": {"x264-params": "intra-refresh=1:keyint=10"}}),
        ("live.mkv", {"muxer": {"live": "1"}}),
        ("ticks.gif", {"codec": "gif", "pixel_format": "rgb8", "stamps": [0, 1, 90, 91, 300], "count": 5}),
    ],
)
def test_odd_files_are_no_damage(encode, name, arguments):
    arguments = dict(arguments)
    time_base = Fraction(1, 100) if name == "ticks.gif" else None
    count = arguments.pop("count", COUNT)
    path = encode(name, count, **arguments, **({"time_base": time_base} if time_base else {}))
    found, report = read(path)
    assert (found, report.frames_lost, report.frames_damaged, report.damage) == (count, 0, 0, None)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "found"), [("cut.gif", 5), ("cut.ts", 18), ("oneflip-8of30.webm", 8)])
def test_files_that_were_once_taken_for_whole(shared_dir, name, found):
    count, report = read(shared_dir / "cases" / "damaged" / name)
    assert count == found
    assert report.damage is not None
    assert report.frames_lost == 30 - found or report.loss_unknown


def ts_packets(path):
    data = path.read_bytes()
    return [bytearray(data[at : at + 188]) for at in range(0, len(data), 188)]


def pid(packet):
    return int.from_bytes(packet[1:3], "big") & 0x1FFF


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
@pytest.mark.parametrize("spared", [0, 1])
def test_a_transport_stream_whose_first_key_frame_is_destroyed(encode, codec, spared):
    path = encode("a.ts", COUNT, codec=codec, options={"bf": "2", "g": "8"})
    packets = ts_packets(path)
    video = [packet for packet in packets if pid(packet) == 256]
    second = next(index for index, packet in enumerate(video) if index and packet[1] & 0x40)
    for packet in video[spared:second]:  # its headers stay, or go as well
        start = 4 + (1 + packet[4] if packet[3] & 0x20 else 0) + (19 if packet[1] & 0x40 else 0)
        packet[start:] = bytes(188 - start)
    path.write_bytes(b"".join(packets))
    count, report = read(path)
    assert (count + report.frames_lost, report.notes) == (COUNT, [])
    # Of a part of its first slices, the decoder of MPEG-2 makes a picture.
    assert report.damage == ("its first key frame is destroyed" if count < COUNT else "decoded with errors")


def test_a_transport_stream_that_was_tuned_into_is_whole(encode):
    path = encode("a.ts", COUNT, codec="libx264", options={"bf": "2", "g": "8"})
    data = path.read_bytes()
    for start in (188 * 9, 188 * 9 + 100):  # also in the middle of a packet
        path.write_bytes(data[start:])
        count, report = read(path)
        assert 0 < count < COUNT
        assert (report.frames_lost, report.damage) == (0, None)
        assert "starts between two key frames" in report.notes[0]


def test_a_transport_stream_damaged_among_its_first_packets(encode):
    path = encode("a.ts", COUNT, codec="libx264", options={"bf": "2", "g": "8"})
    packets = ts_packets(path)
    for packet in packets[2:5]:
        packet[:] = bytes(188)
    path.write_bytes(b"".join(packets))
    assert books_of(path).problem == "its packets do not line up before the first picture"
    count, report = read(path)
    assert report.damage is not None
    assert count == COUNT or report.is_short


def test_a_checksum_of_matroska_tells_of_pixels_that_nothing_else_tells_of(encode):
    path = encode("a.mkv", COUNT, codec="libvpx", options={"auto-alt-ref": "0"})
    data = bytearray(path.read_bytes())
    data[-len(data) // 4] ^= 1
    path.write_bytes(data)
    count, report = read(path)
    assert (count, report.frames_lost) == (COUNT, 0)
    assert report.damage == "its container is damaged: the checksum of what follows block 0 is wrong"


@pytest.mark.skipif("libx265" not in av.codecs_available, reason="no encoder for HEVC")
def test_checksums_of_pictures_are_compared(encode):
    x265 = "bframes=2:hash=1:log-level=none:pools=1:frame-threads=1"
    path = encode("a.mp4", COUNT, codec="libx265", options={"x265-params": x265})
    assert read(path)[1].damage is None
    data, found = bytearray(path.read_bytes()), 0
    for at in range(len(data) // 3, len(data) // 2, 97):
        changed = data.copy()
        changed[at] ^= 4
        path.write_bytes(changed)
        found += read(path)[1].damage is not None
    assert found > 5


def test_an_image_of_a_gif_that_holds_the_next_ones(encode):
    path = encode("a.gif", COUNT, **FORMATS["a.gif"])
    data = bytearray(path.read_bytes())
    start = data.index(b"\x21\xf9\x04", len(data) // 2)
    assert data[start - 1] == 0  # the end of the image before it
    data[start - 1 : start + 8] = b"\xfe" + bytes(8)
    path.write_bytes(data)
    count, report = read(path)
    assert count < COUNT
    assert report.damage is not None


def test_a_fragment_whose_lists_are_of_no_track(encode):
    path = encode("fragments.mp4", COUNT, **FORMATS["fragments.mp4"])
    data = bytearray(path.read_bytes())
    at, end = data.rindex(b"tfdt") - 4, data.rindex(b"mdat") - 4
    data[at:end] = b"\x40" * (end - at)  # its times and its list of pictures
    path.write_bytes(data)
    count, report = read(path)
    assert count < COUNT
    assert report.is_short
    assert "do not fit together" in report.damage


@pytest.mark.parametrize("name", ["a.mp4", "fragments.mp4"])
def test_mp4_whose_first_key_frame_is_destroyed(encode, name):
    path = encode(name, COUNT, **FORMATS[name])
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 8
    data[start : start + 900] = bytes(900)
    path.write_bytes(data)
    count, report = read(path)
    assert count < COUNT
    assert (report.damage, count + report.frames_lost) == ("its first key frame is destroyed", COUNT)


def test_a_fragment_that_lists_fewer_pictures_than_it_has(encode):
    path = encode("fragments.mp4", COUNT, **FORMATS["fragments.mp4"])
    data = bytearray(path.read_bytes())
    place = data.index(b"trun", data.index(b"moof", data.index(b"mdat"))) + 8  # how many there are, in the second one
    data[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") - 1).to_bytes(4, "big")
    path.write_bytes(data)
    _, report = read(path)
    assert re.search(r"the lists of fragment 2 leave out \d+ bytes of its pictures", report.damage)
    assert report.loss_unknown


def test_a_fragment_after_a_byte_too_many(encode):
    path = encode("fragments.mp4", COUNT, **FORMATS["fragments.mp4"])
    data = path.read_bytes()
    place = data.index(b"moof", data.index(b"mdat")) - 4  # the length of the second fragment
    path.write_bytes(data[:place] + b"\0\0\0\5" + data[place:])
    _, report = read(path)
    assert "has a length that cannot be" in report.damage
