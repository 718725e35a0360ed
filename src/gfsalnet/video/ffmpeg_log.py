"""What FFmpeg complains about while a file is read: the only trace that some damage leaves.

FFmpeg has one callback for the whole process. PyAV sorts its lines by the thread that they come from: a reader that
lets FFmpeg start no threads, and listens in the thread that decodes, hears of its own file and of no other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import av.logging

_WARNINGS = ("Frame did not contain a complete image",)
"""Warnings that mean lost pixels; all others are about files that are merely unusual."""
_HARMLESS = ("Referenced QT chapter track not found",)


class Line(NamedTuple):
    """One complaint."""

    name: str
    """Name of the demuxer or decoder that it comes from."""
    text: str


class Listener:
    """Hears what FFmpeg complains about; open from when it is made until it is closed.

    The level of the process is raised while any listener is open, and is afterwards as it was.
    """

    _lock = threading.Lock()
    _open = 0
    _before: tuple[int | None, bool] = (None, True)

    def __init__(self) -> None:
        self._is_open = True
        with Listener._lock:
            Listener._open += 1
            if Listener._open == 1:
                Listener._before = av.logging.get_level(), av.logging.get_skip_repeated()
                # Lines of threads that nobody listens to would otherwise be printed by `logging` as a last resort.
                logging.getLogger("libav").addHandler(logging.NullHandler())
                av.logging.set_level(max(av.logging.WARNING, Listener._before[0] or 0))
                # Two damaged files may say the same: none may take it for a repetition.
                av.logging.set_skip_repeated(False)

    @contextmanager
    def lines(self) -> Iterator[list[Line]]:
        """What is complained about in this thread inside the context; the list is filled as it ends."""
        heard: list[Line] = []
        with av.logging.Capture(local=True) as logged:
            try:
                yield heard
            finally:
                heard += [Line(name, text.strip()) for level, name, text in logged if _is_complaint(level, text)]

    def close(self) -> None:
        """Hear no more; closing twice does nothing."""
        with Listener._lock:
            if not self._is_open:
                return
            self._is_open = False
            Listener._open -= 1
            if Listener._open == 0:
                level, skip_repeated = Listener._before
                av.logging.set_level(level)
                av.logging.set_skip_repeated(skip_repeated)


def _is_complaint(level: int, text: str) -> bool:
    if level <= av.logging.ERROR:
        return not any(harmless in text for harmless in _HARMLESS)
    return any(warning in text for warning in _WARNINGS)
