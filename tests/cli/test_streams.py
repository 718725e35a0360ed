"""What is printed, whatever the names, the encoding and the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gfsalnet.cli.console import out
from gfsalnet.cli.streams import visible

PRINTS = """
import sys
from gfsalnet.cli.console import App, print_error, say
from gfsalnet.cli.console import Commands
app = App(cls=Commands)
@app.command()
def first():
    say("a[red]b → 3 × 4 \\udce9 \\U0001f600")
    print_error("x\\\\[bold]y\\nz")
    print("here", file=sys.stderr)
@app.command()
def second(): pass
app()
"""


def run(*arguments: str, **settings: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", PRINTS, *arguments]
    return subprocess.run(command, stderr=subprocess.PIPE, **settings)  # type: ignore[call-overload]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("ascii", b"a[red]b -> 3 x 4 \\xe9 \\U0001f600\n"),
        ("cp1252", b"a[red]b -> 3 \xd7 4 \\xe9 \\U0001f600\n"),
        ("utf-8", "a[red]b → 3 × 4 \\xe9 \U0001f600\n".encode()),
    ],
)
def test_every_encoding_prints_every_name(encoding: str, printed: bytes) -> None:
    done = run("first", stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stdout.replace(b"\r", b"")) == (0, printed)
    assert done.stderr.replace(b"\r", b"") == b"error: x\\[bold]y\\nz\nhere\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_standard_output_is_one_line_and_stops_nothing() -> None:
    with open("/dev/full", "w") as full:
        done = run("first", stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        b"here",
        b"error: standard output: cannot be written (No space left on device); all else is done",
    ]


@pytest.mark.parametrize(("arguments", "shown"), [((), False), (("-v",), True)])
def test_what_libraries_in_c_complain_of_is_left_out(arguments: tuple[str, ...], shown: bool) -> None:
    program = PRINTS.replace("app()\n", "").replace(
        "def second(): pass", "def second(verbose: bool = typer.Option(False, '-v')): os.write(2, b'libpng\\n')"
    )
    program = "import os, typer\n" + program + "print_error('ours')\napp()\n"
    command = [sys.executable, "-c", program, "second", *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=True)
    assert done.stderr.split() == [b"error:", b"ours", *[b"libpng"] * shown]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the folder")
def test_a_current_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    def leave() -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    done = subprocess.run([sys.executable, "-m", "gfsalnet", "models"], capture_output=True, preexec_fn=leave)
    assert done.returncode == 1
    assert done.stderr == b"error: the current folder: does not exist any more. Change to another one.\n"


@pytest.mark.parametrize("name", ["a[red]b", "a\\[bold]b", "[/]", "[link=x]", "a\\", ":smiley:"])
def test_rich_prints_a_name_as_it_is(name: str) -> None:
    with out.capture() as printed:
        out.print(visible(name))
    assert printed.get() == f"{name}\n"


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert visible("a\nb\r\x1b[31m\u202ec é 虫") == "a\\nb\\r\\x1b[31m\\u202ec é 虫"
