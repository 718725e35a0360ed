"""OM-CNN and 2C-LSTM: objects say where to look for motion, two recurrent layers carry attention on. Re-implemented.

Jiang, Xu, Liu, Qiao and Wang, "DeepVS: A Deep Learning Based Video Saliency Prediction Approach", ECCV 2018, and the
first version of it, arXiv 1709.06316; their TensorFlow 1 program github.com/remega/OMCNN_2CLSTM is under the MIT
licence. Each frame goes through an objectness net, and through a motion net together with the frame five later; a map
made from the first ("cross-net mask") weighs the features of the second.

As published: layers, paddings, resizes, the frame stretched to 448x448 without regard to its aspect, and windows of 16
frames, at whose start the recurrent layers forget. Where their demo leaves something open:

- The demo predicts whole windows alone (since December 2017 the first one too), so the last frames of a video may get
  no map. Here every frame is predicted; at the end of a shot the last frame stands for those that would follow.
- Dropout in front of the recurrent layers' gates is made up for by a gain, 1 over the share that is kept, so that in
  training the mean gain of a gate is 1; so it is here. The demo drops nothing and means to set a gain of 1 too, but
  does so after its graph is built: what counts there is the program's constant, 0.25, and so a gain of 4. The setting
  `gate_gain` = 4 gives the demo's maps.
- Their evaluation on LEDOV also weighs the maps by the distance to the centre and blurs them; their demo does not, nor
  is it done here.

Variable names of the weights follow from the program; no weights file was available to check them.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.errors import WeightsError
from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.published.base import FrameAndFlow, Official, PublishedModel, with_counters
from gfsalnet.models.published.recurrent import ConvLSTM, LSTMState
from gfsalnet.models.published.resampling import legacy_bilinear
from gfsalnet.models.published.windows import with_following
from gfsalnet.network.weights import State
from gfsalnet.types import RGB

SIDE = 448
"""Frames are brought to this height and width."""
GRID = 28
"""Height and width of the features."""
GAP_FRAMES = 5
"""Motion is between a frame and the one so many later."""
WINDOW_FRAMES = 16
"""After so many frames, the recurrent layers start anew."""
CELLS, CELL_VALUES = 7, 30
"""The detector's grid, and what it says of a cell: boxes, confidences and classes."""
SLOPE = 0.1
"""The slope of every leaky ReLU below 0."""

Carried: TypeAlias = tuple[LSTMState, LSTMState]
"""The states of both recurrent layers, maps of 28x28."""


class Conv(nn.Conv2d):
    """Convolution, batch norm where asked for, leaky ReLU; its padding is half the kernel."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, has_norm: bool = False) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01) if has_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H / stride, W / stride)."""
        return F.leaky_relu(self.norm(super().forward(x)), SLOPE)


def _upsampling(first: str, second: str) -> list[tuple[str, nn.Module]]:
    """128 channels to one map at four times the size."""
    return [
        (first, nn.ConvTranspose2d(128, 16, 4, 2, 1)),
        ("relu", nn.LeakyReLU(SLOPE)),
        (second, nn.ConvTranspose2d(16, 1, 4, 2, 1)),
    ]


class Objectness(nn.Module):
    """A small YOLO whose features at four scales and detections are joined, and fade away from the centre."""

    centre: Tensor
    channels = 4 * 128 + CELL_VALUES

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Conv(3, 16, 3, has_norm=True)
        self.conv3 = Conv(16, 32, 3, has_norm=True)
        self.conv5 = Conv(32, 64, 3, has_norm=True)
        self.conv7 = Conv(64, 128, 3, has_norm=True)
        self.conv9 = Conv(128, 256, 3, has_norm=True)
        self.conv11 = Conv(256, 512, 3, has_norm=True)
        self.conv13 = Conv(512, 1024, 3)
        self.conv14 = Conv(1024, 1024, 3)
        self.conv15 = Conv(1024, 1024, 3)
        self.fc16 = nn.Linear(1024 * CELLS * CELLS, 256)
        self.fc17 = nn.Linear(256, 4096)
        self.fc18 = nn.Linear(4096, CELLS * CELLS * CELL_VALUES)
        self.conv_9_2 = Conv(256, 128, 1)
        self.conv_11_2 = Conv(512, 128, 1)
        self.conv_15_2 = Conv(1024, 128, 1)
        self.register_buffer("centre", centre_mask(GRID), persistent=False)

    def forward(self, frame_B3HW: Tensor) -> Tensor:
        """(B, 3, 448, 448) in −1…1 → (B, 542, 28, 28)."""
        x = frame_B3HW
        for layer in (self.conv1, self.conv3, self.conv5):
            x = F.max_pool2d(layer(x), 2)
        at_56 = self.conv7(x)
        at_28 = self.conv9(F.max_pool2d(at_56, 2))
        at_14 = self.conv11(F.max_pool2d(at_28, 2))
        at_7 = self.conv15(self.conv14(self.conv13(F.max_pool2d(at_14, 2))))
        parts = (at_56, self.conv_9_2(at_28), self.conv_11_2(at_14), self.conv_15_2(at_7), self._detections(at_7))
        return torch.cat([legacy_bilinear(part, (GRID, GRID)) for part in parts], 1) * self.centre

    def _detections(self, features: Tensor) -> Tensor:
        """(B, 1024, 7, 7) → (B, 30, 7, 7); the detector itself keeps the values of a cell together."""
        x = features.flatten(1)
        for layer in (self.fc16, self.fc17):
            x = F.leaky_relu(layer(x), SLOPE)
        cells: Tensor = self.fc18(x)
        return cells.view(-1, CELLS, CELLS, CELL_VALUES).permute(0, 3, 1, 2)


class Motion(nn.Module):
    """The contracting half of FlowNet-S, its early features weighed by the cross-net mask."""

    channels = 4 * 128

    def __init__(self) -> None:
        super().__init__()
        self.FNconv1 = Conv(6, 64, 7, 2)
        self.FNconv2 = Conv(64, 128, 5, 2)
        self.FNconv3 = Conv(128, 256, 5, 2)
        self.FNconv3_1 = Conv(256, 256, 3)
        self.FNconv4 = Conv(256, 512, 3, 2)
        self.FNconv4_1 = Conv(512, 512, 3)
        self.FNconv5 = Conv(512, 512, 3, 2)
        self.FNconv5_1 = Conv(512, 512, 3)
        self.FNconv6 = Conv(512, 1024, 3, 2)
        self.FNconv6_1 = Conv(1024, 1024, 3)
        self.FNDownconv_3_1 = Conv(256, 128, 3)
        self.FNDownconv_4_1 = Conv(512, 128, 3)
        self.FNDownconv_5_1 = Conv(512, 128, 3)
        self.FNDownconv_6_1 = Conv(1024, 128, 3)

    def forward(self, pair_B6HW: Tensor, mask_B1hw: Tensor) -> Tensor:
        """(B, 6, 448, 448), a frame and a later one, and the mask (B, 1, 112, 112) → (B, 512, 28, 28)."""
        x = pair_B6HW
        for layer in (self.FNconv1, self.FNconv2, self.FNconv3, self.FNconv3_1):
            x = _masked(layer(x), mask_B1hw)
        at_56 = x
        at_28 = self.FNconv4_1(_masked(self.FNconv4(at_56), mask_B1hw))
        at_14 = self.FNconv5_1(self.FNconv5(at_28))
        at_7 = self.FNconv6_1(self.FNconv6(at_14))
        parts = (
            self.FNDownconv_6_1(at_7),
            self.FNDownconv_5_1(at_14),
            self.FNDownconv_4_1(at_28),
            self.FNDownconv_3_1(at_56),
        )
        return torch.cat([legacy_bilinear(part, (GRID, GRID)) for part in parts], 1)


def _masked(features: Tensor, mask: Tensor) -> Tensor:
    return features * legacy_bilinear(mask, (features.shape[2], features.shape[3]))


class OMCNNNetwork(nn.Module):
    """OM-CNN (`objectness`, `coarse`, `motion`, `fusion`) and 2C-LSTM (the rest); layers have the program's names."""

    def __init__(self) -> None:
        super().__init__()
        self.objectness = Objectness()
        self.coarse = nn.Sequential(
            OrderedDict(
                [
                    ("conv_19", Conv(Objectness.channels, 512, 3)),
                    ("conv_20", Conv(512, 256, 1)),
                    ("conv_21", Conv(256, 128, 3)),
                    ("conv_22", Conv(128, 128, 1)),
                    *_upsampling("deconv_23", "deconv_24"),
                ]
            )
        )
        self.motion = Motion()
        self.fusion = nn.Sequential(
            OrderedDict(
                [
                    ("Lastconv_1", Conv(Objectness.channels + Motion.channels, 512, 3)),
                    ("Lastconv_2", Conv(512, 512, 1)),
                    ("Lastconv_3", Conv(512, 256, 3)),
                    ("Lastconv_4", Conv(256, 128, 1)),
                ]
            )
        )
        self.lstm_layer1 = ConvLSTM(128, 128, kernel=3, gate=torch.sigmoid)
        self.lstm_layer2 = ConvLSTM(128, 128, kernel=3, gate=torch.sigmoid)
        self.readout = nn.Sequential(OrderedDict(_upsampling("deconv", "deconv2")))

    def forward(self, frame_B3HW: Tensor, later_B3HW: Tensor, state: Carried | None) -> tuple[Tensor, Carried]:
        """A frame and the one five later, (B, 3, 448, 448) in −1…1 → (B, 1, 112, 112) in 0…1, state."""
        features = self.intra_frame(frame_B3HW, later_B3HW)
        first, state1 = self.lstm_layer1(features, state and state[0])
        second, state2 = self.lstm_layer2(first, state and state[1])
        return _stretched(self.readout(second)), (state1, state2)

    def intra_frame(self, frame_B3HW: Tensor, later_B3HW: Tensor) -> Tensor:
        """OM-CNN: (B, 3, 448, 448) twice → (B, 128, 28, 28)."""
        objects = self.objectness(frame_B3HW)
        mask = 0.5 + 0.5 * _stretched(self.coarse(objects))
        motion = self.motion(torch.cat([frame_B3HW, later_B3HW], 1), mask)
        fused: Tensor = self.fusion(torch.cat([objects, motion], 1))
        return fused


def centre_mask(side: int) -> Tensor:
    """(side, side): 1 at the pixel `side` // 2 of either axis, falling with the distance to 0 in the first corner."""
    offset = torch.arange(side) - side // 2
    distance = torch.hypot(*torch.meshgrid(offset.float(), offset.float(), indexing="ij"))
    return 1 - distance / distance.max()


def _stretched(maps_B1HW: Tensor) -> Tensor:
    """Each map from 0 to 1."""
    # The program's small constant, with which a flat map becomes 0 and not NaN.
    above = maps_B1HW - maps_B1HW.amin((2, 3), keepdim=True)
    return above / (above.amax((2, 3), keepdim=True) + 1e-7)


class OMCNN(PublishedModel):
    """OM-CNN + 2C-LSTM, also known as DeepVS."""

    name = "om-cnn"
    reach_frames = WINDOW_FRAMES - 1
    lookahead_frames = GAP_FRAMES
    input_size_hw = (SIDE, SIDE)
    default_settings: ClassVar[Mapping[str, float]] = {"gate_gain": 1.0}
    """`gate_gain`: what the sums that enter the recurrent layers' gates are multiplied by; 4 in the released demo."""
    network: OMCNNNetwork

    def __init__(self, state: State, **options: Any) -> None:
        super().__init__(state, **options)
        for layer in (self.network.lstm_layer1, self.network.lstm_layer2):
            _multiply_gates(layer, self.settings["gate_gain"])

    @classmethod
    def make_network(cls) -> OMCNNNetwork:
        """OM-CNN and 2C-LSTM, randomly initialised."""
        return OMCNNNetwork()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """Variables of the TensorFlow 1 checkpoint, such as `inference/conv1/weights`.

        Raises:
            WeightsError: if no variable is of the program's scope.
        """
        if not any(name.startswith("inference/") for name in official):
            problem = "has no variable whose name begins with inference/"
            raise WeightsError(cls.name, problem, "Give the checkpoint of OMCNN_2CLSTM.")
        kept = {name: values for name, values in official.items() if not _OF_TRAINING.fullmatch(name)}
        return with_counters(_plain_layers(_recurrent_layers(kept)))

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """Maps (112, 112) in 0…1."""
        frames = (self._frame(rgb) for rgb, _ in pictures)
        state: Carried | None = None
        for number, window in enumerate(with_following(frames, GAP_FRAMES)):
            # Windows are counted from the start of the shot.
            if number % WINDOW_FRAMES == 0:
                state = None
            maps, state = self.network(window[0], window[GAP_FRAMES], state)
            yield maps[0, 0].double().cpu().numpy()

    def _frame(self, rgb: RGB) -> Tensor:
        """(H, W, 3) uint8 → (1, 3, 448, 448) in −1…1."""
        resized = np.asarray(cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))
        return torch.from_numpy(resized).to(self.device).permute(2, 0, 1)[None].float() / 255 * 2 - 1


@torch.no_grad()
def _multiply_gates(layer: ConvLSTM, gain: float) -> None:
    """All that enters the gates i, f, c and o, but for the 1 that the program adds to f behind the gain."""
    assert layer.input.bias is not None
    # A view: what is done to it is done to the layer.
    # The gates i, f, c, o: the second quarter is f.
    forget = layer.input.bias.chunk(4)[1]
    forget -= 1
    for values in layer.parameters():
        values.mul_(gain)
    forget += 1


_OF_TRAINING = re.compile(r"Variable|global_step|(.*/)?beta[12]_power|.*/Adam(_1)?")
"""Variables of the optimiser, and the count of its steps."""
_LEAVES = {
    "weights": "weight",
    "biases": "bias",
    "gamma": "norm.weight",
    "beta": "norm.bias",
    "moving_mean": "norm.running_mean",
    "moving_variance": "norm.running_var",
}


def _recurrent_layers(official: Official) -> dict[str, NDArray[Any]]:
    """The gates of the recurrent layers joined; all else as it is.

    There, a gate has a convolution of its own: h1 to h4 over the state, i1 to i4 over the input; 1 to 4 are i, c, f, o,
    ours are i, f, c, o. The program adds 1 to f, here the bias has it.
    """
    state = dict(official)
    for layer in ("lstm_layer1", "lstm_layer2"):
        for theirs, leaf, ours in (("i", "weights", "input"), ("i", "biases", "input"), ("h", "weights", "recurrent")):
            names = [f"inference/{layer}{theirs}{gate}/{leaf}" for gate in (1, 3, 2, 4)]
            if all(name in state for name in names):
                gates = [_as_torch(state.pop(name)) for name in names]
                if leaf == "biases":
                    gates[1] = gates[1] + 1
                state[f"{layer}.{ours}.{_LEAVES[leaf]}"] = np.concatenate(gates)
    return state


def _plain_layers(official: Official) -> dict[str, NDArray[Any]]:
    """All other layers, which are told by their names; what is none of them as it is."""
    # Names alone: no memory is taken for weights.
    with torch.device("meta"):
        network = OMCNNNetwork()
    part_of = {layer: part for part, module in network.named_children() for layer, _ in module.named_children()}
    state: dict[str, NDArray[Any]] = {}
    for name, values in official.items():
        match = re.fullmatch(r"inference/(\w+)/(?:batch_normalization/)?(\w+)", name)
        if match is None or match[1] not in part_of or match[2] not in _LEAVES:
            state[name] = values
            continue
        state[f"{part_of[match[1]]}.{match[1]}.{_LEAVES[match[2]]}"] = _as_torch(values)
    return state


def _as_torch(values: NDArray[Any]) -> NDArray[Any]:
    """Kernels: rows, columns, in, out → out, in, rows, columns (the other way round of in and out if transposed)."""
    return np.asarray(values.transpose((3, 2, 0, 1) if values.ndim == 4 else None))
