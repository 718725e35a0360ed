"""Where tensors live, how many threads run, what becomes of memory: the one place that knows of the machine."""

from __future__ import annotations

import ctypes
import importlib.metadata
import logging
import os
import platform
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gfsalnet.errors import GFSalNetError, RequestError
from gfsalnet.packages import is_installed, needed_by

log = logging.getLogger(__name__)

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Where networks run; `cuda:N` is one GPU of several."""
_DEVICES_IN_WORDS = "cpu, cuda, cuda:N, mps or auto"


def resolve_device(name: str) -> str:
    """The device as PyTorch names it; `auto` is the GPU where there is one, else the CPU.

    PyTorch is only imported for other devices than the CPU: that takes a second or two.

    Raises:
        RequestError: if the name is no device.
        GFSalNetError: if the device is not available.
    """
    check_device_name(name)
    if name == "cpu" or (name == "auto" and not _may_see_a_gpu()):
        return "cpu"
    with needed_by(f"device {name}"):
        import torch
    if name == "auto":
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        log.info("device auto is %s, by PyTorch %s", found, torch.__version__)
        return found
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:  # torch raises either for a device that is not available
        reason = str(error).splitlines()[0]
        raise GFSalNetError(f"device {name}", f"cannot be used ({reason})", f"Use {_DEVICES_IN_WORDS}") from error
    return name


def check_device_name(name: str) -> None:
    """Whether it is one of `DEVICES`, of which `cuda` may have a number, as in `cuda:1`; nothing is imported.

    Raises:
        RequestError: if it is not.
    """
    if name not in DEVICES and not re.fullmatch(r"cuda:\d{1,3}", name, re.ASCII):
        raise RequestError(f"device {name}", "is unknown", f"Use {_DEVICES_IN_WORDS}")


def _may_see_a_gpu() -> bool:
    """Whether the installed PyTorch is built for more than the CPU."""
    if not is_installed("torch"):
        return False
    try:
        return sys.platform == "darwin" or not importlib.metadata.version("torch").endswith("+cpu")
    except importlib.metadata.PackageNotFoundError:
        return True


def cores() -> int:
    """How many cores this process may use, 1 or more: fewer than the machine has where a container limits it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The name of the processor, `unknown` where the system does not say."""
    try:
        # `platform.processor` is empty or only says x86_64 on most Linux systems.
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files with the limit of Linux's control groups, version 2 and 1."""


def memory_bytes() -> int | None:
    """How much memory this process may use: less than the machine has where a container limits it; None: unknown."""
    sizes = []
    with suppress(ValueError, OSError, AttributeError):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit in _CONTAINER_LIMITS:
        with suppress(ValueError, OSError):  # "max": no limit
            sizes.append(int(Path(limit).read_text(encoding="ascii")))
    return min(sizes, default=None)


def inference_threads(heavy: bool) -> int:
    """How many threads run a network on the CPU.

    A light one leaves a core for decoding, flow, drawing and encoding, which take about as long: a pool that has to
    wait for a core at every layer gets slower, not faster. A heavy one is the bottleneck, so it gets all cores.
    """
    return cores() if heavy else max(1, cores() - 1)


_lock = threading.Lock()
_torch_counts: list[list[int]] = []
_opencv_counts: list[list[int]] = []


@contextmanager
def threads(count: int, *, torch: bool = True, opencv: bool = True) -> Iterator[None]:
    """Let PyTorch and OpenCV work with so many threads, and give both back what they had.

    The setting is the whole process's, not that of the calling thread. Uses may overlap in any order: the newest one
    that is still open decides, and the end of the last one restores what was there before the first. PyTorch is left
    alone where nobody has imported it.

    Args:
        count: threads for each operation, 1 or more.
        torch: whether PyTorch is set.
        opencv: whether OpenCV is set.
    """
    give_back = _take(count, torch=torch, opencv=opencv)
    try:
        yield
    finally:
        for each in give_back:
            each()


def _take(count: int, *, torch: bool, opencv: bool) -> list[Callable[[], None]]:
    """Set the counts; what is returned gives them back."""
    taken = []
    if opencv:
        import cv2

        taken.append(_lend(_opencv_counts, cv2.getNumThreads, cv2.setNumThreads, count))
    if torch and (library := sys.modules.get("torch")):
        taken.append(_lend(_torch_counts, library.get_num_threads, library.set_num_threads, count))
    return taken


def _lend(
    counts: list[list[int]], get: Callable[[], int], put: Callable[[int], None], count: int
) -> Callable[[], None]:
    own = [count]  # in a list of its own, so that equal counts are told apart
    with _lock:
        if not counts:
            counts.append([get()])  # what was there before the first use stays at the bottom
        counts.append(own)
        _put(get, put, count)

    def give_back() -> None:
        with _lock:
            counts[:] = [other for other in counts if other is not own]
            _put(get, put, counts[-1][0])
            if len(counts) == 1:
                counts.clear()

    return give_back


def _put(get: Callable[[], int], put: Callable[[int], None], count: int) -> None:
    if get() != count:  # OpenCV would wait for ever for threads that a fork has not brought along
        put(count)


def keep_threads(count: int) -> None:
    """Let PyTorch and OpenCV work with so many threads until the process ends: the start of a worker process."""
    _take(count, torch=True, opencv=True)  # and nothing gives it back


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD."""


def settle_memory() -> None:
    """Before the same work is done for every frame: return what loading left, and keep what is freed from now on.

    Left alone, glibc returns blocks of a few megabytes at every free and gets them back page by page at the next frame;
    PyTorch on a CPU then takes half as long again. Blocks over 16 MiB, such as frames of 4K, still go back at once:
    kept, they leave holes that nothing fits into. Nothing is done where the system's allocator is another.
    """
    try:
        libc = ctypes.CDLL(None)
        libc.malloc_trim(0)
        libc.mallopt(_MMAP_THRESHOLD, 2**24)
        libc.mallopt(_TRIM_THRESHOLD, 2**30)
    except (OSError, AttributeError, TypeError):  # no glibc
        return
