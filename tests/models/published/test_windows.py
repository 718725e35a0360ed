"""Windows: which frames each holds, when they are taken, and how a model goes through them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from operator import length_hint
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gfsalnet.models.published.base import Official
from gfsalnet.models.published.windows import WINDOW, WindowModel, repeating_windows, turned_windows, with_following
from gfsalnet.types import RGB, Frame

COUNTS = [1, 2, 3, 20, 31, 32, 33, 40, 61, 62, 63, 90]


def turned_by_hand(count: int) -> list[list[int]]:
    """Windows of the frames 0…count − 1, from the clip's reflection that NumPy draws."""
    to_and_fro = np.pad(np.arange(count), (0, 2 * WINDOW), mode="reflect" if count > 1 else "edge").tolist()
    first = [to_and_fro[at : at + WINDOW][::-1] for at in range(min(count, WINDOW - 1))]
    return first + [list(range(at - WINDOW + 1, at + 1)) for at in range(WINDOW - 1, count)]


@pytest.mark.parametrize("count", COUNTS)
def test_turned_windows_hold_what_the_policy_says(count: int) -> None:
    windows = list(turned_windows(range(count)))
    assert windows == turned_by_hand(count)
    assert [window[-1] for window in windows] == list(range(count))


def test_the_authors_example_of_a_short_clip() -> None:
    """Forty frames go on with 39, 38, …, 17, counted from 1, up to 63."""
    to_and_fro = [*range(1, 41), *range(39, 16, -1)]
    windows = list(turned_windows(range(1, 41)))
    assert windows[:31] == [to_and_fro[at : at + 32][::-1] for at in range(31)]


@pytest.mark.parametrize("count", COUNTS)
def test_repeating_windows_start_with_the_first_frame(count: int) -> None:
    windows = list(repeating_windows(range(count)))
    assert windows == [[max(at - back, 0) for back in reversed(range(WINDOW))] for at in range(count)]


@pytest.mark.parametrize(
    ("make", "ahead"),
    [
        (turned_windows, lambda at: max(61 - at, 0) if at >= 31 else 31),
        (repeating_windows, lambda at: 0),
    ],
)
def test_no_frame_is_taken_before_it_is_needed(make: Callable[..., Iterator[Any]], ahead: Callable[[int], int]) -> None:
    frames = iter(range(100))
    for at, _ in enumerate(make(frames)):
        assert 100 - length_hint(frames) == at + 1 + ahead(at)


@pytest.mark.parametrize("make", [turned_windows, repeating_windows])
def test_old_frames_are_let_go(make: Callable[..., Iterator[Any]]) -> None:
    class Thing:
        pass

    alive: weakref.WeakSet[Thing] = weakref.WeakSet()

    def things() -> Iterator[Thing]:
        for _ in range(300):
            thing = Thing()
            alive.add(thing)
            yield thing

    for number, _ in enumerate(make(things())):
        if number % 100 == 99:
            gc.collect()
            assert len(alive) <= 3 * WINDOW


class FirstAndLast(nn.Module):
    """Says what the ends of its window look like: red of the first frame, and of the last."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, clip_B3THW: Tensor) -> Tensor:
        assert clip_B3THW.shape == (1, 3, WINDOW, 4, 6)
        assert clip_B3THW.is_contiguous()
        first, last = clip_B3THW[:, 0, 0, 0, 0], clip_B3THW[:, 0, -1, 0, 0]
        blue = clip_B3THW[:, 2].amax((1, 2, 3))
        return self.scale * torch.stack([first, last, blue], dim=1)[:, None]


class Ends(WindowModel):
    name = "ends"
    input_size_hw = (4, 6)

    @classmethod
    def make_network(cls) -> nn.Module:
        return FirstAndLast()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, Any]:
        return dict(official)

    def resize(self, rgb: RGB) -> RGB:
        return rgb[:4, :6]

    def normalise(self, clip_3THW: Tensor) -> Tensor:
        return clip_3THW + 0.5

    def finish(self, saliency_HW: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
        return np.append(saliency_HW[0] - 0.5, size_hw).astype(np.float64)[None]


def picture(number: int) -> RGB:
    return np.broadcast_to(np.array([number, 0, 7], np.uint8), (9, 12, 3)).copy()


@pytest.mark.parametrize("count", [1, 5, 32, 70])
def test_a_model_sees_every_frame_last_in_its_window(count: int) -> None:
    model = Ends({"scale": torch.ones(())}, weights_hash="")
    with torch.inference_mode():
        maps = list(model.predict_shot((picture(number), None) for number in range(count)))
    firsts = [window[0] for window in turned_by_hand(count)]
    assert [found.tolist() for found in maps] == [[[firsts[at], at, 7, 9, 12]] for at in range(count)]


def test_a_new_shot_has_windows_of_its_own() -> None:
    """Dark, then bright: no window of the bright shot reaches back."""
    model = Ends({"scale": torch.ones(())}, weights_hash="")
    frames = [Frame(picture(number) if number < 6 else 255 - picture(number), index=number) for number in range(12)]
    found = [prediction.map_density[0] for prediction in model.stream(iter(frames))]
    seen = [round(float(density[0] / density[3] * 9)) for density in found]  # the fourth number is the height, 9
    firsts = [window[0] for window in turned_by_hand(6)]
    assert seen == firsts + [255 - 6 - first for first in firsts]


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
