"""FFmpeg's complaints reach the reader whose file they are about, and nobody else."""

from __future__ import annotations

import random
import threading
from itertools import zip_longest

import av.logging
import pytest

from gfsalnet.video import open_source
from gfsalnet.video.ffmpeg_log import Listener


def log(name, text="it is damaged\n", level=av.logging.ERROR):
    av.logging.log(level, name, text)


def test_lines_of_two_threads_do_not_mix():
    both, heard = threading.Barrier(2), {}

    def listen(name):
        listener = Listener()
        with listener.lines() as lines:
            both.wait()
            for _ in range(3):  # also what the other thread has just said
                log(name)
            both.wait()
        heard[name] = lines
        listener.close()

    threads = [threading.Thread(target=listen, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: {line.name for line in lines} for name, lines in heard.items()} == {"one": {"one"}, "two": {"two"}}
    assert [line.text for line in heard["one"]] == ["it is damaged"] * 3


def test_the_level_of_the_process_is_afterwards_as_before(capfd):
    before = av.logging.get_level(), av.logging.get_skip_repeated()
    first, second = Listener(), Listener()
    first.close()
    first.close()
    assert av.logging.get_level() >= av.logging.WARNING
    log("nobody listens")
    second.close()
    assert (av.logging.get_level(), av.logging.get_skip_repeated()) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("level", "text", "counts"),
    [
        (av.logging.ERROR, "LZW decode failed", True),
        (av.logging.WARNING, "deprecated pixel format used", False),
        (av.logging.WARNING, "Frame did not contain a complete image", True),
        (av.logging.ERROR, "Referenced QT chapter track not found", False),
    ],
)
def test_what_counts_as_a_complaint(level, text, counts):
    listener = Listener()
    with listener.lines() as lines:
        log("x", text, level)
    listener.close()
    assert bool(lines) == counts


def test_of_two_videos_read_in_turns_only_the_damaged_one_is_damaged(encode):
    arguments = {"codec": "mjpeg", "pixel_format": "yuvj420p"}
    whole = encode("whole.mkv", 12, **arguments)
    data = bytearray(encode("spoilt.mkv", 12, **arguments).read_bytes())
    start = len(data) // 2
    data[start : start + 400] = random.Random(0).randbytes(400)
    (whole.parent / "spoilt.mkv").write_bytes(data)
    with open_source(str(whole)) as one, open_source(str(whole.parent / "spoilt.mkv")) as two:
        pairs = list(zip_longest(one, two))
    assert len(pairs) == 12
    assert one.report.damage is None
    assert two.report.damage is not None
