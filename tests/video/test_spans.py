"""Frames from the middle of a file are those of the whole: pixels, numbers and times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gfsalnet.video import Clock, PacketTable, Span, SpanReader, open_source, read_packets


def spans(path: Path) -> tuple[PacketTable, list[Span]]:
    table = read_packets(path)
    assert table is not None
    with open_source(path) as reader:
        clock = Clock(reader.info.time_base, reader.info.rate)
    seconds = [clock.seconds(stamp) for stamp in table.stamps]
    made = []
    for position, key in enumerate(table.key_stamps):
        first = table.stamps.index(key)
        read = slice(first, first + 12)
        keys = table.key_stamps[: position + 1] if first else ()
        made.append(
            Span(
                first=first,
                stamps=table.stamps[read],
                seconds=tuple(seconds[read]),
                key_stamps=keys,
                judged_from=first + 8,
            )
        )
    return table, made


def require_as_in_the_whole(path: Path) -> None:
    table, made = spans(path)
    assert len(made) >= 3
    with open_source(path) as reader:
        whole = [(frame.index, frame.time_seconds, frame.rgb.tobytes()) for frame in reader]
    assert len(whole) == len(table.stamps)
    for span in made:
        with SpanReader(str(path), path, span) as reader:
            found = [(frame.index, frame.time_seconds, frame.rgb.tobytes()) for frame in reader]
            assert (reader.report.damage, reader.report.notes) == (None, [])
        assert found == whole[span.first : span.first + 12]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=8:min-keyint=8:scenecut=0"}),
        ("a.mkv", "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=8:min-keyint=8:scenecut=0"}),
        ("a.mov", "libx264", {"bf": "0", "g": "8"}),
        ("a.mp4", "libx265", {"x265-params": "open-gop=1:keyint=8:min-keyint=8:scenecut=0:log-level=none"}),
        ("a.mkv", "libx265", {"x265-params": "open-gop=1:keyint=8:min-keyint=8:scenecut=0:log-level=none"}),
        ("a.mkv", "libsvtav1", {"g": "8"}),
        ("a.mov", "prores_ks", {}),
    ],
)
def test_every_key_frame_is_a_place_to_begin(encode, name, codec, options):
    pixel_format = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    require_as_in_the_whole(encode(name, 40, codec=codec, options=options, pixel_format=pixel_format))


def test_a_recording_with_uneven_times(encode):
    stamps = np.cumsum(np.random.default_rng(3).integers(5, 400, 40)).tolist()
    options = {"bf": "2", "x264-params": "open-gop=1:keyint=8:min-keyint=8:scenecut=0"}
    for name in ("vfr.mp4", "vfr.mkv"):
        require_as_in_the_whole(encode(name, 40, stamps=stamps, time_base=Fraction(1, 1000), options=options))


@pytest.mark.skipif(av.__version__.startswith("14."), reason="PyAV 14 copies a stream without its header")
def test_an_edit_list_that_hides_the_first_frames(encode, tmp_path):
    options = {"bf": "2", "x264-params": "keyint=8:min-keyint=8:scenecut=0"}
    whole, cut = encode("whole.mp4", 40, options=options), tmp_path / "cut.mp4"
    with av.open(str(whole)) as old, av.open(str(cut), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in [packet for packet in old.demux(video=0) if packet.size]:
            packet.pts -= round(4 / (25 * packet.time_base))
            packet.dts -= round(4 / (25 * packet.time_base))
            packet.stream = stream
            new.mux(packet)
    require_as_in_the_whole(cut)


def test_a_frame_that_does_not_come_is_said(encode):
    path = encode("a.mp4", 40, options={"g": "8"})
    _, made = spans(path)
    span = made[2]
    stamps = (*span.stamps[:5], span.stamps[5] + 1, *span.stamps[6:])  # as if the file had been changed
    with SpanReader(str(path), path, Span(**{**vars(span), "stamps": stamps})) as reader:
        assert len(list(reader)) == 5
        assert reader.report.frames_lost == 1
        assert reader.report.damage == f"frame {span.first + 5} does not come"


def test_damage_counts_from_a_frame_on(encode):
    path = encode("a.mp4", 40, options={"g": "8", "bf": "0"})
    _, made = spans(path)
    span = made[2]
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][span.first + 2]
        position, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[position + size // 2 : position + size] = bytes(size - size // 2)
    path.write_bytes(data)
    for judged_from, is_damaged in ((span.first, True), (span.first + 4, False)):
        with SpanReader(str(path), path, Span(**{**vars(span), "judged_from": judged_from})) as reader:
            assert len(list(reader)) == 12
            assert (reader.report.damage is not None) == is_damaged
