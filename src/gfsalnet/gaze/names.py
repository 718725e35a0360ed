"""Names that mean the same file although they are written differently."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from gfsalnet.video.files import is_image, is_video


def composed(name: str) -> str:
    """One spelling of `é`, which some systems store as `e` and an accent."""
    return unicodedata.normalize("NFC", name.strip())


def last_part(name: str) -> str:
    """Without the folders before it, whether they are written with / or \\."""
    return composed(name).replace("\\", "/").rstrip("/").rpartition("/")[2]


def without_suffix(name: str) -> str:
    """Without `.mp4`, `.jpg` and the like; other dots stay."""
    path = PurePosixPath(last_part(name))
    return path.stem if is_video(Path(path)) or is_image(Path(path)) else path.name


def in_one_case(name: str) -> str:
    """Upper and lower case alike."""
    return composed(without_suffix(name).casefold())


def with_plain_numbers(name: str) -> str:
    """Numbers without zeros in front: `clip007` is `clip7`."""
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), in_one_case(name))


READINGS: tuple[Callable[[str], str], ...] = (
    *(str, composed, last_part, without_suffix, in_one_case, with_plain_numbers),
)
"""From the strictest to the most lenient; each contains those before it."""


class NameIndex:
    """Finds names in spite of accents stored otherwise, folders before them, suffixes, case and zeros in front.

    Args:
        names: what there is.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._by_reading: list[Mapping[str, list[str]]] = []
        for reading in READINGS:
            found = defaultdict(list)
            for name in self._names:
                found[reading(name)].append(name)
            self._by_reading.append(found)

    def find(self, wanted: str) -> list[str]:
        """What the name may mean: one, none, or several where it does not tell them apart."""
        for reading, found in zip(READINGS, self._by_reading, strict=True):
            if hits := found.get(reading(wanted)):
                return hits
        return []

    def nearest(self, wanted: str) -> list[str]:
        """Up to three that are written alike; else up to three of any."""
        plain = {in_one_case(name): name for name in self._names}
        close = difflib.get_close_matches(in_one_case(wanted), plain, n=3)
        return [plain[name] for name in close] or self._names[:3]


def find_folder(parent: Path, name: str) -> Path:
    """The folder of that name in another, also where it is written in another case or with other zeros in front.

    One that is not there comes back as it would be called.
    """
    exact = parent / name
    if exact.is_dir() or not parent.is_dir():
        return exact
    found = NameIndex(path.name for path in parent.iterdir() if path.is_dir()).find(name)
    return parent / found[0] if len(found) == 1 else exact
