"""What is shown is new, losses are counted, a stream that breaks off is opened again, and the page lets its own in."""

from __future__ import annotations

import http.client
import io
import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gfsalnet.errors import OutputError, SourceError
from gfsalnet.live import Feed, LivePage, StreamSink, watch
from gfsalnet.models.classical.centre_bias import CentreBias
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoInfo


class Slow(CentreBias):
    """Takes so long for each frame."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds

    def stream(self, frames: Iterable[Frame], seconds: Any = None) -> Iterator[Prediction]:
        for prediction in super().stream(frames, seconds):
            time.sleep(self.seconds)
            yield prediction


class Source:
    """Frames at their own speed, as of a camera or a file."""

    def __init__(self, count: int, rate: int = 50, *, live: bool) -> None:
        self.count, self.rate = count, rate
        kind: Any = "camera" if live else "video"
        self.info = VideoInfo(
            source="source",
            name="source",
            path=None,
            kind=kind,
            size_wh=(64, 48),
            rate=Fraction(rate),
            time_base=Fraction(1, 1000),
            estimated_frames=None,
            duration_seconds=None,
            has_audio=False,
        )

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.count):
            if self.info.is_live:
                time.sleep(1 / self.rate)
            yield Frame(np.full((48, 64, 3), index % 256, np.uint8), index=index, time_seconds=index / self.rate)


class EnoughError(Exception):
    """The source has ended, and is not to be opened again."""


def shown_of(model: Slow, source: Any) -> tuple[Feed, list[float]]:
    feed, times = Feed(), list[float]()

    def sleep(seconds: float) -> None:
        raise EnoughError

    with suppress(EnoughError):
        watch(model, "source", "overlay", feed, lambda p, t: times.append(t), start=lambda s: source, sleep=sleep)
    return feed, times


@pytest.mark.slow
@pytest.mark.parametrize("live", [True, False])
def test_a_model_that_is_too_slow_drops_frames_and_stays_new(live: bool) -> None:
    feed, times = shown_of(Slow(0.05), Source(60, live=live))
    assert feed.dropped > 5
    assert len(times) == feed.shown < 60
    assert times == sorted(times)
    assert times[-1] > 1.0  # the end of 1.2 seconds is shown
    assert feed.median_age_ms < 400


def test_a_file_is_played_at_its_own_speed() -> None:
    began = time.monotonic()
    feed, _ = shown_of(Slow(), Source(20, live=False))
    assert time.monotonic() - began >= 19 / 50
    assert feed.shown + feed.dropped == 20
    assert feed.said == "ended"


def test_a_stream_that_breaks_off_is_opened_again_ever_later() -> None:
    waits: list[float] = []
    opened: list[Any] = [
        Source(3, live=True),
        SourceError("source", "is gone", "Wait"),
        SourceError("source", "is gone", "Wait"),
        Source(2, live=True),
    ]
    feed = Feed()

    def start(source: str) -> Any:
        if not opened:
            raise KeyboardInterrupt
        now = opened.pop(0)
        if isinstance(now, SourceError):
            raise now
        return now

    with pytest.raises(KeyboardInterrupt):
        watch(Slow(), "source", "overlay", feed, lambda p, t: None, start=start, sleep=waits.append)
    assert waits == [1, 2, 4, 1]
    assert (feed.shown, feed.reconnects) == (5, 4)


def test_no_number_of_few_pictures_contradicts_another() -> None:
    feed = Feed()
    for age in (0.1, 0.3):
        feed.note(age)
    assert (feed.statistics()["median_age_ms"], feed.statistics()["p95_age_ms"]) == (200, 290)


def test_a_source_that_never_opens_is_an_error() -> None:
    def start(source: str) -> Any:
        raise SourceError(source, "is no camera", "Give another")

    with pytest.raises(SourceError, match="is no camera"):
        watch(Slow(), "9", "overlay", Feed(), lambda p, t: None, start=start)


def get(address: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = b"" if answer.headers.get("content-type", "").startswith("multipart") else answer.read()
    return answer.status, {name.lower(): value for name, value in answer.headers.items()}, body


def test_the_page_and_its_pictures() -> None:
    feed = Feed()
    with LivePage(feed, "<a camera>", "127.0.0.1", 0, hosts=frozenset({"127.0.0.1"})) as page:
        status, headers, body = get(page.address, "/")
        assert (status, b"&lt;a camera&gt;" in body) == (200, True)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert json.loads(get(page.address, "/stats")[2])["frames_shown"] == 0
        assert get(page.address, "/../etc/passwd")[0] == 404
        assert get(page.address, "/", Host="evil.example")[0] == 421
        connection = http.client.HTTPConnection(page.address, timeout=10)
        connection.request("GET", "/live.mjpg")
        answer = connection.getresponse()
        seen = []
        for number in range(3):
            feed.put(b"jpeg %d" % number)
            head = [answer.fp.readline() for _ in range(4)]
            assert b"content-length: 6" in head[2]
            seen.append(answer.fp.read(6))
            answer.fp.readline()
        assert seen == [b"jpeg 0", b"jpeg 1", b"jpeg 2"]
        assert feed.viewers == 1
        connection.close()


def test_a_token_is_asked_for() -> None:
    with LivePage(Feed(), "camera", "127.0.0.1", 0, token="0123456789abcdef") as page:
        assert get(page.address, "/")[0] == get(page.address, "/?token=guess")[0] == 401
        status, headers, _ = get(page.address, "/?token=0123456789abcdef")
        assert (status, headers["location"]) == (303, "/")
        assert get(page.address, "/stats", Cookie=headers["set-cookie"].partition(";")[0])[0] == 200


def test_a_slow_viewer_skips_pictures() -> None:
    feed = Feed()
    for number in range(5):
        feed.put(b"%d" % number)
    picture = feed.newer_than(-1, 1)
    assert picture is not None
    assert picture.jpeg == b"4"
    assert feed.newer_than(picture.number, 0.01) is None
    threading.Timer(0.05, feed.end).start()
    assert feed.newer_than(picture.number, 10) is None  # at once


def test_pictures_as_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", type("Out", (), {"buffer": pipe}))
    with StreamSink("pipe:", Fraction(30)) as sink:
        for level in range(0, 200, 20):
            sink.write(np.full((49, 65, 3), level, np.uint8))
            time.sleep(0.01)
    with av.open(io.BytesIO(pipe.getvalue())) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 10
    assert frames[0].width == 66
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    assert times[-1] - times[0] > 0.05


def test_no_place_for_a_stream(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no place for a live stream"):
        StreamSink(str(tmp_path / "out.mp4"), Fraction(30))
    sink = StreamSink("rtsp://127.0.0.1:9/nobody", Fraction(30))
    with pytest.raises(OutputError, match="does not take the stream"):
        sink.write(np.zeros((48, 64, 3), np.uint8))
