"""Looking at files before they are opened, with errors a user can act on."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from pathlib import Path

from gfsalnet.errors import SourceError

# GIF is left out on purpose: FFmpeg plays the animated ones, and a still one is a video of one frame.
_IMAGES = "avif bmp dib heic heif hif jp2 jpe jpeg jpg pbm pgm png pnm ppm tif tiff webp"
_VIDEOS = (
    "264 265 3g2 3gp apng asf avi divx dv f4v flv gif h264 h265 hevc ivf m2ts m2v m4v mjpeg mjpg mkv mov mp4 mpeg mpg"
    " mts mxf nut ogm ogv qt rm rmvb ts vob webm wmv y4m"
)
IMAGE_SUFFIXES = frozenset(f".{name}" for name in _IMAGES.split())
VIDEO_SUFFIXES = frozenset(f".{name}" for name in _VIDEOS.split())
_MAGIC = (b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS", b"\x30\x26\xb2\x75")
"""The first bytes of Matroska, FLV, Ogg and ASF."""


def is_image(path: Path) -> bool:
    """Whether a file's name says that it holds a picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_video(path: Path) -> bool:
    """Whether a file's name says that it holds a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def natural_key(path: Path) -> list[tuple[bool, int, str]]:
    """Sort key under which `frame2` comes before `frame10`."""
    parts = re.split(r"(\d+)", str(path).casefold())
    # Of three parts, so that a number and a text at the same position can be compared.
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def visible_files(folder: Path) -> list[Path]:
    """Files of a folder in natural order, hidden ones (`._frame.png`, `.DS_Store`) left out.

    Raises:
        OSError: if the folder cannot be read.
    """
    return sorted((path for path in folder.iterdir() if path.name[0] != "." and path.is_file()), key=natural_key)


def dead_links(folder: Path) -> list[Path]:
    """Links of a folder that lead nowhere, as from a disk that is not there; as `visible_files` otherwise."""
    links = (path for path in folder.iterdir() if path.name[0] != "." and path.is_symlink() and not path.exists())
    return sorted(links, key=natural_key)


def begins_like_video(path: Path) -> bool:
    """Whether the first bytes are those of MP4, Matroska, AVI, FLV, Ogg or ASF; also of some files with sound alone."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[4:8] == b"ftyp" or head[8:] == b"AVI " or head.startswith(_MAGIC)


def folder_files(source: str) -> list[Path]:
    """`visible_files`, with an error for the user.

    Raises:
        SourceError: if the folder cannot be read.
    """
    try:
        return visible_files(Path(source))
    except OSError as error:
        raise unreadable(source, error) from error


def is_regular(source: str) -> bool:
    """Whether `source` is a file that can be read and holds something; False for pipes and devices.

    Raises:
        SourceError: if it is missing, empty or unreadable.
    """
    try:
        status = os.stat(source)
        if not stat.S_ISREG(status.st_mode):
            return False
        with open(source, "rb"):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreadable(source, error) from error
    if status.st_size == 0:
        raise SourceError(source, "the file is empty", "Copy or download it again.")
    return True


def as_stored(source: str) -> str:
    """The name under which a file or folder lies on the disk: é as one character, or as e and an accent after it.

    A name that exists under neither is returned unchanged.
    """
    if os.path.lexists(source) or source.isascii():
        return source
    found = Path(Path(source).anchor)
    for part in Path(source).parts[len(found.parts) :]:
        if not os.path.lexists(found / part):
            try:
                part = next(name for name in os.listdir(found) if composed(name) == composed(part))
            except (OSError, ValueError, StopIteration):
                return source
        found /= part
    return str(found)


def composed(name: str) -> str:
    """One spelling of `é`, which some systems store as `e` with an accent after it (Unicode's NFC)."""
    return unicodedata.normalize("NFC", name)


def spellings(pattern: str) -> set[str]:
    """The pattern itself and its spellings with accents as each system stores them."""
    return {pattern, *(unicodedata.normalize(form, pattern) for form in ("NFC", "NFD"))}


def unreadable(source: object, error: Exception) -> SourceError:
    """The error for a file, folder or device that cannot be opened."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return SourceError(source, "there is no such file or folder", "Check the spelling, and the folder it lies in.")
    if isinstance(error, PermissionError):
        return SourceError(source, "no permission to read it", "Change its permissions, or copy it to your own folder.")
    reason = getattr(error, "strerror", None) or str(error)
    return SourceError(source, f"it cannot be read ({reason})", "Check the name, and that the disk is all right.")


def slug(text: str) -> str:
    """`text` as the name of a folder on any system: letters, digits, `_`, `.` and `-`."""
    return re.sub(r"[^\w.]+", "-", text).strip("-.") or "source"


def folder_name(path: Path, stem: str) -> str:
    """`stem` where it can name a folder; stems of dots alone cannot."""
    return stem if stem.strip(". ") else slug(path.name)
