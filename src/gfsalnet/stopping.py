"""Signals that ask a process to stop: Ctrl-C, SIGTERM and, where a terminal is closed, SIGHUP. All mean the same."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_CLEAN_UP_SECONDS = 5.0
_AT_ONCE = 3
"""The third signal does not wait for anything to be cleaned up."""

Handler = Callable[[int, "FrameType | None"], Any]
_received: list[int] = []
_asked = -math.inf
"""When the last signal came, on the monotonic clock."""


@contextmanager
def handled_by(handler: Handler) -> Iterator[None]:
    """Let `handler` take those of the `STOP_SIGNALS` that Python code takes already; in the main thread, or nothing.

    A signal that is ignored stays so, and one that ends the process at once still does: both are decisions of whoever
    started it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    before = {number: own for number, own in before.items() if callable(own)}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own)


def stop_once() -> None:
    """From now on the first signal of `STOP_SIGNALS` is a `KeyboardInterrupt`, and the second waits for its clean-up.

    Two interrupts would otherwise leave a traceback, or half of a file: the second one comes while the first is being
    cleaned up after. A signal that the process was started to ignore (`nohup`) stays ignored.
    """
    for number in STOP_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def exit_status() -> int:
    """What a shell expects of a process that a signal has stopped: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + (_received[0] if _received else signal.SIGINT)


def _stop(number: int, frame: FrameType | None) -> None:
    global _asked
    before, _asked = _asked, time.monotonic()
    _received.append(number)
    if len(_received) >= _AT_ONCE:
        os._exit(128 + number)
    # Much later nothing is being cleaned up: the interrupt was lost in a library that catches everything.
    if _asked - before > _CLEAN_UP_SECONDS:
        raise KeyboardInterrupt
    with suppress(OSError, ValueError, AttributeError):  # not print: the signal may have come in the middle of one
        os.write(sys.stderr.fileno(), b"cleaning up; once more ends at once\n")
