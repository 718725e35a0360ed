"""Signals that ask a process to stop: Ctrl-C, SIGTERM and, where a terminal is closed, SIGHUP. All mean the same.

Python looks for signals between two steps of its own, and raises what their handlers raise there. So a request to stop
can be lost in three ways: it comes just before a system call that then waits for ever; it comes while a module is
imported, and whatever that module tries catches it; it comes in a destructor or callback, whose exceptions are printed
and forgotten. A thread that hears of each signal at once sees to it that none of these swallows one.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_CLEAN_UP_SECONDS = 5.0
"""For how long after a signal the next one is told that its cleaning up goes on."""
_AT_ONCE = 3
"""The third signal does not wait for anything to be cleaned up."""

_ASK_AGAIN_SECONDS = (0.05, 0.2, 1.0)
"""Pauses after which the main thread is woken, in case it sleeps through a signal."""
_WAKE = getattr(signal, "SIGURG", None)
"""A signal that does nothing to a process that has no handler for it."""
_IMPORTER = "<frozen importlib._bootstrap>"

Handler = Callable[[int, "FrameType | None"], Any]
_received: list[int] = []
_asked = -math.inf
"""When the last signal came, on the monotonic clock."""
_watch: threading.Thread | None = None
_is_due = False
"""Whether a `KeyboardInterrupt` has still to be raised, or to be raised again."""
_imports_before = 0
"""How many imports the program itself is run in."""


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
    # SIG_IGN and SIG_DFL are no functions, nor is None, for a handler that was not set by Python.
    before = {number: own for number, own in before.items() if callable(own)}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own)


def end_at_once() -> None:
    """Until `stop_once` is called, Ctrl-C ends the process as SIGTERM does: there is nothing to clean up yet.

    Python's own handler would leave a traceback, and libraries that are being imported can catch what it raises.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def stop_once() -> None:
    """From now on the first signal of `STOP_SIGNALS` is a `KeyboardInterrupt`, and the second waits for its clean-up.

    Two interrupts would otherwise leave a traceback, or half of a file: the second one comes while the first is being
    cleaned up after. A signal that the process was started to ignore (`nohup`) stays ignored.
    """
    global _imports_before
    _imports_before = _imports(sys._getframe())
    for number in STOP_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    if hasattr(signal, "pthread_kill") and _WAKE is not None and (_watch is None or not _watch.is_alive()):
        _start_watch(_WAKE)


def exit_status() -> int:
    """What a shell expects of a process that a signal has stopped: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + (_received[0] if _received else signal.SIGINT)


def _stop(number: int, frame: FrameType | None) -> None:
    global _asked
    # Minus infinity at first, so that the first signal always interrupts.
    before, _asked = _asked, time.monotonic()
    _received.append(number)
    if len(_received) >= _AT_ONCE:
        os._exit(128 + number)
    # Much later nothing is being cleaned up: the interrupt was lost in a library that catches everything.
    if _asked - before > _CLEAN_UP_SECONDS:
        _interrupt(frame)
        return
    with suppress(OSError, ValueError, AttributeError):  # not print: the signal may have come in the middle of one
        os.write(sys.stderr.fileno(), b"cleaning up; once more ends at once\n")


def _interrupt(frame: FrameType | None) -> None:
    """Raise the interrupt now, or after the import that it would be lost in."""
    global _is_due
    _is_due = _watch is not None and _watch.is_alive() and _imports(frame) > _imports_before
    if not _is_due:
        raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> int:
    """How many imports are under way."""
    count = 0
    while frame is not None:
        count += frame.f_code.co_filename == _IMPORTER
        frame = frame.f_back
    return count


def _start_watch(wake: int) -> None:
    """Start the thread; the main one alone may."""
    global _watch
    # Python writes each signal's number to this socket in the C handler, whatever the main thread is doing.
    ours, told = socket.socketpair()
    # A handler must never wait: what does not fit into the socket is only one more of the same.
    told.setblocking(False)
    signal.signal(wake, _look_again)
    signal.set_wakeup_fd(told.detach(), warn_on_full_buffer=False)
    sys.unraisablehook = _not_lost(sys.unraisablehook)
    # A daemon: it waits for signals as long as the process lives.
    _watch = threading.Thread(target=_wake_main, args=(ours, wake), name="signals", daemon=True)
    _watch.start()


def _wake_main(signals: socket.socket, wake: int) -> None:
    """Wake the main thread after each signal, so that it looks for it, and as long as an interrupt is due."""
    main = threading.main_thread().ident
    assert main is not None
    while numbers := signals.recv(16):
        if set(numbers).isdisjoint(STOP_SIGNALS):
            continue
        for pause in _ASK_AGAIN_SECONDS:
            time.sleep(pause)
            signal.pthread_kill(main, wake)
        while _is_due:
            time.sleep(_ASK_AGAIN_SECONDS[0])
            signal.pthread_kill(main, wake)


def _look_again(number: int, frame: FrameType | None) -> None:
    if _is_due:
        _interrupt(frame)


def _not_lost(print_it: Callable[[Any], Any]) -> Callable[[Any], None]:
    """What takes exceptions that nobody can catch: an interrupt among them is raised once more."""

    def take(lost: Any) -> None:
        global _is_due
        if issubclass(lost.exc_type, KeyboardInterrupt):
            _is_due = True
        else:
            print_it(lost)

    return take
