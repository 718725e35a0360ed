"""Words that several rooms need for what they tell people."""

from __future__ import annotations

import re

_PLAIN = (
    (r"^Value error, ", ""),
    (r"^Input should be greater than or equal to (.*)$", r"it should be at least \1"),
    (r"^Input should be less than or equal to (.*)$", r"it should be at most \1"),
    (r"^Input should be greater than (.*)$", r"it should be above \1"),
    (r"^Input should be less than (.*)$", r"it should be below \1"),
    (r"^Input should be a valid integer.*$", "it is no whole number"),
    (r"^Input should be a valid number.*$", "it is no number"),
    (r"^Input should be a valid boolean.*$", "it is neither true nor false"),
    (r"^Unexpected keyword argument$", "there is no such key"),
)
"""What pydantic says, and how this program does."""


def counted(count: int, one: str) -> str:
    """A count with its noun.

    >>> counted(1, "frame"), counted(0, "frame")
    ('1 frame', '0 frames')
    """
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def in_plain_words(problem: str) -> str:
    """What a library says of a wrong value, without the library's own words.

    >>> in_plain_words("Input should be greater than or equal to 1")
    'it should be at least 1'
    """
    for pattern, plain in _PLAIN:
        problem = re.sub(pattern, plain, problem)
    return problem
