"""Into the letterbox of programs after Cornia et al.'s SAM, and out of it again: what ACLNet and STRA-Net share.

As in those programs: a side that does not fit is rounded down; the means of red and blue are taken off each other's
channel, off the black around the picture too; maps are blurred at the frame's size, which is why they have that size.

Approximate: pictures and maps are resized by Pillow's bilinear filter, maps to within a rounding, since that is what
programs derived from these do; maps are not rounded to 8 bits between the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.published.resampling import pillow_bilinear
from gfsalnet.models.published.vgg import IMAGENET_MEANS_BGR, caffe_input
from gfsalnet.types import RGB
from gfsalnet.video.geometry import Letterbox, SizeHW

SIGMA_PIXELS = 7.0
"""The sigma of the last blur, in pixels of the frame."""

DType = TypeVar("DType", bound=np.generic)


@dataclass(frozen=True)
class FlooredLetterbox(Letterbox):
    """What keeps the aspect and touches the target on two sides.

    Raises:
        ValueError: if a side is not positive.
    """

    @property
    def inner_hw(self) -> SizeHW:
        """Size of the picture inside the target, at least one pixel a side."""
        (height, width), (target_height, target_width) = self.source_hw, self.target_hw
        if height * target_width > width * target_height:
            return target_height, max(1, width * target_height // height)
        return max(1, height * target_width // width), target_width

    def place(self, inner: NDArray[DType]) -> NDArray[DType]:
        """(*`inner_hw`, …) in the middle of zeros, (*`target_hw`, …)."""
        (top, left), (height, width) = self.offset_yx, self.inner_hw
        target = np.zeros((*self.target_hw, *inner.shape[2:]), inner.dtype)
        target[top : top + height, left : left + width] = inner
        return target


def to_letterbox(rgb: RGB, target_hw: SizeHW) -> Tensor:
    """(H, W, 3) → (1, 3, h, w) float32, blue first, means taken off."""
    box = FlooredLetterbox((rgb.shape[0], rgb.shape[1]), target_hw)
    return caffe_input(box.place(pillow_bilinear(rgb, box.inner_hw)), means_bgr=IMAGENET_MEANS_BGR[::-1])


def from_letterbox(saliency_11HW: Tensor, frame_hw: SizeHW) -> FloatArray:
    """A map over the letterbox (1, 1, h, w) → over the frame (H, W): enlarged until it covers it, cut, blurred."""
    height, width = frame_hw
    h, w = saliency_11HW.shape[2:]
    # Just large enough that the letterbox's own margins are cut away.
    covering_hw = (height, w * height // h) if height * w > width * h else (h * width // w, width)
    top, left = ((side - inner) // 2 for side, inner in zip(covering_hw, frame_hw, strict=True))
    # antialias is what makes PyTorch's filter Pillow's, which widens when it shrinks.
    covering = F.interpolate(saliency_11HW, covering_hw, mode="bilinear", antialias=True)
    inside = covering[0, 0, top : top + height, left : left + width]
    return np.asarray(gaussian_filter(inside.double().numpy(), SIGMA_PIXELS))
