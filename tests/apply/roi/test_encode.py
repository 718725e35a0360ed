"""The encode is finer where the offsets say so, and all else is as in the source."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from gfsalnet.apply.roi import Encoding, encode
from gfsalnet.errors import OutputError, SourceError
from gfsalnet.video import frame_times, open_source

FAST = Encoding(preset="veryfast", crf=32)


def halves(frames=12, rows=6, columns=8, strength=8):
    """Offsets that favour the left half."""
    offsets = np.full((frames, rows, columns), strength, np.int8)
    offsets[:, :, : columns // 2] = -strength
    return offsets


def errors(path, other):
    """Mean squared errors of the left and the right half."""
    with open_source(str(path)) as one, open_source(str(other)) as two:
        pairs = [(a.rgb.astype(float), b.rgb.astype(float)) for a, b in zip(one, two, strict=True)]
    squared = np.mean([(a[: b.shape[0], : b.shape[1]] - b) ** 2 for a, b in pairs], axis=(0, 3))
    middle = squared.shape[1] // 2
    return squared[:, :middle].mean(), squared[:, middle:].mean()


@pytest.mark.parametrize(
    "encoding",
    [
        FAST,
        Encoding(preset="ultrafast", crf=32),  # which has no adaptive quantisation of its own
        Encoding(preset="veryfast", kbps=300),
        Encoding(codec="x265", preset="ultrafast", crf=34),
    ],
    ids=str,
)
def test_bits_go_where_the_offsets_are_negative(clip, tmp_path, encoding):
    source = clip()
    for offsets, name in ((None, "plain.mp4"), (halves(), "roi.mp4")):
        assert encode(str(source), offsets, 16, tmp_path / name, encoding) == []
    plain, roi = errors(tmp_path / "plain.mp4", source), errors(tmp_path / "roi.mp4", source)
    assert plain[0] == pytest.approx(plain[1], rel=0.35)
    assert roi[0] < 0.7 * plain[0] < plain[1] < 0.7 * roi[1]
    assert not list(tmp_path.glob(".passes*"))


@pytest.mark.slow
def test_two_passes_meet_the_bit_rate(clip, tmp_path):
    source = clip(times=[n / 25 for n in range(50)])
    seen = []
    for kbps in (150, 600):
        path = tmp_path / f"{kbps}.mp4"
        encode(
            str(source),
            halves(50),
            16,
            path,
            Encoding(preset="veryfast", kbps=kbps),
            on_frame=lambda *at: seen.append(at),
        )
        with av.open(str(path)) as container:
            size = sum(packet.size for packet in container.demux(container.streams.video[0]))
        assert size * 8 / 2 / 1000 == pytest.approx(kbps, rel=0.25)
    assert seen[:50] == [(1, n + 1) for n in range(50)]
    assert seen[50:100] == [(2, n + 1) for n in range(50)]


def test_times_and_sound_are_kept(clip, tmp_path):
    times = [0, 0.04, 0.1, 0.3, 0.35]
    source = clip("vfr.mkv", times, codec="libx264", tracks=2)
    encode(str(source), halves(5), 16, tmp_path / "e.mp4", FAST)
    assert frame_times(tmp_path / "e.mp4") == pytest.approx(times, abs=1e-3)
    with av.open(str(tmp_path / "e.mp4")) as container:
        assert len(container.streams.audio) == 2


def test_a_part_begins_at_zero_with_its_own_offsets(clip, tmp_path):
    source = clip()
    encode(str(source), halves(5), 16, tmp_path / "e.mp4", FAST, part_seconds=(0.16, 0.36))
    assert frame_times(tmp_path / "e.mp4") == pytest.approx([n / 25 for n in range(5)], abs=1e-3)
    with open_source(str(tmp_path / "e.mp4")) as one, open_source(str(source)) as two:
        first, fourth = next(iter(one)).rgb, [frame.rgb for frame in two][4]
    assert np.abs(first.astype(float) - fourth)[:, :64].mean() < 8


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p", "yuv422p"])
def test_pixel_formats_that_the_encoder_knows_are_kept(clip, tmp_path, pixel_format):
    source = clip(pixel_format=pixel_format)
    encode(str(source), halves(), 16, tmp_path / "e.mp4", FAST)
    with av.open(str(tmp_path / "e.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == pixel_format
    left, right = errors(tmp_path / "e.mp4", source)
    assert left < 0.5 * right  # the offsets of 10 bits are on another scale


def test_the_same_offset_is_as_much_at_ten_bits(clip, tmp_path):
    sizes = []
    for pixel_format in ("yuv420p", "yuv420p10le"):
        source = clip(f"{pixel_format}.mkv", pixel_format=pixel_format)
        for offset in (0, 6):
            path = tmp_path / f"{pixel_format}{offset}.mp4"
            encode(str(source), np.full((12, 6, 8), offset, np.int8), 16, path, FAST)
            sizes.append(path.stat().st_size)
    assert sizes[3] / sizes[2] == pytest.approx(sizes[1] / sizes[0], rel=0.1)


@pytest.mark.parametrize(("pixel_format", "size_wh"), [("yuv420p", (127, 95)), ("bgra", (128, 96))])
def test_what_the_encoder_does_not_take_goes_by_way_of_rgb(clip, tmp_path, pixel_format, size_wh):
    source = clip(pixel_format=pixel_format, size_wh=size_wh)
    encode(str(source), halves(), 16, tmp_path / "e.mp4", FAST)
    with av.open(str(tmp_path / "e.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.pix_fmt, stream.width, stream.height) == ("yuv420p", 128, 96)
    left, right = errors(tmp_path / "e.mp4", source)
    assert left < 0.5 * right


def test_a_turned_video_comes_upright_with_the_offsets_of_what_is_seen(clip, tmp_path):
    source = clip("phone.mp4", codec="libx264")
    data = bytearray(source.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # the display matrix: a quarter turn to the right
    data[start : start + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    source.write_bytes(data)
    encode(str(source), halves(12, rows=8, columns=6), 16, tmp_path / "e.mp4", FAST)
    with open_source(str(tmp_path / "e.mp4")) as reader:
        assert reader.info.size_wh == (96, 128)
    left, right = errors(tmp_path / "e.mp4", source)
    assert left < 0.6 * right


def test_a_photograph_and_a_folder_of_frames(frames, tmp_path):
    for source, count in ((frames, 3), (frames / "000.png", 1)):
        encode(str(source), halves(count), 16, tmp_path / "e.mp4", FAST)
        assert len(frame_times(tmp_path / "e.mp4")) == count


def test_what_is_wrong_is_said_and_leaves_nothing(clip, tmp_path, monkeypatch):
    source = clip()
    with pytest.raises(SourceError, match="12 frames now, and 11 were predicted"):
        encode(str(source), halves(11), 16, tmp_path / "e.mp4", FAST)
    monkeypatch.setattr("gfsalnet.apply.roi.encoding.CODECS", {"x264": "libnone"})
    with pytest.raises(OutputError, match="no such encoder"):
        encode(str(source), halves(), 16, tmp_path / "e.mp4", FAST)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mkv"]
