"""Names that mean the same file although they are written differently."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from gfsalnet.video.files import composed, is_image, is_video


def without_blanks(name: str) -> str:
    """The name without surrounding blanks, and with one spelling of each accent."""
    return composed(name.strip())


def last_part(name: str) -> str:
    """The name without its folders, whether they are separated by / or \\."""
    return without_blanks(name).replace("\\", "/").rstrip("/").rpartition("/")[2]


def without_suffix(name: str) -> str:
    """The name without `.mp4`, `.jpg` and the like; other dots stay."""
    path = PurePosixPath(last_part(name))
    return path.stem if is_video(Path(path)) or is_image(Path(path)) else path.name


def in_one_case(name: str) -> str:
    """The name without suffix, in lower case."""
    return without_blanks(without_suffix(name).casefold())


def with_plain_numbers(name: str) -> str:
    """The name with leading zeros of numbers removed: `clip007` becomes `clip7`."""
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), in_one_case(name))


READINGS: tuple[Callable[[str], str], ...] = (
    *(str, without_blanks, last_part, without_suffix, in_one_case, with_plain_numbers),
)
"""Ways to read a name, from the strictest to the most lenient; each includes the ones before it."""


class NameIndex:
    """Finds names that differ in how accents are stored, in folders, suffixes, case or leading zeros.

    Args:
        names: the existing names.
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
        """The existing names that `wanted` may mean: one, none, or several if it is ambiguous."""
        for reading, found in zip(READINGS, self._by_reading, strict=True):
            # The strictest reading that fits decides: `a.mp4` and `A.mp4` are two files where both are there.
            if hits := found.get(reading(wanted)):
                return hits
        return []

    def nearest(self, wanted: str) -> list[str]:
        """Three names at most that are spelt similarly; if there are none, three of any."""
        plain = {in_one_case(name): name for name in self._names}
        close = difflib.get_close_matches(in_one_case(wanted), plain, n=3)
        return [plain[name] for name in close] or self._names[:3]


def find_folder(parent: Path, name: str) -> Path:
    """The folder `parent/name`, also if it is spelt in another case or with other leading zeros.

    If there is no such folder, `parent/name` is returned all the same.
    """
    exact = parent / name
    if exact.is_dir() or not parent.is_dir():
        return exact
    found = NameIndex(path.name for path in parent.iterdir() if path.is_dir()).find(name)
    return parent / found[0] if len(found) == 1 else exact
