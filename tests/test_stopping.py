"""A process that is asked to stop: once is a KeyboardInterrupt, twice is not a traceback, three times is at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import indent

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


@pytest.mark.slow
@pytest.mark.parametrize(
    "swallows",
    [
        "try:\n    print('at work', flush=True)\n    time.sleep(1)\nexcept BaseException:\n    pass",
        "class Last:\n    def __del__(self):\n        print('at work', flush=True)\n        time.sleep(1)\nLast()",
    ],
    ids=["module", "destructor"],
)
def test_an_interrupt_is_not_lost_in_what_catches_everything(tmp_path: Path, swallows: str) -> None:
    (tmp_path / "swallows.py").write_text(f"import time\n{swallows}\n")
    started = "stop_once()\ntry:\n"
    assert started in PROGRAM
    # A module is imported and catches all; a destructor of the program itself is run.
    inside = "    import swallows\n" if "try:" in swallows else indent(f"import time\n{swallows}\n", "    ")
    program = PROGRAM.replace(started, started + inside).replace(
        '    print("at work", flush=True)\n    time.sleep(60)', "    time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (143, "cleans\n", "")


def test_while_the_command_is_loaded_nothing_is_printed(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import time\nprint('at work', flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen(
        [sys.executable, "-m", "gfsalnet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (-signal.SIGINT, "")


def test_what_is_ignored_or_ends_at_once_is_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with handled_by(lambda number, frame: None):
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGINT) != signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
