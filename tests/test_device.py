"""Devices by name."""

from __future__ import annotations

import pytest
import torch

from gfsalnet.device import resolve_device
from gfsalnet.errors import GFSalNetError


def test_a_name_is_that_device_and_auto_is_one_that_works() -> None:
    assert resolve_device("cpu") == torch.device("cpu")
    assert torch.ones(2, device=resolve_device("auto")).sum() == 2


@pytest.mark.parametrize("name", ["abacus", "cuda:99"])
def test_devices_that_are_not_here_are_named(name: str) -> None:
    with pytest.raises(GFSalNetError, match=f"device {name}: cannot be used"):
        resolve_device(name)
