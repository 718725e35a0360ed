"""A process that is asked to stop: once is a KeyboardInterrupt, twice is not a traceback, three times is at once."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from gfsalnet.stopping import handled_by

PROGRAM = """
import signal, sys, time
from gfsalnet.stopping import exit_status, stop_once
stop_once()
try:
    print("at work", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("cleans", flush=True)
    time.sleep(float(sys.argv[1]))
    sys.exit(exit_status())
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_every_signal_is_cleaned_up_after_and_a_second_one_waits(number: int, status: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "0.5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(number)
        assert process.stdout.readline() == "cleans\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (status, "cleaning up; once more ends at once\n")


def test_the_third_one_waits_for_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "cleans\n"
        process.send_signal(signal.SIGTERM)
        assert process.stderr.readline().startswith("cleaning up")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143


def test_what_is_ignored_or_ends_at_once_is_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with handled_by(lambda number, frame: None):
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGINT) != signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
