"""TensorFlow 1's resize, against its definition written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gfsalnet.models.deep.legacy_bilinear import legacy_bilinear


def by_definition(x: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.float64]:
    (height, width), (new_height, new_width) = x.shape, size_hw
    out = np.zeros(size_hw)
    for i in range(new_height):
        for j in range(new_width):
            y, x_ = i * height / new_height, j * width / new_width
            top, left = int(y), int(x_)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            down, across = y - top, x_ - left
            upper = x[top, left] * (1 - across) + x[top, right] * across
            lower = x[bottom, left] * (1 - across) + x[bottom, right] * across
            out[i, j] = upper * (1 - down) + lower * down
    return out


@pytest.mark.parametrize("size_hw", [(28, 28), (14, 10), (7, 5), (3, 4), (9, 20)])
def test_it_is_what_tensorflow_1_defines(size_hw: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random((7, 5), np.float32)
    resized = legacy_bilinear(torch.from_numpy(x)[None, None], size_hw)
    assert np.allclose(resized[0, 0], by_definition(x, size_hw), atol=1e-6)


def test_half_the_size_is_every_second_pixel() -> None:
    x = torch.rand(2, 3, 8, 6)
    assert torch.allclose(legacy_bilinear(x, (4, 3)), x[:, :, ::2, ::2], atol=1e-6)
