"""Times of AVI, whose chunks have none."""

from __future__ import annotations

import av
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import count_frames, open_source

needs_index = pytest.mark.skipif(not hasattr(av.video.stream.VideoStream, "index_entries"), reason="PyAV before 17")


def read(path):
    with open_source(str(path)) as reader:
        frames = list(reader)
    return frames, reader.report


def chunks(path):
    """Where each chunk of the video starts."""
    with av.open(str(path)) as container:
        return [packet.pos - 8 for packet in container.demux(video=0) if packet.size]


@needs_index
@pytest.mark.parametrize(
    ("codec", "options"),
    [("mpeg4", {}), ("mpeg4", {"bf": "2"}), ("mjpeg", {}), ("ffv1", {}), ("libx264", {"bf": "0", "g": "1"})],
)
@pytest.mark.parametrize("which", [[6], [6, 7], [3, 9]])
def test_a_destroyed_chunk_is_lost_and_moves_no_other(encode, codec, options, which):
    format_ = {"mjpeg": "yuvj420p", "ffv1": "yuv444p"}.get(codec, "yuv420p")
    path = encode("a.avi", 14, codec=codec, options=options | {"g": "1"}, pixel_format=format_, rate=10)
    whole = {round(frame.time_seconds * 10): frame.rgb for frame in read(path)[0]}
    data = bytearray(path.read_bytes())
    for chunk in which:
        at = chunks(path)[chunk]
        data[at : at + 8] = b"\x07\x99" * 4
    damaged = path.with_name("damaged.avi")
    damaged.write_bytes(data)
    frames, report = read(damaged)
    numbers = [round(frame.time_seconds * 10) for frame in frames]
    assert numbers == [number for number in range(14) if number not in which]
    assert report.frames_lost == len(which)
    assert report.damage is not None
    assert "is no part of an AVI" in report.damage
    # What lies before the destroyed header has swallowed it, and may look damaged.
    for frame, number in zip(frames, numbers, strict=True):
        if number + 1 not in which:
            np.testing.assert_array_equal(frame.rgb, whole[number])
    with pytest.raises(SourceError, match=r"frames? lost, 0 damaged"):
        count_frames(damaged)


@pytest.mark.parametrize("bf", [0, 1, 3])
def test_frames_that_are_decoded_in_another_order_keep_a_steady_time(encode, bf):
    frames, report = read(encode("a.avi", 25, codec="libx264", options={"bf": str(bf)}, rate=10))
    np.testing.assert_allclose([frame.time_seconds for frame in frames], np.arange(25) / 10, atol=1e-9)
    assert (report.frames_lost, report.damage) == (0, None)


@needs_index
@pytest.mark.shared
def test_the_real_file_with_a_destroyed_chunk(shared_dir):
    frames, report = read(shared_dir / "cases" / "avi-lost-packet" / "v_mid_m_avi.avi")
    assert report.frames_lost == 1
    assert [round(frame.time_seconds * 10) for frame in frames] == [n for n in range(30) if n != 11]
