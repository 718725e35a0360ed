"""Devices by name, and threads that are given back."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest
import torch

from gfsalnet.device import resolve_device, threads
from gfsalnet.errors import GFSalNetError, RequestError


def test_a_name_is_that_device_and_auto_is_one_that_works() -> None:
    assert resolve_device("cpu") == "cpu"
    assert torch.ones(2, device=resolve_device("auto")).sum() == 2


def test_a_device_that_is_missing_is_named() -> None:
    with pytest.raises(GFSalNetError, match="device cuda:99: cannot be used"):
        resolve_device("cuda:99")


@pytest.mark.parametrize("name", ["abacus", "cuda:", "cuda:x", "CPU", ""])
def test_what_is_no_device_is_a_wrong_request(name: str) -> None:
    with pytest.raises(RequestError, match=f"device {name}: is unknown"):
        resolve_device(name)


@pytest.fixture
def three() -> Iterator[tuple[int, int]]:
    """Three threads in both libraries before the test, and afterwards what they had."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(3)
    cv2.setNumThreads(3)
    yield (3, 3)
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def counts() -> tuple[int, int]:
    return torch.get_num_threads(), cv2.getNumThreads()


def test_threads_are_given_back_whatever_happens(three: tuple[int, int]) -> None:
    def fails() -> None:
        with threads(1):
            assert counts() == (1, 1)
            with threads(2, torch=False):
                assert counts() == (1, 2)
            assert counts() == (1, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert counts() == three


def test_uses_of_threads_may_end_in_any_order(three: tuple[int, int]) -> None:
    first, second = threads(1), threads(2)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert counts() == (2, 2)
    second.__exit__(None, None, None)
    assert counts() == three
