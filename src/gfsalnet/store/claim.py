"""One process at a time makes a result. Its claim is a lock of the operating system, which ends with the process.

The lock lies on a small file that says who holds it and is removed at the end. What a killed process leaves of it
holds nobody up: the file is there, its lock is not. flock also works between machines on NFS since Linux 2.6.12; on a
file system that knows no locks there is no claim, and two processes make the same result, each whole.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from gfsalnet.errors import OutputError
from gfsalnet.files import is_partial, output_errors, partials_of, remove
from gfsalnet.formats.texts import read_json_object

CLAIM_FILE = ".claim"
"""Its name in the folder that is claimed."""
_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_BEYOND_THE_TEXT = 2**30
"""The byte that is locked on Windows, where locked bytes cannot be read."""
_ASK_AGAIN_SECONDS = 0.5
"""How often the lock is tried where another process is waited for."""
_NO_CLAIM = "its {} is no claim of GFSalNet: remove it"
_LONGEST_CLAIM_BYTES = 1 << 16
"""A claim has some hundred bytes; what is longer is a file of somebody else."""
_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Whoever else may write to the folder could otherwise have any file of this user's overwritten by a link, or keep the
process waiting at a pipe."""
_OPENED_ANEW = 1000
"""Number of times that a claim file may be removed between being opened and being locked."""


@dataclass(frozen=True)
class Holder:
    """The process that makes a result."""

    process: int
    host: str
    work: str
    """What it makes the result of, in the words of whoever claimed it."""

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


class TakenError(OutputError):
    """A result that another process is making now.

    Args:
        result: the file or folder.
        holder: the process; None: not known.
    """

    def __init__(self, result: object, holder: Holder | None) -> None:
        made_by = "another process" if holder is None else str(holder)
        super().__init__(result, f"is being made by {made_by}", "Wait for it to end, or write elsewhere")
        self.holder = holder

    def __reduce__(self) -> tuple[type[TakenError], tuple[str, Holder | None]]:  # type: ignore[override]  # as its own arguments are
        return type(self), (self.where, self.holder)


@contextmanager
def claimed(result: Path, work: str = "", *, inside: bool = False, wait: bool = False) -> Iterator[None]:
    """Keep all other processes and threads away from a result until the block is left, however it is left.

    What killed processes have left half of it is removed.

    Args:
        result: the file or folder; its parents are made.
        work: what it is made of, for others to read.
        inside: whether the claim lies in `result`, a folder which is then made, and removed at the end if nothing is in
            it; otherwise the claim lies beside it.
        wait: whether to wait until another process has done with it.

    Raises:
        TakenError: if another process makes it now, and that is not waited for.
        OutputError: if the folder cannot be written.
    """
    file = result / CLAIM_FILE if inside else result.with_name(f".{result.name}{CLAIM_FILE}")
    while True:
        with output_errors(file.parent):
            descriptor = _open_locked(file)
        if descriptor is not None:
            break
        if not wait:
            raise TakenError(result, _holder(file))
        time.sleep(_ASK_AGAIN_SECONDS)
    try:
        # Only now: nobody else makes anything here, so whatever is half done was left by a killed process.
        _tidy(result, inside)
        text = json.dumps(asdict(Holder(os.getpid(), socket.gethostname(), work))).encode()
        with suppress(OSError):  # on a full disk nobody is told who it is
            os.truncate(descriptor, 0)
            os.write(descriptor, text)
        yield
    finally:
        _remove(file, descriptor)
        if inside:
            with suppress(OSError):
                result.rmdir()  # only if nothing is in it


def _tidy(result: Path, inside: bool) -> None:
    if inside:
        remove_partials(result)
        return
    with suppress(OSError):
        for partial in partials_of(result):
            remove(partial)


def remove_partials(*folders: Path) -> None:
    """Remove all that killed processes have left half in these folders; only the holder of a claim on them may."""
    for folder in folders:
        with suppress(OSError):
            for path in list(folder.iterdir()):
                if is_partial(path.name):
                    remove(path)


def _open_locked(file: Path) -> int | None:
    """A descriptor of the file with the lock on it; None if another process has it."""
    problem = OSError(errno.EAGAIN, "it is removed as often as it is made")
    for _ in range(_OPENED_ANEW):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except (FileNotFoundError, FileExistsError) as error:
            # Either whoever was here has just left, and has removed the empty folder; or there is no folder but a file,
            # which stays. Asking which would be a second look, and the folder may come and go between the two.
            problem = error
            continue
        try:
            descriptor = _opened(file)
        except FileNotFoundError:
            continue
        try:
            if not _lock(descriptor):
                os.close(descriptor)
                return None
            # The former holder removes the file before it unlocks it: then the lock is on a file that nobody finds.
            if os.path.samestat(os.fstat(descriptor), os.stat(file)):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise problem


def _opened(file: Path) -> int:
    """A descriptor of the file, which is made if there is none, and is nothing that this module has not made.

    Raises:
        OSError: if it cannot be opened, or is a link, a folder, a pipe, or longer than any claim.
    """
    foreign = OSError(errno.EEXIST, _NO_CLAIM.format(file.name))
    if file.is_symlink() or file.is_dir():  # where the system has no flag for links, and for a word on what is wrong
        raise foreign
    descriptor = os.open(file, _OPEN, 0o666)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or status.st_size > _LONGEST_CLAIM_BYTES:
        os.close(descriptor)
        raise foreign
    return descriptor


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        os.lseek(descriptor, _BEYOND_THE_TEXT, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True

    def _remove(file: Path, descriptor: int) -> None:
        os.close(descriptor)  # an open file cannot be removed, also where the next process has opened it
        with suppress(OSError):
            file.unlink(missing_ok=True)

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            # Not lockf: its locks end as soon as anything in the process closes the file.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS_HERE:
                raise
        return True

    def _remove(file: Path, descriptor: int) -> None:
        with suppress(OSError):
            file.unlink(missing_ok=True)  # while it is locked, see `_open_locked`
        os.close(descriptor)


def _holder(file: Path) -> Holder | None:
    """Who has the lock; it writes its name a moment after it got it."""
    for _ in range(10):
        with suppress(OutputError, TypeError):
            return Holder(**read_json_object(file, OutputError))
        time.sleep(0.02)
    return None
