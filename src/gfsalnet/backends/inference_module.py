"""The network with its doors: bytes of pictures in, maps out. What every backend runs."""

from __future__ import annotations

from torch import Tensor, nn

from gfsalnet.backends.base import input_names, output_names
from gfsalnet.network import GFSalNet
from gfsalnet.network.folding import folded


class InferenceModule(nn.Module):
    """A folded network that takes (B, H, W, 3) uint8 pictures, sides multiples of 32, in the order of `input_names`.

    It returns (B, 1, H, W) float32 maps in the order of `output_names`.
    """

    def __init__(self, network: GFSalNet) -> None:
        super().__init__()
        self.network = folded(network)
        self.inputs, self.outputs = input_names(network.config), output_names(network.config)

    def forward(self, *pictures_BHW3: Tensor) -> tuple[Tensor, ...]:
        """The maps, (B, 1, H, W) float32 each, in the order of `outputs`, of pictures (B, H, W, 3) uint8."""
        # Inside the graph: callers hand over bytes, a quarter of the memory, and cannot scale them otherwise.
        images = [picture.permute(0, 3, 1, 2).float() / 255 for picture in pictures_BHW3]
        maps = self.network(**{f"{name}_B3HW": image for name, image in zip(self.inputs, images, strict=True)})
        return tuple(getattr(maps, name) for name in self.outputs)
