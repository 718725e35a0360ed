"""STRA-Net: what moves points out what to look at, level by level, and a convolutional GRU carries it on.

Lai, Wang, Sun and Shen, "Video Saliency Prediction using Spatiotemporal Residual Attentive Networks", IEEE TIP 29,
2020. Re-implemented; their Keras program github.com/ashleylqx/STRA-Net and its weights come without a licence, so that
the weights are converted where the user has them, and none are handed on.

As in the program: two ResNet-50 of stride 8, dilated, strides in the 1x1 convolutions, the first one without padding;
what `letterbox` says of the way in and out; five flows from the frame on (the last one repeated at the end), the latest
first and v before u; flow fitted by `numpy.resize`, which does not scale it but fills the rows anew with its first
values, in pixels of the frame's size; the last upsampling, TensorFlow 1's bilinear resize (`BilinearUpSampling.py`);
maps stretched to 0…1, as its image writer does. The program feeds windows of 5
frames and carries the GRU's state from one to the next, which is the same as frame by frame. Side outputs, which only
its losses read, are left out.

Approximate: flow is that of whichever estimator is given, the authors' is FlowNet 2.0. Layers without a name of their
own in the weights file are taken in the order in which the program makes them, which is how Keras 2.2 numbers them; no
weights file was available to check it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.errors import WeightsError
from gfsalnet.flow import resize_flow
from gfsalnet.models.classical.base import FloatArray, min_max
from gfsalnet.models.published.base import FrameAndFlow, Official, PublishedModel, with_counters
from gfsalnet.models.published.letterbox import FlooredLetterbox, from_letterbox, to_letterbox
from gfsalnet.models.published.recurrent import ConvGRU
from gfsalnet.models.published.resampling import legacy_bilinear
from gfsalnet.models.published.windows import with_following
from gfsalnet.types import RGB, FlowField
from gfsalnet.video.geometry import SizeHW

SIDE = 224
"""Height and width of the letterbox."""
FLOWS = 5
"""How many flows the motion stream sees, from the frame on."""
SLOWEST, FASTEST = 0.1, 20.0
"""Components of flow below the one become 0, those beyond the other are held to it; pixels per frame interval."""
PRIORS = 16
"""Learned Gaussians beside the GRU's output."""
STRIDE = 8
"""Pixels of the input between two places of the features."""


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Padded to keep the size."""
    padding = kernel // 2 * dilation
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation), _norm(outputs))


class Bottleneck(nn.Module):
    """1x1 → 3x3 → 1x1 with a shortcut, the stride in the first 1x1; `branch1` is the projection, where there is one."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.branch2a = _conv_norm(inputs, width, 1, stride)
        self.branch2b = _conv_norm(width, width, 3, dilation=dilation)
        self.branch2c = _conv_norm(width, 4 * width, 1)
        self.branch1 = nn.Identity() if inputs == 4 * width else _conv_norm(inputs, 4 * width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, 4 · width, H / stride, W / stride)."""
        inner = F.relu(self.branch2b(F.relu(self.branch2a(x))))
        return F.relu(self.branch2c(inner) + self.branch1(x))


def _stage(inputs: int, width: int, blocks: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    rest = [Bottleneck(4 * width, width, 1, dilation) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(inputs, width, stride, dilation), *rest)


class DilatedResNet50(nn.Module):
    """ResNet-50 of stride 8 from `inputs` channels; `res2` to `res5` are its stages, the last two dilated."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(inputs, width, 7, 2), _norm(width))
        self.res2 = _stage(width, width, 3)
        self.res3 = _stage(4 * width, 2 * width, 4, stride=2)
        self.res4 = _stage(8 * width, 4 * width, 6, dilation=2)
        self.res5 = _stage(16 * width, 8 * width, 3, dilation=4)

    def level3(self, x_BCHW: Tensor) -> Tensor:
        """(B, inputs, 224, 224) → (B, 8 · width, 28, 28)."""
        x = F.max_pool2d(F.relu(self.conv1(x_BCHW)), 3, 2, 1)
        level3: Tensor = self.res3(self.res2(x))
        return level3


class Attention(nn.Module):
    """Composite attention at one level: features raised by where they are (Sec. III-B)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels // 2, 3, padding=1)
        self.norm = _norm(channels // 2)
        self.map = nn.Conv2d(channels // 2, 1, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) → same; the attention of a picture sums to 1."""
        attention: Tensor = self.map(self.norm(F.relu(self.conv(x_BCHW)))).sigmoid()
        return x_BCHW * (1 + attention.flatten(2).softmax(2).view_as(attention))


class STRANetwork(nn.Module):
    """Two backbones with dense residual cross connections, attention, ConvGRU and priors.

    Args:
        width: channels of a backbone's first layer, 64 in the paper; all others grow with it.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        level3, level4, level5 = 8 * width, 16 * width, 32 * width
        self.motion, self.appearance = DilatedResNet50(2 * FLOWS, width), DilatedResNet50(3, width)
        self.cross4 = nn.Conv2d(level4 + level3, level4, 3, padding=1)
        self.cross5 = nn.Conv2d(level5 + level4 + level3, level5, 3, padding=1)
        self.attention3, self.attention4, self.attention5 = Attention(level3), Attention(level4), Attention(level5)
        self.gru = ConvGRU(level5, 4 * width, 3)
        self.gru_norm = _norm(4 * width)
        # mean x, mean y, sigma x, sigma y as shares of the width and height
        self.priors = nn.Parameter(torch.full((4, PRIORS), 0.5))
        self.readout = nn.Conv2d(4 * width + PRIORS, 1, 1)

    def forward(self, image_B3HW: Tensor, flows_BCHW: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """A frame of each clip with its flows, and what its frame before left, None at the start.

        Args:
            image_B3HW: (B, 3, 224, 224), blue first, means taken off.
            flows_BCHW: (B, 10, 224, 224), v and u of five flows, the latest first.
            state: of the GRU.

        Returns:
            (B, 1, 224, 224) in 0…1, and the state.
        """
        temporal, state = self.gru(self.features(image_B3HW, flows_BCHW), state)
        maps = gaussian_maps(self.priors, (temporal.shape[2], temporal.shape[3]))
        maps = maps.expand(len(temporal), -1, -1, -1)
        saliency = self.readout(torch.cat([self.gru_norm(temporal), maps], 1)).sigmoid()
        return legacy_bilinear(saliency, (STRIDE * saliency.shape[2], STRIDE * saliency.shape[3])), state

    def features(self, image_B3HW: Tensor, flows_BCHW: Tensor) -> Tensor:
        """A frame and its flows, (B, C, 224, 224) each → (B, 2048, 28, 28)."""
        motion3 = self.motion.level3(flows_BCHW)
        motion4 = self.motion.res4(motion3)
        motion5 = self.motion.res5(motion4)
        level3 = self.appearance.level3(image_B3HW)
        # Residual: where motion says nothing, appearance is left as it is.
        level3 = self.attention3(level3 * (1 + motion3))
        level4 = self.appearance.res4(level3)
        level4 = self.attention4(level4 * (1 + F.relu(self.cross4(torch.cat([motion4, motion3], 1)))))
        level5 = self.appearance.res5(level4)
        cross5 = F.relu(self.cross5(torch.cat([motion5, motion4, motion3], 1)))
        features: Tensor = self.attention5(level5 * (1 + cross5))
        return features


def gaussian_maps(priors_4N: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(N, h, w): Gaussians over the picture, each with its largest value 1.

    Args:
        priors_4N: mean x, mean y, sigma x, sigma y as shares of the picture, held in the ranges of the program.
        size_hw: of the maps, which are square.
    """
    # Held in these ranges on every call, as the program does, whatever was learned.
    lowest, highest = priors_4N.new_tensor([[0.25, 0.35, 0.1, 0.2], [0.75, 0.65, 0.9, 0.8]])[..., None]
    mean_x, mean_y, sigma_x, sigma_y = priors_4N.clamp(lowest, highest)[..., None, None]
    y, x = (torch.linspace(0, 1, side, device=priors_4N.device) for side in size_hw)
    exponent = (x - mean_x) ** 2 / (2 * sigma_x**2 + 1e-7) + (y[:, None] - mean_y) ** 2 / (2 * sigma_y**2 + 1e-7)
    maps = torch.exp(-exponent)
    return maps / maps.amax((1, 2), keepdim=True)


class STRANet(PublishedModel):
    """Spatiotemporal residual attentive network."""

    name = "stra-net"
    reach_frames = math.inf  # the GRU's state is carried on, back to the cut
    lookahead_frames = FLOWS
    input_size_hw = (SIDE, SIDE)
    needs_flow = True
    network: STRANetwork

    @classmethod
    def make_network(cls) -> STRANetwork:
        """The network of the paper, randomly initialised."""
        return STRANetwork()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """Keras's `…/LAYER/kernel:0` → ours, kernels out of HWIO; weights of the side outputs are left out.

        Raises:
            WeightsError: if there is no layer of either backbone.
        """
        layers = {layer for layer, _ in map(_layer_and_weight, official)}
        if not any(_BACKBONE_LAYER.fullmatch(layer) for layer in layers):
            problem = "has no layers named A_res… or M_res…"
            raise WeightsError(cls.name, problem, "Give the authors' weights of the whole network.")
        names = _our_names(layers)
        state: dict[str, NDArray[Any]] = {}
        for path, values in official.items():
            layer, weight = _layer_and_weight(path)
            if layer not in names:
                state[path] = values
            elif module := names[layer]:
                state |= _converted(module, weight, values)
        return with_counters(state)

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """One map of the frame's size for every frame."""
        prepared = (prepare(rgb, field) for rgb, field in pictures)
        state = None
        for (image, _, size_hw), *following in with_following(prepared, FLOWS):
            # The flow that leads to the next frame is the first that leaves this one.
            flows = torch.cat([planes for _, planes, _ in reversed(following)], 1)
            saliency, state = self.network(image.to(self.device), flows.to(self.device), state)
            yield min_max(from_letterbox(saliency.cpu(), size_hw))


def prepare(rgb: RGB, field: FlowField | None) -> tuple[Tensor, Tensor, SizeHW]:
    """A frame (H, W, 3) and the flow that leads to it → what the network sees of both, and the frame's size."""
    assert field is not None  # the model needs flow, so there is an estimator
    frame_hw = (rgb.shape[0], rgb.shape[1])
    return to_letterbox(rgb, (SIDE, SIDE)), flow_planes(field, frame_hw), frame_hw


def flow_planes(field: FlowField, frame_hw: SizeHW) -> Tensor:
    """(1, 2, 224, 224): v and u, their first values filled into the letterbox, slow ones 0, fast ones held back.

    Args:
        field: of the frame, at any size.
        frame_hw: the size whose pixels the result counts.
    """
    box = FlooredLetterbox(frame_hw, (SIDE, SIDE))
    u, v = np.moveaxis(resize_flow(field, frame_hw).flow_pixels, 2, 0)
    # Not a mistake here but in their program: `numpy.resize` repeats values where a picture would be scaled.
    planes = np.stack([box.place(np.resize(component, box.inner_hw)) for component in (v, u)])
    planes[np.abs(planes) < SLOWEST] = 0
    return torch.from_numpy(planes.clip(-FASTEST, FASTEST))[None]


_BACKBONE_LAYER = re.compile(r"([AM])_(res|bn)?_?(?:(\d)([a-f])_branch(\w+)|conv1)")
_STREAMS = {"A": "appearance", "M": "motion"}
_NUMBERED = {
    "conv2d": (
        *("attention3.conv", "attention3.map", "cross4", "attention4.conv", "attention4.map"),
        *("cross5", "attention5.conv", "attention5.map", None, None, None, "readout"),
    ),
    "batch_normalization": ("attention3.norm", "attention4.norm", "attention5.norm"),
    "time_distributed": ("gru_norm", "readout"),
    "learning_prior": ("priors",),
}
"""Layers that Keras numbers, in the order in which the program makes them; None: a side output, of no use here.

Weights of a wrapped layer may be under its own name or its wrapper's, `time_distributed_N`.
"""
_WEIGHTS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def _layer_and_weight(path: str) -> tuple[str, str]:
    """`time_distributed_1/M_conv1/kernel:0` → `M_conv1`, `kernel`."""
    layer, _, weight = path.rpartition("/")
    return layer.rpartition("/")[2], weight.removesuffix(":0")


def _our_names(layers: set[str]) -> dict[str, str | None]:
    """Layers of the weights file → modules of `STRANetwork`, None where they are of no use here."""
    names: dict[str, str | None] = {"ConvGRU2D": "gru", "ConvGRU2D_BN": "gru_norm"}
    names |= {layer: _backbone_name(match) for layer in layers if (match := _BACKBONE_LAYER.fullmatch(layer))}
    for kind, ours in _NUMBERED.items():
        numbered = [layer for layer in layers if re.fullmatch(rf"{kind}_\d+", layer)]
        # By the number and not by the text, in which 10 comes before 9. Keras counts on through a session, so that only
        # the order tells.
        in_order = sorted(numbered, key=lambda layer: int(layer.rpartition("_")[2]))
        names |= dict(zip(in_order, ours, strict=False))
    return names


def _backbone_name(layer: re.Match[str]) -> str:
    """`M_bn3b_branch2a` → `motion.res3.1.branch2a.1`."""
    stream, kind, stage, block, branch = layer.groups()
    position = 1 if kind == "bn" else 0
    if stage is None:
        return f"{_STREAMS[stream]}.conv1.{position}"
    return f"{_STREAMS[stream]}.res{stage}.{'abcdef'.index(block)}.branch{branch}.{position}"


def _converted(module: str, weight: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """A layer's weight under our name, or names, in torch's layout."""
    if module == "priors":
        return {module: values.reshape(4, -1)}
    if values.ndim == 4:
        values = values.transpose(3, 2, 0, 1)
    if weight == "recurrent_kernel":
        # Keras keeps z, r and the candidate in one kernel; the candidate sees the state after the reset, so that it is
        # a convolution of its own.
        gates, candidate = np.split(values, [len(values) * 2 // 3])
        return {f"{module}.recurrent.weight": gates, f"{module}.candidate.weight": candidate}
    if module == "gru":
        module = "gru.input"
    return {f"{module}.{_WEIGHTS.get(weight, weight)}": values}
