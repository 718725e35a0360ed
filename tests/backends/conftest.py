"""The network that every test of the backends runs: a small one, and among the slow tests the shipped one too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gfsalnet.network import GFSalNet


@pytest.fixture(scope="module", params=["small", pytest.param("shipped", marks=pytest.mark.slow)])
def network(
    request: pytest.FixtureRequest, small_streams: Callable[[], AbstractContextManager[None]]
) -> Iterator[GFSalNet]:
    """Of two streams and a gate. The small one has the architecture of no file, and is never loaded."""
    # Imported only now: files of this folder that need no PyTorch are run without it, too.
    import torch

    from gfsalnet.models.entry import SHIPPED
    from gfsalnet.network import GFSalNet, mobile
    from gfsalnet.network.weights import load_network

    if request.param == "shipped":
        yield load_network(SHIPPED / "gfsalnet-mobile@1")[0]
        return
    with small_streams():
        torch.manual_seed(0)
        yield GFSalNet(mobile()).eval()
