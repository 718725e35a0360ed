"""The bilinear resize of TensorFlow 1, which aligns neither the corners nor the centres of pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def legacy_bilinear(x_BCHW: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(B, C, H, W) → (B, C, h, w), as `tf.image.resize_images` of TensorFlow 1 and Keras layers built on it.

    Output pixel i lies at i · H / h in the input; past the last pixel of the input, that pixel is repeated.

    >>> import torch
    >>> legacy_bilinear(torch.tensor([[[[0.0, 4.0]]]]), (1, 4))
    tensor([[[[0., 2., 4., 4.]]]])
    """
    height, width = size_hw
    # With one more pixel on either grid, aligned corners are just that.
    repeated = F.pad(x_BCHW, (0, 1, 0, 1), mode="replicate")
    resized = F.interpolate(repeated, (height + 1, width + 1), mode="bilinear", align_corners=True)
    return resized[..., :height, :width]
