"""Work on damaged input in a process of its own, with limits of time and memory, and how it ended."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60
PEAK_BYTES = 1_500_000_000


@dataclass(frozen=True)
class Ending:
    """How a child ended."""

    status: int
    """Its exit status; negative: the signal that ended it."""
    said: str
    """All that it printed."""
    peak_bytes: int

    def wrong(self) -> str | None:
        """What no input may cause, if it happened."""
        if self.status == -signal.SIGALRM:
            return f"hangs: not done in {SECONDS} s"
        if self.status < 0:
            return f"ended by {signal.Signals(-self.status).name}"
        if "Traceback" in self.said or "nobody foresaw" in self.said:
            return "an exception that nobody foresaw"
        if self.status not in (0, 1):
            return f"status {self.status}"
        if self.peak_bytes > PEAK_BYTES:
            return f"peak of {self.peak_bytes / 1e6:.0f} MB"
        return None


def in_child(work: Callable[[], int], said: Path, seconds: int = SECONDS) -> Ending:
    """Fork, work there, and wait; `work` gives the exit status, and what it prints goes to a file.

    Args:
        work: what to do.
        said: the file.
        seconds: after which the child is ended by SIGALRM.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _work(work, said, seconds)
    _, status, usage = os.wait4(child, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    text = said.read_text(encoding="utf-8", errors="replace")
    return Ending(code, text, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def _work(work: Callable[[], int], said: Path, seconds: int) -> None:
    """Never returns: the tests must not go on a second time."""
    status = 70
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # What is mapped already, of all libraries, does not count.
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _HAS_PROC else 0
        if mapped:
            resource.setrlimit(resource.RLIMIT_AS, (mapped + 3 * PEAK_BYTES,) * 2)
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        # As in any process: whoever replaces the streams counts on these to keep the buffers open.
        sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = sys.__stderr__ = os.fdopen(2, "w", encoding="utf-8", closefd=False)
        status = work()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


_HAS_PROC = Path("/proc/self/statm").exists()
