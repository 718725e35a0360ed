"""Claims between processes: one at a time, and a dead owner's lapses."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gfsalnet.errors import OutputError
from gfsalnet.store import TakenError, claimed

HOLDS = """
import sys
from pathlib import Path
from gfsalnet.store import claimed
with claimed(Path(sys.argv[1]), "clip.mp4", inside=True):
    print("claimed", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(result: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a claim inside `result` until its standard input is closed."""
    command = [sys.executable, "-c", HOLDS, str(result)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_another_process_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    with other_process(tmp_path / "clip") as other:
        with pytest.raises(TakenError, match=rf"clip: is being made by process {other.pid} on ") as caught:
            claimed(tmp_path / "clip", inside=True).__enter__()
        assert caught.value.holder is not None
        assert (caught.value.holder.process, caught.value.holder.work) == (other.pid, "clip.mp4")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        with claimed(tmp_path / "another", inside=True):
            pass
    assert list(tmp_path.iterdir()) == []  # neither claim left anything


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_the_claim_of_a_killed_process_is_taken_over_and_its_remains_go(tmp_path: Path) -> None:
    with other_process(tmp_path / "clip") as other:
        (tmp_path / "clip" / ".maps.4711-1f2e3d4c.partial").mkdir()
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert sorted(os.listdir(tmp_path / "clip")) == [".claim", ".maps.4711-1f2e3d4c.partial"]
        with claimed(tmp_path / "clip", inside=True):
            assert os.listdir(tmp_path / "clip") == [".claim"]
    assert list(tmp_path.iterdir()) == []


def test_a_claim_beside_removes_the_remains_of_that_result_alone(tmp_path: Path) -> None:
    remains, others = tmp_path / ".a.4711-1f2e3d4c.partial.csv", tmp_path / ".a.4711-1f2e3d4c.partial.mp4"
    remains.touch()
    others.touch()
    with claimed(tmp_path / "a.csv"):
        assert sorted(os.listdir(tmp_path)) == [others.name, ".a.csv.claim"]


def test_threads_take_turns(tmp_path: Path) -> None:
    """Also where the file of the claim is removed while another thread has it open."""
    inside = most = 0
    wrong = list[BaseException]()

    def work() -> None:
        nonlocal inside, most
        try:
            for _ in range(30):
                while True:
                    try:
                        with claimed(tmp_path / "clip", inside=True):
                            inside += 1
                            most = max(most, inside)
                            inside -= 1
                            break
                    except TakenError:
                        continue
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, most) == ([], 1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        claimed(tmp_path / "file" / "clip", inside=True).__enter__()


def test_where_the_file_system_knows_no_locks_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*arguments: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with claimed(tmp_path / "clip", inside=True), claimed(tmp_path / "clip", inside=True):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")
@pytest.mark.parametrize("kind", ["link", "hard link", "dangling link", "loop", "folder", "pipe", "long"])
def test_what_is_no_claim_is_neither_followed_nor_written_to(tmp_path: Path, kind: str) -> None:
    precious, claim = tmp_path / "precious", tmp_path / "clip" / ".claim"
    precious.write_text("mine")
    claim.parent.mkdir()
    make: dict[str, Callable[[], object]] = {
        "link": lambda: claim.symlink_to(precious),
        "hard link": lambda: os.link(precious, claim),
        "dangling link": lambda: claim.symlink_to("nowhere"),
        "loop": lambda: claim.symlink_to(".claim"),
        "folder": claim.mkdir,
        "pipe": lambda: os.mkfifo(claim),
        "long": lambda: claim.write_bytes(bytes(100_000)),
    }
    make[kind]()
    with pytest.raises(OutputError, match=r"its \.claim is no claim of GFSalNet: remove it"):
        claimed(tmp_path / "clip", inside=True).__enter__()
    assert precious.read_text() == "mine"
    assert os.listdir(tmp_path / "clip") == [".claim"]


def test_a_folder_that_cannot_be_made_says_what_the_system_says(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(OutputError, match="File exists"):
        claimed(tmp_path / "link", inside=True).__enter__()
