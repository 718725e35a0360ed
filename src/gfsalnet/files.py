"""Files that appear whole or not at all, errors that say what to do about them, and where a user's things are kept."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfsalnet.errors import OutputError

if TYPE_CHECKING:  # every --help passes here
    import numpy as np
    from numpy.typing import NDArray

_REMEDIES = {
    errno.ENOSPC: "Free some space, or choose a folder on another disk.",
    errno.EDQUOT: "Free some of your quota, or choose a folder on another disk.",
    errno.EACCES: "Choose a folder that you may write to.",
    errno.EPERM: "Choose a folder that you may write to.",
    errno.EROFS: "Choose a folder that you may write to.",
}


HOME_VARIABLE = "GFSALNET_HOME"
_FILES_AT_ONCE = 16
"""How many files of a folder are sent to the disk at a time."""
JPEG_QUALITY = 95
"""Quality of JPEG frames to train on: a fifth of a PNG's size, 43 to 50 dB away from the video's pixels."""


def home() -> Path:
    """The folder of everything that this program keeps for a user: `$GFSALNET_HOME`, or the platform's place for it."""
    chosen = os.environ.get(HOME_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "gfsalnet"


_NOT_IN_NAMES = str.maketrans(dict.fromkeys('<>:"/\\|?*' + "".join(map(chr, range(32))), "-"))
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


def file_name(text: str) -> str:
    """A name for a file or folder that every system allows, from any text.

    >>> file_name("gfsalnet-mobile:appearance"), file_name("What? A/B."), file_name("aux.mp4"), file_name("")
    ('gfsalnet-mobile-appearance', 'What- A-B', 'aux-.mp4', '-')
    """
    name = text.translate(_NOT_IN_NAMES).rstrip(". ") or "-"
    stem, dot, rest = name.partition(".")
    return f"{stem}-{dot}{rest}" if stem.lower() in _DEVICES else name


def is_path(text: str) -> bool:
    """Whether a text that may be a name or a path can only be a path: it has more than one part.

    >>> is_path("gfsalnet-mobile"), is_path("runs/best"), is_path("./best"), is_path("..")
    (False, True, True, True)
    """
    return text in (".", "..") or Path(text).name != text


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about writing `path` (disk full, no permission, …) into an `OutputError` about it.

    An `OutputError` from below about a hidden file beside it (see `written_whole`) keeps its words and gets this path.
    """
    try:
        yield
    except OutputError as error:
        if not any(map(is_partial, Path(error.where).parts)):
            raise
        raise OutputError(path, error.problem, error.remedy) from error
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "Choose another folder for the results.")
        raise OutputError(path, f"cannot be written ({error.strerror or error})", remedy) from error


def refuse_folder(path: Path) -> None:
    """Refuse to write a file where a folder is; asked before the work, nobody waits for nothing.

    Raises:
        OutputError: if there is a folder.
    """
    if path.is_dir():
        problem = "cannot be written (a folder of that name is there)"
        raise OutputError(path, problem, "Give the file another name, or move the folder away.")


def refuse_source(path: Path, *sources: str) -> None:
    """Refuse to write a file over one that it is made of.

    Args:
        path: of the file to write.
        sources: files, or what else may be read: cameras and addresses.

    Raises:
        OutputError: if it is one of them.
    """
    for source in sources:
        with suppress(OSError):  # there is no file of that name, or none yet at `path`
            if path.samefile(source):
                raise OutputError(path, "is what is to be read", "Give the file another name.")


@contextmanager
def written_whole(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A name beside `path` to write a file or folder to: it becomes `path` at the end, or is removed on any exception.

    What was at `path` before stays until then; a folder there stays where a file is written, see `publish`. No other
    process writes to that name, so that of several that make the same file each publishes its own, whole; where they
    must not all make it, see `gfsalnet.store.claimed`.

    Args:
        path: of the file or folder; its parent exists.
        durable: whether the content reaches the disk before the name does, so that a power cut leaves no empty file.

    Raises:
        OSError: if it cannot get its name.
        OutputError: if it is a file, and a folder is at `path`.
    """
    partial = path.with_name(partial_name(path))
    try:
        yield partial
        if durable:
            _to_disk(partial)
        publish(partial, path, durable=durable)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            remove(partial)
        raise


def write_whole(
    path: Path, content: bytes, remedy: str = "Free some space, or write elsewhere.", *, durable: bool = True
) -> None:
    """Write a file so that nobody sees a part of it, even where several processes write the same; its folder is made.

    Args:
        path: of the file.
        content: all of it.
        remedy: what the user should do where it cannot be written.
        durable: as in `written_whole`.

    Raises:
        OutputError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path, durable=durable) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror or error})", remedy) from error


def partial_name(path: Path) -> str:
    """A hidden name of its own for what is to become `path`, with the same suffix: encoders go by it."""
    return f"{_hidden_stem(path)}.{os.getpid()}-{secrets.token_hex(4)}.partial{path.suffix}"


def _hidden_stem(path: Path) -> str:
    # A long name and what is added to it would pass the 255 bytes that file systems allow.
    stem = os.fsencode(path.stem)
    return "." + (path.stem if len(stem) <= 180 else hashlib.sha256(stem).hexdigest())


def is_partial(name: str) -> bool:
    """Whether a file or folder of this name has never been published, as `written_whole` and earlier versions name it.

    >>> is_partial(".overlay.4711-1f2e3d4c.partial.mp4"), is_partial("overlay.mp4"), is_partial("partial.mp4")
    (True, False, False)
    """
    return name.startswith(".") and ".partial" in name


def partials_of(path: Path) -> list[Path]:
    """The names in use beside `path` that `partial_name`, here or in another process, has made for it."""
    shape = re.compile(re.escape(_hidden_stem(path)) + r"\.\d+-[0-9a-f]{8}\.partial" + re.escape(path.suffix))
    return [other for other in path.parent.iterdir() if shape.fullmatch(other.name)]


def publish(partial: Path, path: Path, *, durable: bool = True) -> None:
    """Give a complete file or folder its name, in place of what has it now: a file of a file, a folder of a folder.

    Raises:
        OSError: if that is not possible.
        OutputError: if a file would take the place of a folder.
    """
    if path.is_dir() and not path.is_symlink():  # os.replace overwrites a file, but no folder with files in it
        if not partial.is_dir():
            refuse_folder(path)
        # Between the two renames there is nothing under the name; a crash there leaves both folders, hidden.
        old = path.with_name(partial_name(path))
        os.replace(path, old)
        os.replace(partial, path)
        remove(old)
    else:
        os.replace(partial, path)
        partial.unlink(missing_ok=True)  # of two names of one file, such as hard links, a rename leaves both
    if durable:
        _sync(path.parent)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; nothing is done where there is none.

    Raises:
        OSError: if that is not possible.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor  # here, because every --help passes by

    if path.is_dir():
        with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:  # a disk writes many files in the time of a few
            list(pool.map(_sync, path.rglob("*")))
    _sync(path)


def _sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk; where the system can say."""
    if sys.platform == "win32" and path.is_dir():  # folders cannot be opened there, and need not be
        return
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # network file systems may know no such call for folders
            raise
    finally:
        os.close(descriptor)


def write_png(path: Path, picture: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write a (H, W) grey or (H, W, 3) RGB picture, of 8 or 16 bits.

    Raises:
        OSError: if the file cannot be written.
    """
    import cv2

    stored = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    # imwrite would return False without a reason, and stumble over some names on Windows.
    path.write_bytes(cv2.imencode(".png", stored)[1].tobytes())


def write_jpeg(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write a (H, W, 3) RGB uint8 picture at `JPEG_QUALITY`.

    Raises:
        OSError: if the file cannot be written.
    """
    import cv2

    stored = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())


def write_json(path: Path, mapping: Mapping[str, Any]) -> None:
    """Write a mapping as readable JSON, keys in the order given; fractions and paths become strings.

    Raises:
        OutputError: if the file cannot be written.
        ValueError: if a number is NaN or infinite, which JSON has no word for.
        TypeError: if a value has no JSON form.
    """
    text = json.dumps(mapping, indent=2, ensure_ascii=False, allow_nan=False, default=_as_string) + "\n"
    with output_errors(path), written_whole(path) as partial:
        # A file name that is no valid text keeps its odd bytes as \udcXX, which JSON reads back as they were.
        partial.write_bytes(text.encode("utf-8", errors="backslashreplace"))


def as_stored(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as it is read back once it was stored as JSON, to compare with one that was: tuples become lists."""
    # The trip itself is the definition: whatever JSON changes is changed the same way.
    return dict(json.loads(json.dumps(mapping)))


def difference_in_words(before: Any, now: Any, path: str = "") -> str:
    """The first place where two nested mappings differ, as a message about results that were found in the way.

    Args:
        before: read from the disk.
        now: what is asked for.
        path: the name of the place compared, with dots between its levels.

    >>> difference_in_words({"model": {"name": "a"}}, {"model": {"name": "b"}})
    'other settings (model.name was a, is b)'
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*now, *before]:
            if before.get(key) != now.get(key):
                return difference_in_words(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))
    return f"other settings ({path} was {before}, is {now})"


def _as_string(value: object) -> str:
    if isinstance(value, (Fraction, Path)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
