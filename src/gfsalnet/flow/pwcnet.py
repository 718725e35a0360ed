"""PWC-Net as an estimator, which the paper uses (Sec. IV-B); its weights are not in the package."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gfsalnet.errors import WeightsError
from gfsalnet.flow.estimator import check_pair, resize_flow
from gfsalnet.flow.working_size import at_size, checked_size_wh
from gfsalnet.packages import needed_by, require
from gfsalnet.types import RGB, FlowField
from gfsalnet.video.geometry import working_size_hw

if TYPE_CHECKING:
    from torch import Tensor

    from gfsalnet.flow.pwcnet_network import PWCNet

HOW_TO_GET = (
    "Fetch pwc_net.pth.tar from github.com/NVlabs/PWC-Net, folder PyTorch (CC BY-NC-SA 4.0: for research, not for "
    "commercial use), then: gfsalnet weights convert pwcnet pwc_net.pth.tar, which prints the name to use."
)
_STRIDE = 64
"""Both sides of the network's input are multiples of it: the pyramid halves six times."""


class PWCNetFlow:
    """Optical flow by PWC-Net on the CPU, as the authors' script runs it.

    Args:
        weights: a file that `convert_pwcnet_weights` wrote. It is read when first needed.
        size_wh: how large the frames are made for the estimation, as for `DISFlow`; None, as the authors have it: the
            frame's own size. The network itself sees them stretched to the next multiples of 64.

    Raises:
        WeightsError: if no weights are named; when first used, if they cannot be read or are of another network.
        GFSalNetError: if the size is not two positive numbers.
    """

    name = "pwcnet"

    def __init__(self, weights: str | Path | None = None, size_wh: Sequence[int] | None = None) -> None:
        if weights is None:
            raise WeightsError("pwcnet", "its weights are not in the package", HOW_TO_GET)
        self.weights, self.size_wh = Path(weights), checked_size_wh(size_wh)

    @property
    def settings(self) -> dict[str, Any]:
        """`weights` and `size_wh`."""
        return {"weights": str(self.weights), "size_wh": self.size_wh}

    @cached_property
    def version(self) -> str:
        """The weights, by their hash, and PyTorch.

        Raises:
            WeightsError: if the weights cannot be read.
        """
        try:
            digest = hashlib.sha256(self.weights.read_bytes()).hexdigest()[:16]
        except OSError as error:
            raise WeightsError(self.weights, f"cannot be read ({error.strerror or error})", HOW_TO_GET) from error
        require("torch", what="flow estimator pwcnet")
        # Part of the key of cached flow: other weights, or other kernels, give other vectors.
        return f"weights {digest}, torch {version('torch')}"

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        """The height and width to which the network's field, a quarter of its input, is brought.

        >>> PWCNetFlow("w", size_wh=(320, 240)).field_size_hw((1080, 1920)), PWCNetFlow("w").field_size_hw((100, 200))
        ((208, 370), (100, 200))
        """
        return working_size_hw(frame_size_hw, self.size_wh)

    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        """The motion from `previous_rgb` to `current_rgb`, at the working size.

        Raises:
            ValueError: if the frames are not (H, W, 3) uint8 of one size.
            WeightsError: if the weights cannot be read or are of another network.
        """
        with needed_by("flow estimator pwcnet"):
            import torch
        check_pair(previous_rgb, current_rgb)
        size_hw = self.field_size_hw((current_rgb.shape[0], current_rgb.shape[1]))
        height, width = (-(-side // _STRIDE) * _STRIDE for side in size_hw)
        with torch.inference_mode():
            # Frames are stretched to multiples of 64 and not padded, as in the authors' script.
            before, after = (_tensor(at_size(rgb, (height, width))) for rgb in (previous_rgb, current_rgb))
            flow_2hw = self._network(before, after)[0].numpy()
        # The vectors are in pixels of the input, and one pixel of the field spans four of those.
        return resize_flow(FlowField(np.ascontiguousarray(flow_2hw.transpose(1, 2, 0)) / np.float32(4)), size_hw)

    @cached_property
    def _network(self) -> PWCNet:
        from gfsalnet.flow.pwcnet_weights import load_pwcnet

        if not self.weights.is_file():
            raise WeightsError(self.weights, "no such file", HOW_TO_GET)
        return load_pwcnet(self.weights)


def _tensor(rgb: RGB) -> Tensor:
    """(1, 3, H, W), blue first as Caffe reads pictures, 0…1."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(rgb[..., ::-1])).permute(2, 0, 1)[None].float() / 255
