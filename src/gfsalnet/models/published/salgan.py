"""SalGAN: a VGG-16 encoder and its mirror image as decoder, one frame at a time.

Pan et al., "SalGAN: Visual Saliency Prediction with Generative Adversarial Networks", arXiv 1701.01081, 2017: the
generator. Nothing is remembered between frames.

As published: the network, its input, the cubic way back to the frame's size and the blur there, which is why maps have
that size. Left out: the program's rounding to 8 bits between those steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.published.base import FrameAndFlow, Official, PublishedModel
from gfsalnet.models.published.vgg import caffe_input, vgg16_layers
from gfsalnet.types import RGB

INPUT_SIZE_HW = (192, 256)
ENCODER_LAYERS = 30
"""Layers of the encoder, with its ReLUs and poolings; the decoder's first convolution comes next."""
BLUR_PIXELS = 5
"""Side of the last blur's kernel, in pixels of the frame; its weights are OpenCV's own for that side."""

# Channels of the decoder's convolutions; between groups, maps get twice as high and wide.
_DECODER = ((512, 512, 512), (512, 512, 512), (256, 256, 256), (128, 128), (64, 64))


class Generator(nn.Module):
    """SalGAN's generator: (B, 3, H, W) as `area_input` gives it → (B, 1, H, W) in 0…1. H, W: multiples of 16.

    Indices in `salgan` are those of SalEMA's PyTorch weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.salgan = nn.Sequential(*vgg16_layers(last_pool=nn.MaxPool2d(2)), *_decoder_layers())

    def forward(self, x_B3HW: Tensor) -> Tensor:
        """Saliency of every picture by itself."""
        saliency: Tensor = self.salgan(x_B3HW)
        return saliency


def _decoder_layers() -> list[nn.Module]:
    layers: list[nn.Module] = []
    inputs = 512
    for group, widths in enumerate(_DECODER):
        if group:
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
        for outputs in widths:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            inputs = outputs
    return [*layers, nn.Conv2d(inputs, 1, 1), nn.Sigmoid()]


def area_input(rgb: RGB, size_hw: tuple[int, int]) -> Tensor:
    """A frame (H, W, 3) as both SalGAN and SalEMA see it: (1, 3, h, w), area mean, blue first, means taken off."""
    resized = cv2.resize(rgb, size_hw[::-1], interpolation=cv2.INTER_AREA)
    return caffe_input(np.asarray(resized, np.uint8))


class SalGAN(PublishedModel):
    """Visual saliency prediction with generative adversarial networks."""

    name = "salgan"
    input_size_hw = INPUT_SIZE_HW
    network: Generator

    @classmethod
    def make_network(cls) -> Generator:
        """The generator, randomly initialised."""
        return Generator()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """Lasagne's `arr_0`, `arr_1`, … are weight and bias of the 27 convolutions in turn.

        The decoder's were true convolutions, so those kernels turn by 180°; the encoder's were correlations already.
        """
        # Names alone: to draw 32 million weights for them would take a second.
        with torch.device("meta"):
            names = list(cls.make_network().state_dict())
        state = dict(official)
        for number, name in enumerate(names):
            if (values := state.pop(f"arr_{number}", None)) is not None:
                is_decoder_kernel = int(name.split(".")[1]) >= ENCODER_LAYERS and values.ndim == 4
                state[name] = values[..., ::-1, ::-1] if is_decoder_kernel else values
        return state

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """One map of the frame's size for every frame."""
        for rgb, _ in pictures:
            saliency = self.network(area_input(rgb, self.input_size_hw).to(self.device))
            yield at_frame_size(saliency[0, 0].cpu().numpy(), rgb.shape[:2])


def at_frame_size(saliency: NDArray[np.float32], size_hw: tuple[int, ...]) -> FloatArray:
    """(h, w) → (H, W): cubic, blurred there; what the cubic filter pushes below 0 becomes 0."""
    resized = cv2.resize(saliency, size_hw[::-1], interpolation=cv2.INTER_CUBIC)
    # A sigma of 0 lets OpenCV derive it from the side, as the program does.
    blurred = cv2.GaussianBlur(resized, (BLUR_PIXELS, BLUR_PIXELS), 0)
    return np.maximum(blurred, 0).astype(np.float64)
