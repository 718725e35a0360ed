"""Bak et al. 2018: a stream for the frame, one like it for the optical flow, and what joins the two.

Bak, Kocak, Erdem and Erdem, "Spatio-Temporal Saliency Networks for Dynamic Saliency Prediction", IEEE Transactions on
Multimedia 20(7), 2018. Four networks: STSConvNet joins the streams behind their fifth layer by a convolution, STSMaxNet
by the larger value, SSNet and TSNet have one stream. Weights were published for the first alone.

As their prototxt and their script have it: the layers, and what is done to pictures and maps. The script shrinks a
frame, its aspect kept, until both sides are within 512 pixels, and enlarges none; maps come at the frame's size. (The
320x240 of the prototxt only say how large the network is built before the first frame.) Approximate: the motion
stream's picture. It holds dx, dy and the speed, but neither their scale nor the size at which flow was computed is
published; this takes Gkioxari and Malik's (CVPR 2015), 16 grey levels per pixel around 128, at the network's size. The
published script gives the frame to both inputs; here the second one gets the flow. The flow is that of whichever
estimator is given. Left out: stretching maps to 255 and rounding them to 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.flow import resize_flow
from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.published.base import FrameAndFlow, Official, PublishedModel
from gfsalnet.types import RGB, FlowField
from gfsalnet.video.geometry import SizeHW

LONGEST_SIDE = 512
"""Larger frames are shrunk to it."""
MEAN_BGR = (100, 110, 118)
FLOW_GAIN, FLOW_ZERO = 16, 128
"""Grey levels for a pixel of motion, and for none."""

_STREAM_LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")


class Stream(nn.Module):
    """The five layers that each stream has of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 7, padding=3)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2)
        self.conv3 = nn.Conv2d(256, 512, 3, padding=1)
        self.conv4 = nn.Conv2d(512, 512, 5, padding=2)
        self.conv5 = nn.Conv2d(512, 512, 5, padding=2)

    def forward(self, picture_B3HW: Tensor) -> Tensor:
        """(B, 3, H, W) in about −1…1, blue first → (B, 512, H / 4, W / 4), ≥ 0."""
        x = F.local_response_norm(F.relu(self.conv1(picture_B3HW)), size=5, alpha=1e-4, beta=0.75, k=1)
        # Caffe rounds the size of a pooling up.
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = F.max_pool2d(F.relu(self.conv2(x)), 3, 2, ceil_mode=True)
        for layer in (self.conv3, self.conv4, self.conv5):
            x = F.relu(layer(x))
        return x


class STSNetwork(nn.Module):
    """Streams, joined, and five layers more. Parameters behind the streams have their official names.

    Args:
        streams: how many.
        joins_by_convolution: or by the larger value.
    """

    def __init__(self, streams: int, *, joins_by_convolution: bool) -> None:
        super().__init__()
        self.streams = nn.ModuleList(Stream() for _ in range(streams))
        self.conv_fuse = nn.Conv2d(512 * streams, 512, 1) if joins_by_convolution else None
        self.conv6 = nn.Conv2d(512, 256, 7, padding=3)
        self.conv7 = nn.Conv2d(256, 128, 11, padding=5)
        self.conv8 = nn.Conv2d(128, 32, 11, padding=5)
        self.conv9 = nn.Conv2d(32, 1, 13, padding=6)
        self.deconv1 = nn.ConvTranspose2d(1, 1, 8, 4, 2, bias=False)

    def forward(self, *pictures_B3HW: Tensor) -> Tensor:
        """(B, 3, H, W) for each stream → (B, 1, h, w) in about −1…1; h, w are H, W where those are multiples of 4."""
        features = [stream(picture) for stream, picture in zip(self.streams, pictures_B3HW, strict=True)]
        x = torch.stack(features).amax(0) if self.conv_fuse is None else self.conv_fuse(torch.cat(features, 1))
        for layer in (self.conv6, self.conv7, self.conv8):
            x = F.relu(layer(x))
        saliency: Tensor = self.deconv1(self.conv9(x))
        return saliency


class STSConvNet(PublishedModel):
    """Two streams, joined by a 1x1 convolution."""

    name = "stsconvnet"
    needs_flow = True
    reach_frames = 1
    input_size_hw = (LONGEST_SIDE, LONGEST_SIDE)
    """The box that frames are shrunk into, their aspect kept."""
    sees: ClassVar[tuple[Literal["frame", "flow"], ...]] = ("frame", "flow")
    """What each stream is given, in the order of the official inputs."""
    joins_by_convolution: ClassVar[bool] = True

    @classmethod
    def make_network(cls) -> nn.Module:
        """The network, randomly initialised."""
        return STSNetwork(len(cls.sees), joins_by_convolution=cls.joins_by_convolution)

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """Caffe's `conv1_b/0` is the second stream's `conv1.weight`; kernels are laid out as torch's, unflipped."""
        names = {
            f"{layer}{suffix}": f"streams.{index}.{layer}"
            for index, suffix in enumerate(("", "_b")[: len(cls.sees)])
            for layer in _STREAM_LAYERS
        }
        converted = {}
        for key, values in official.items():
            layer, _, blob = key.partition("/")
            if blob == "0":
                converted[f"{names.get(layer, layer)}.weight"] = values
            elif blob == "1":  # the oldest files hold it as (1, 1, 1, N)
                converted[f"{names.get(layer, layer)}.bias"] = values.reshape(-1)
            else:
                converted[key] = values
        return converted

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """One map a picture, at the frame's size, 0…255."""
        for rgb, field in pictures:
            frame_hw = (rgb.shape[0], rgb.shape[1])
            seen_hw = shrunk_hw(frame_hw)
            given = [
                self._tensor(rgb if what == "frame" else flow_picture(field, seen_hw), seen_hw) for what in self.sees
            ]
            yield finish(self.network(*given)[0, 0].cpu().numpy(), frame_hw)

    def _tensor(self, rgb: RGB, size_hw: SizeHW) -> Tensor:
        """(H, W, 3), red first → (1, 3, h, w), blue first, in about −1…1; bilinear between pixels, as in the script."""
        small = cv2.resize(rgb, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
        # Blue first, as OpenCV reads pictures and Caffe's users train on them.
        scaled = (small[..., ::-1] - np.array(MEAN_BGR, np.float32)) / 127.5
        return torch.from_numpy(scaled).to(self.device, torch.float32).permute(2, 0, 1)[None]


class STSMaxNet(STSConvNet):
    """Two streams, of which the larger value counts; no weights are published."""

    name = "stsmaxnet"
    joins_by_convolution = False


class SSNet(STSMaxNet):
    """The frame's stream alone; no weights are published."""

    name = "ssnet"
    needs_flow = False
    reach_frames = 0
    sees = ("frame",)


class TSNet(STSMaxNet):
    """The motion stream alone; no weights are published."""

    name = "tsnet"
    sees = ("flow",)


def shrunk_hw(frame_hw: SizeHW) -> SizeHW:
    """The size at which a frame is seen: both sides within `LONGEST_SIDE`, its aspect kept, and never enlarged.

    Sides under 4 pixels would be pooled away, and become 4.

    >>> shrunk_hw((1080, 1920)), shrunk_hw((240, 320)), shrunk_hw((2, 2000))
    ((288, 512), (240, 320), (4, 512))
    """
    scale = min(1.0, LONGEST_SIDE / max(frame_hw))
    height, width = (max(round(side * scale), 4) for side in frame_hw)
    return height, width


def flow_picture(field: FlowField | None, size_hw: SizeHW) -> RGB:
    """Flow as a picture (h, w, 3): red is dx, green dy, blue the speed, in pixels of this size."""
    assert field is not None  # the model needs flow, so there is an estimator
    flow = resize_flow(field, size_hw).flow_pixels
    levels = np.dstack([flow, np.hypot(flow[..., 0], flow[..., 1])]) * FLOW_GAIN + FLOW_ZERO
    picture: RGB = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
    return picture


def finish(output_HW: NDArray[np.float32], frame_hw: tuple[int, int]) -> FloatArray:
    """The network's map at the frame's size, 0…255: cubic resampling, then a blur by 1, 4, 6, 4, 1 down and across."""
    # The script's own way back from about -1…1.
    grey = np.clip(output_HW * 128 + 127, 0, 255)
    large = cv2.resize(grey, frame_hw[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(cv2.GaussianBlur(large, (5, 5), 0), 0, 255), np.float64)
