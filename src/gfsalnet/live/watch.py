"""The loop: frames as they come, the newest first, drawn and given away; a stream that breaks off is opened again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing

from gfsalnet.choices import LiveView
from gfsalnet.errors import SourceError
from gfsalnet.live.feed import Feed
from gfsalnet.models import SaliencyModel
from gfsalnet.render import focus, gate_view, overlay, side_by_side
from gfsalnet.render.legend import add_legend
from gfsalnet.types import RGB, Frame, Prediction
from gfsalnet.video import VideoReader, open_source, prefetch
from gfsalnet.words import counted

log = logging.getLogger(__name__)

Show = Callable[[RGB, float], None]
"""Takes each picture, (H, W, 3) uint8, and the time in seconds at which its frame stands in the source."""
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 30.0
_LATE_SECONDS = 0.1
"""How late a frame of a file may be before it is left out."""


def watch(
    model: SaliencyModel,
    source: str,
    view: LiveView,
    feed: Feed,
    show: Show,
    *,
    start: Callable[[str], VideoReader] = open_source,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show a source as it runs: until a file ends, for ever for a camera or stream.

    A live source that breaks off is opened again after a second, then after twice as long each time, up to half a
    minute.

    Args:
        model: predicts; with a gate for the view `gate`.
        source: as `open_source` takes it. A file is played at its own speed.
        view: what is drawn.
        feed: what is counted, and the words about the source.
        show: takes the pictures.
        start: opens the source.
        sleep: waits that many seconds.

    Raises:
        SourceError: if the source cannot be opened for the first time, or a file breaks off.
    """
    wait, seen = _FIRST_WAIT_SECONDS, False
    while True:
        live, before, problem = True, feed.shown, "ended"
        try:
            with start(source) as reader:
                live, seen, feed.said = reader.info.is_live, True, "running"
                _run(model, reader, view, feed, show)
        except SourceError as error:
            if not (live and seen):
                raise
            problem = error.problem
        if not live:
            feed.said = "ended"
            return
        wait = _FIRST_WAIT_SECONDS if feed.shown > before else min(2 * wait, _LONGEST_WAIT_SECONDS)
        feed.reconnects += 1
        feed.said = f"{problem}; opened again in {wait:.0f} s"
        log.info("%s: %s", source, feed.said)
        sleep(wait)


def _run(model: SaliencyModel, reader: VideoReader, view: LiveView, feed: Feed, show: Show) -> None:
    came: dict[int, float] = {}

    def drop() -> None:
        feed.dropped += 1

    frames = prefetch(_arriving(reader, came, drop), 1, drop if reader.info.is_live else None)
    # The stream stops before what feeds it: its threads wait for frames.
    with closing(frames), closing(_stream(model, frames)) as predictions:
        for prediction in predictions:
            picture = drawn(prediction, view)
            age = time.monotonic() - came.get(prediction.frame_index, time.monotonic())
            for index in list(came):  # a copy: the thread that reads adds to it
                if index <= prediction.frame_index:
                    del came[index]
            feed.note(age)
            _caption(picture, feed)
            show(picture, prediction.time_seconds)


def _stream(model: SaliencyModel, frames: Iterable[Frame]) -> Generator[Prediction, None, None]:
    yield from model.stream(frames)


def _arriving(reader: VideoReader, came: dict[int, float], drop: Callable[[], None]) -> Iterator[Frame]:
    """The frames, and when each came in: a file's at its own time, or not at all if that is over."""
    began: float | None = None
    for frame in reader:
        if not reader.info.is_live:
            began = time.monotonic() - frame.time_seconds if began is None else began
            left = began + frame.time_seconds - time.monotonic()
            if left < -_LATE_SECONDS:
                drop()
                continue
            time.sleep(max(left, 0.0))
        came[frame.index] = time.monotonic()
        yield frame


def drawn(prediction: Prediction, view: LiveView) -> RGB:
    """(H, W, 3) uint8, which may be written to."""
    if view == "gate":
        return gate_view(prediction)
    if view == "focus":
        return focus(prediction.frame.rgb, prediction.map_density)
    over = overlay(prediction.frame.rgb, prediction.map_density)
    return side_by_side(prediction.frame.rgb, over) if view == "side" else over


def _caption(picture: RGB, feed: Feed) -> None:
    """Write age and losses into the picture."""
    text = f"{feed.median_age_ms:.0f} ms old, {feed.dropped} of {counted(feed.shown + feed.dropped, 'frame')} dropped"
    add_legend(picture, (text,))
