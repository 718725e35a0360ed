"""What is missing from Ogg, MXF, NUT, RealMedia, IVF, Y4M, DV, WebP and Motion JPEG, of which no reader speaks."""

from __future__ import annotations

import random
import struct

import av
import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import open_source
from gfsalnet.video.structure import structure_of

COUNT = 20
VP8 = {"codec": "libvpx", "options": {"auto-alt-ref": "0", "g": "8"}}
FORMATS = {
    "a.ogv": {**VP8, "format": "ogg"},
    "sound.ogv": {**VP8, "format": "ogg", "audio": "libopus"},
    "a.ivf": VP8,
    "a.mxf": {"codec": "mpeg2video", "options": {"bf": "2", "g": "8"}},
    "sound.mxf": {"codec": "mpeg2video", "audio": "pcm_s16le"},
    "a.nut": {"options": {"bf": "2", "g": "8"}},
    "sound.nut": {"codec": "mpeg4", "audio": "libmp3lame"},
    "a.rm": {"codec": "rv20", "format": "rm"},
    "a.mjpeg": {"codec": "mjpeg", "pixel_format": "yuvj420p", "format": "mjpeg"},
    "a.swf": {"codec": "flv", "format": "swf"},
    "a.obu": {"codec": "libsvtav1", "options": {"svtav1-params": "lp=1"}},
    "a.dv": {"codec": "dvvideo", "format": "dv", "size_wh": (720, 576)},
}
NAMES = [*FORMATS, "a.y4m"]


def read(path):
    with open_source(str(path)) as reader:
        return sum(1 for _ in reader), reader.report


def books_of(path):
    with av.open(str(path)) as container:
        return structure_of(path, container.format.name, container.streams.video[0].index)


@pytest.fixture
def make(encode, tmp_path, picture):
    """A function that makes a video of one of the forms."""

    def written(name):
        # Not all builds of FFmpeg write AV1.
        if FORMATS.get(name, {}).get("codec", "libx264") not in av.codecs_available:
            pytest.skip(f"no {FORMATS[name]['codec']}")
        if name in FORMATS:
            return encode(name, COUNT, **FORMATS[name])
        frames = [av.VideoFrame.from_ndarray(picture(index)).reformat(format="yuv420p") for index in range(COUNT)]
        head = b"YUV4MPEG2 W96 H64 F25:1 Ip A1:1 C420jpeg\n"
        path = tmp_path / name
        path.write_bytes(head + b"".join(b"FRAME\n" + frame.to_ndarray().tobytes() for frame in frames))
        return path

    return written


@pytest.mark.parametrize("name", NAMES)
def test_books_of_a_whole_file_are_in_order(make, name):
    path = make(name)
    books = books_of(path)
    assert (books.cut, books.problem) == (False, None)
    assert COUNT in (books.packets, books.at_least)
    count, report = read(path)
    assert (count, report.frames_lost, report.frames_damaged, report.damage, report.notes) == (COUNT, 0, 0, None, [])


@pytest.mark.parametrize("name", NAMES)
def test_no_cut_is_silent(make, name):
    path = make(name)
    data = path.read_bytes()
    for share in (0.5, 0.7, 0.9, 0.98):
        path.write_bytes(data[: int(len(data) * share) - 3])
        try:
            count, report = read(path)
        except SourceError:  # FFmpeg 7 reads no MXF whose last partition is gone
            continue
        # What is cut off may be sound alone.
        assert count == COUNT or report.damage is not None, share
        assert count == COUNT or report.frames_lost == COUNT - count or report.loss_unknown


# Of Motion JPEG the head of one picture and the tail of another may make a whole one: docs/reliability.md.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "a.mjpeg"])
def test_frames_that_bytes_taken_out_cost_are_missed(make, name):
    path = make(name)
    data, rng = path.read_bytes(), random.Random(0)
    for _ in range(6):
        start = rng.randrange(len(data) // 4, len(data) * 3 // 4)
        path.write_bytes(data[:start] + data[start + 700 :])
        try:
            count, report = read(path)
        except SourceError:
            continue
        if count < COUNT:
            assert report.damage is not None
            assert report.is_short


def require_problem(path, words):
    count, report = read(path)
    assert words in (report.damage or "")
    assert count == COUNT or report.is_short


def ogg_pages(data):
    starts = [at for at in range(len(data)) if data[at : at + 4] == b"OggS"]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def test_a_page_of_ogg_that_is_gone_or_damaged(make):
    path = make("a.ogv")
    pages = ogg_pages(path.read_bytes())
    assert len(pages) > 4
    path.write_bytes(b"".join(pages[:3] + pages[4:]))
    require_problem(path, "pages of the video are missing after page 2")
    path.write_bytes(b"".join([*pages[:3], pages[3][:-9] + bytes([pages[3][-9] ^ 1]) + pages[3][-8:], *pages[4:]]))
    require_problem(path, "pages of the video are missing after page 2")
    path.write_bytes(b"".join(pages[:-1]))
    require_problem(path, "truncated after frame")


def test_sound_of_ogg_that_is_damaged_costs_no_picture(make):
    path = make("sound.ogv")
    data = path.read_bytes()
    sound = next(page for page in ogg_pages(data) if page[28:36] == b"OpusHead")
    stream = sound[14:18]
    pages = [page for page in ogg_pages(data) if page[14:18] != stream or page[5] & 2]
    assert len(pages) < len(ogg_pages(data))
    path.write_bytes(b"".join(pages))
    count, report = read(path)
    assert (count, report.frames_lost, report.damage) == (COUNT, 0, None)


def test_an_ivf_that_ends_between_two_pictures(make):
    path = make("a.ivf")
    data = path.read_bytes()
    at, ends = 32, []
    while at < len(data):
        at += 12 + int.from_bytes(data[at : at + 4], "little")
        ends.append(at)
    path.write_bytes(data[: ends[14]])
    count, report = read(path)
    assert (count, report.frames_lost, report.damage) == (15, 5, "truncated after frame 14")
    # Some programs leave the count empty, or write the length of the video in its own units.
    for stated in (0, 15, 0xFFFFFFFF):
        path.write_bytes(data[:24] + struct.pack("<I", stated) + data[28 : ends[14]])
        assert read(path)[1].damage is None


def test_a_picture_of_mxf_whose_key_is_damaged(make):
    path = make("a.mxf")
    data = bytearray(path.read_bytes())
    place = data.index(bytes.fromhex("060e2b34010201010d01030115"), len(data) // 2)
    data[place + 8] ^= 0x40  # no key of essence any more
    path.write_bytes(data)
    count, report = read(path)
    assert (count + report.frames_lost, report.is_short) == (COUNT, True)
    data[place] = 0x77
    path.write_bytes(data)
    require_problem(path, "is no part of an MXF")


def test_an_mxf_whose_last_partition_is_missing(make):
    path = make("a.mxf")
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(bytes.fromhex("060e2b34020501010d01020101040400"))])
    count, report = read(path)
    assert (count, report.frames_lost) == (COUNT, 0)
    assert "its end is missing" in report.damage


def test_frames_of_nut_that_are_longer_than_they_are(make):
    path = make("a.nut")
    data = bytearray(path.read_bytes())
    mark = data.index(bytes.fromhex("4e4be4adeeca4569"), len(data) // 2)
    data[mark : mark + 8] = bytes(8)
    path.write_bytes(data)
    require_problem(path, "is no part of a NUT")


def test_a_packet_of_realmedia_that_was_taken_out(make):
    path = make("a.rm")
    data = path.read_bytes()
    at = data.index(b"DATA") + 18
    places = [at]
    for _ in range(COUNT):
        at += int.from_bytes(data[at + 2 : at + 4], "big")
        places.append(at)
    path.write_bytes(data[: places[5]] + data[places[6] :])
    count, report = read(path)
    assert count < COUNT
    assert report.damage is not None
    assert report.is_short


def test_a_start_of_a_jpeg_that_is_destroyed(make):
    path = make("a.mjpeg")
    data = path.read_bytes()
    place = data.index(b"\xff\xd8", len(data) // 2)
    path.write_bytes(data[:place] + bytes(4) + data[place + 4 :])
    require_problem(path, "is no JPEG")
    # Some cameras fill up with zeros.
    path.write_bytes(data[:place] + bytes(64) + data[place:] + bytes(512))
    count, report = read(path)
    assert (count, report.damage) == (COUNT, None)


def test_a_video_cd_is_whole(encode):
    if "vcd" not in av.formats_available:
        pytest.skip("no muxer for Video CD")
    path = encode("a.mpg", COUNT, codec="mpeg1video", audio="mp2", format="vcd")
    count, report = read(path)
    assert (count, report.frames_lost, report.damage) == (COUNT, 0, None)


def animated_webp(path, picture):
    animation = cv2.Animation()
    animation.frames = [picture(index) for index in range(COUNT)]
    animation.durations = np.full(COUNT, 40, np.int32)
    assert cv2.imwriteanimation(str(path), animation)
    return path


def test_a_picture_of_webp_that_is_passed_over(tmp_path, picture):
    path = animated_webp(tmp_path / "a.webp", picture)
    count, report = read(path)
    assert (count, report.frames_lost, report.damage) == (COUNT, 0, None)
    data = bytearray(path.read_bytes())
    data[data.index(b"ANMF", len(data) // 2)] ^= 0x08
    path.write_bytes(data)
    count, report = read(path)
    assert (count, report.frames_lost) == (COUNT - 1, 1)
    assert "its container is damaged" in report.damage


def test_an_avi_whose_first_key_frame_is_destroyed(encode):
    path = encode("a.avi", COUNT, options={"g": "8"})
    data = bytearray(path.read_bytes())
    place = data.index(b"00dc", data.index(b"movi")) + 8
    # Of a key frame, the beginning of its slice.
    place = data.index(b"\0\0\1\x65", place)
    data[place : place + 50] = bytes(50)
    path.write_bytes(data)
    count, report = read(path)
    assert count < COUNT
    assert (count + report.frames_lost, report.damage) == (COUNT, "its first key frame is destroyed")
