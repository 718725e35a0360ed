"""Frames with those that follow: what they are, and how far ahead is read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gfsalnet.models.deep.look_ahead import with_following


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 7])
def test_every_item_has_its_followers_or_the_last_one(length: int) -> None:
    expected = [tuple(min(at + ahead, length - 1) for ahead in range(4)) for at in range(length)]
    assert list(with_following(range(length), 3)) == expected


def test_no_more_is_read_than_needed() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    windows = with_following(endless(), 5)
    for number in range(3):
        next(windows)
        assert len(taken) == number + 6
