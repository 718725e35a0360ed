"""Workers end with the process that started them, and clean up where there is time for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import pytest

from gfsalnet.errors import GFSalNetError
from gfsalnet.workers import Pool, WorkerPool, report, result_of

PROGRAM = """
import os, sys, time
from pathlib import Path
from gfsalnet.files import written_whole
from gfsalnet.workers import WorkerPool

def work(folder):
    with written_whole(Path(folder, "a.txt")) as partial:
        partial.write_text("half")
        Path(folder, f"pid-{os.getpid()}").touch()
        time.sleep(60)

if __name__ == "__main__":
    with WorkerPool(1) as pool:
        pool.submit(work, sys.argv[1])
        while not [name for name in os.listdir(sys.argv[1]) if name.startswith("pid-")]:
            time.sleep(0.02)
        print("at work", flush=True)
        sys.stdin.read()
        raise SystemExit(3)
"""


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as on Linux")
@pytest.mark.parametrize("end", ["killed", "by itself"])
def test_no_worker_outlives_its_parent(tmp_path: Path, end: str) -> None:
    program, folder = tmp_path / "program.py", tmp_path / "out"
    program.write_text(PROGRAM)
    folder.mkdir()
    command = [sys.executable, str(program), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == "at work\n"
        (name,) = [name for name in os.listdir(folder) if name.startswith("pid-")]
        worker, began = int(name.removeprefix("pid-")), time.monotonic()
        if end == "killed":
            parent.send_signal(signal.SIGKILL)
        else:
            parent.stdin.close()
            assert parent.wait(30) == 3
            assert os.listdir(folder) == [name]  # what was half done is gone
        while is_alive(worker):
            assert time.monotonic() - began < 30
            time.sleep(0.02)


def test_results_and_errors_come_back_and_a_dead_worker_is_named() -> None:
    with WorkerPool(1) as pool:
        assert result_of(pool.submit(abs, -3)) == 3
        with pytest.raises(ZeroDivisionError):
            result_of(pool.submit(divmod, 1, 0))
        with pytest.raises(GFSalNetError, match=r"a worker process: ended unexpectedly.*--workers"):
            result_of(pool.submit(os._exit, 1))


def half(number: int) -> float:
    report(("halving", number))
    return number / 2


def refuse() -> None:
    raise GFSalNetError("model", "cannot be loaded", "Give another")


def end_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        os._exit(9)
    return "done"


@pytest.mark.slow
def test_workers_report_and_what_keeps_them_from_starting_is_told() -> None:
    heard: Queue[tuple[str, int]] = Queue()
    with WorkerPool(2, on_report=heard.put) as pool:
        futures = [pool.submit(half, number) for number in range(4)]
        assert [result_of(future) for future in futures] == [0.0, 0.5, 1.0, 1.5]
        assert sorted(heard.get(timeout=10) for _ in range(4)) == [("halving", number) for number in range(4)]
    with WorkerPool(1, refuse) as pool, pytest.raises(GFSalNetError, match="model: cannot be loaded"):
        result_of(pool.submit(half, 1))


@pytest.mark.slow
def test_a_dead_worker_is_replaced_and_takes_no_other_task_with_it(tmp_path: Path) -> None:
    with WorkerPool(2) as pool:
        once, others = pool.submit(end_once, tmp_path / "mark"), [pool.submit(half, number) for number in range(6)]
        assert result_of(once) == "done"
        assert [result_of(other) for other in others] == [number / 2 for number in range(6)]
    assert pool.submit(half, 1).cancelled()


class Lost(Executor):
    """Ends with its first task, as a process on a lost node."""

    def submit(self, task, /, *args, **kwargs):
        future = Future()
        future.set_exception(BrokenExecutor("lost"))
        return future


class OneOfTwoLost(Pool):
    """Workers that take the place of others are never ready."""

    def __init__(self) -> None:
        super().__init__()
        self._all = [ThreadPoolExecutor(1), Lost()]
        self._idle = list(self._all)

    def _new_worker(self) -> Executor:
        return Lost()


def test_a_task_of_a_lost_worker_does_not_wait_for_the_one_in_its_place() -> None:
    assert OneOfTwoLost().submit(abs, -3).result(timeout=10) == 3
