"""SalEMA: SalGAN with an exponential moving average at its bottleneck.

Linardos et al., "Simple vs complex temporal recurrences for video saliency prediction", BMVC 2019. The average runs
over what the decoder's first convolution puts out, before its ReLU:
h_t = σ(α) · conv(x_t) + (1 − σ(α)) · h_{t−1}, h_0 = conv(x_0). Mind the sigmoid: the program takes it of every α,
also of the paper's α = 0.1, which so acts as 0.525.

As published: the network, its input, maps stretched to 0…1 frame by frame, and no dropout in prediction: the program's
inference has had it off by default since July 2020 (issue 6 of github.com/Linardos/SalEMA); before that, it dropped
channels at random there too. Left out: the optional residual around the average, which the released weights do without;
rounding to 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.models.classical.base import FloatArray, min_max
from gfsalnet.models.published.base import FrameAndFlow, Official, PublishedModel
from gfsalnet.models.published.salgan import ENCODER_LAYERS, INPUT_SIZE_HW, Generator, area_input

FIXED_ALPHA = 0.1
"""The paper's, for weights that were trained with a fixed α and hold none."""


class RecurrentGenerator(Generator):
    """SalGAN's generator with a memory: (B, 3, H, W) as `area_input` gives it → (B, 1, H, W) in 0…1."""

    def __init__(self) -> None:
        super().__init__()
        # A value to start from; the weights bring their own.
        self.alpha = nn.Parameter(torch.tensor([0.25]))

    def step(self, x_B3HW: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """One frame and the average so far, (B, 512, H / 16, W / 16), None at the start → saliency, the average."""
        new: Tensor = self.salgan[: ENCODER_LAYERS + 1](x_B3HW)
        if state is not None:
            share = self.alpha.sigmoid()
            new = share * new + (1 - share) * state
        # No module of the rest works in place, so the average survives it.
        return self.salgan[ENCODER_LAYERS + 1 :](new), new


class SalEMA(PublishedModel):
    """SalGAN with an exponential moving average."""

    name = "salema"
    reach_frames = math.inf  # ever less, back to the cut
    input_size_hw = INPUT_SIZE_HW
    network: RecurrentGenerator

    @classmethod
    def make_network(cls) -> RecurrentGenerator:
        """The generator with its average, randomly initialised."""
        return RecurrentGenerator()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """Names and layout are ours; only a fixed α is missing from the file and gets added."""
        return {"alpha": np.array([FIXED_ALPHA], np.float32), **official}

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """One map of `input_size_hw` for every frame."""
        state = None
        for rgb, _ in pictures:
            saliency, state = self.network.step(area_input(rgb, self.input_size_hw).to(self.device), state)
            yield min_max(saliency[0, 0].double().cpu().numpy())
