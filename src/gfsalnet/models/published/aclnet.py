"""ACLNet: VGG-16 features, weighted by a map of attention, into a convolutional LSTM.

Wang et al., "Revisiting Video Saliency: A Large-Scale Benchmark and a New Model", CVPR 2018, and "Revisiting Video
Saliency Prediction in the Deep Learning Era", TPAMI 43(1), 2021.

As in the program: no dilation; the fourth pooling has stride 1 and pads right and bottom; Keras's hard sigmoid; what
`letterbox` says of the way in and out; maps stretched to 0…1, as its image writer, SciPy's old `imsave`, does. The
program feeds windows of 5 frames and carries the LSTM's state from one to the next, which is the same as one by one.

Approximate: that the weights file names its layers as Keras 2.2 does by itself is an assumption; it leaves open where
their numbers start.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.models.classical.base import FloatArray, min_max
from gfsalnet.models.published.base import FrameAndFlow, Official, PublishedModel
from gfsalnet.models.published.letterbox import from_letterbox, to_letterbox
from gfsalnet.models.published.recurrent import ConvLSTM, LSTMState
from gfsalnet.models.published.vgg import vgg16_layers

_CONVOLUTIONS = {1: (0, 2), 2: (5, 7), 3: (10, 12, 14), 4: (17, 19, 21), 5: (24, 26, 28)}
"""VGG's blocks → their indices in `vgg16_layers`."""
_BACKBONE = {
    f"block{block}_conv{number}": f"features.{index}"
    for block, indices in _CONVOLUTIONS.items()
    for number, index in enumerate(indices, start=1)
}
_PATH = re.compile(r"(?:.*/)?(block\d_conv\d|time_distributed_\d+|conv_lst_m2d_\d+)/(kernel|recurrent_kernel|bias):0")
_WRAPPED = ("attention.1", "attention.3", "attention.6", "attention.8", "attention.10", "readout.0")
"""Convolutions that Keras wraps in a `TimeDistributed` each, in the order in which the program makes them."""


class SamePool(nn.Module):
    """The largest of 2x2 at stride 1, padded as Keras does: right and bottom."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Any (B, C, H, W); same shape."""
        return F.max_pool2d(F.pad(x_BCHW, (0, 1, 0, 1), value=-torch.inf), 2, stride=1)


class AttentiveLSTM(nn.Module):
    """VGG-16 of stride 8, static attention, ConvLSTM, readout (CVPR 2018, Sec. 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*vgg16_layers(last_pool=SamePool()))
        self.attention = nn.Sequential(
            *(nn.MaxPool2d(2), nn.Conv2d(512, 64, 1), nn.ReLU(), nn.Conv2d(64, 128, 3, padding=1), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Conv2d(128, 64, 1), nn.ReLU(), nn.Conv2d(64, 128, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(128, 1, 1), nn.Sigmoid(), nn.Upsample(scale_factor=4)),
        )
        self.temporal = ConvLSTM(512, 256, kernel=3)
        self.readout = nn.Sequential(nn.Conv2d(256, 1, 1), nn.Sigmoid(), nn.Upsample(scale_factor=4))

    def forward(self, x_B3HW: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        """A frame of each clip, and what its frame before left, None at the start.

        Args:
            x_B3HW: (B, 3, H, W), blue first, sides multiples of 32.
            state: of the LSTM.

        Returns:
            (B, 1, H / 2, W / 2) in 0…1, and the state.
        """
        features = self.features(x_B3HW)
        temporal, state = self.temporal(features * (1 + self.attention(features)), state)
        return self.readout(temporal), state


class ACLNet(PublishedModel):
    """Attentive CNN-LSTM network."""

    name = "aclnet"
    reach_frames = math.inf  # the LSTM's state is carried on, back to the cut
    input_size_hw = (256, 320)
    network: AttentiveLSTM

    @classmethod
    def make_network(cls) -> AttentiveLSTM:
        """The network, randomly initialised."""
        return AttentiveLSTM()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """Keras's `…/LAYER/WEIGHT:0` → ours, and kernels out of HWIO; the gates i, f, c, o keep their order.

        VGG's layers are known by name and the LSTM by its kind; the rest are `time_distributed_N`, in the order of N.
        """
        found = {path: match.groups() for path in official if (match := _PATH.fullmatch(path))}
        modules = _modules({layer for layer, _ in found.values()})
        state: dict[str, NDArray[Any]] = {}
        for path, values in official.items():
            layer, weight = found.get(path, ("", ""))
            if layer in modules and weight == "bias":
                state[f"{modules[layer]}.bias"] = values
            elif layer in modules and values.ndim == 4:
                module = modules[layer] if weight == "kernel" else "temporal.recurrent"
                state[f"{module}.weight"] = values.transpose(3, 2, 0, 1)
            else:
                # What is not recognised is passed on, and reported by its own name.
                state[path] = values
        return state

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """One map of the frame's size for every frame."""
        state = None
        for rgb, _ in pictures:
            x = to_letterbox(rgb, self.input_size_hw).to(self.device)
            saliency, state = self.network(x, state)
            yield min_max(from_letterbox(saliency.cpu(), (rgb.shape[0], rgb.shape[1])))


def _modules(layers: set[str]) -> dict[str, str]:
    """Keras's layer → the module of `AttentiveLSTM` that has its kernel and bias."""
    lstm = {layer: "temporal.input" for layer in layers if layer.startswith("conv_lst_m2d_")}
    # By number: Keras counts on through a session, so that only the order tells.
    wrapped = sorted(layers - _BACKBONE.keys() - lstm.keys(), key=lambda layer: int(layer.rpartition("_")[2]))
    return {**_BACKBONE, **lstm, **dict(zip(wrapped, _WRAPPED, strict=False))}
