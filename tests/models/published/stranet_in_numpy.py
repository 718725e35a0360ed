"""STRA-Net's published graph in NumPy, from the names of its Keras layers; narrower than in the paper."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
WIDTH = 4
"""Of the paper's 64."""
STAGES = {2: ("abc", 1, 1), 3: ("abcd", 2, 1), 4: ("abcdef", 1, 2), 5: ("abc", 1, 4)}
"""Blocks, stride and dilation."""


class PublishedGraph:
    """The program's graph, one frame after the other, (H, W, C) arrays."""

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.weights = {"/".join(path.removesuffix(":0").split("/")[-2:]): values for path, values in weights.items()}
        self.state: Array | None = None

    def conv(self, layer: str, x: Array, stride: int = 1, dilation: int = 1, is_same: bool = True) -> Array:
        kernel = self.weights[f"{layer}/kernel"]
        return convolved(x, kernel, stride, dilation, is_same) + self.weights[f"{layer}/bias"]

    def norm(self, layer: str, x: Array) -> Array:
        gamma, beta, mean, variance = (
            self.weights[f"{layer}/{leaf}"] for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (x - mean) / np.sqrt(variance + np.float32(1e-3)) * gamma + beta

    def block(self, name: str, x: Array, stride: int, dilation: int) -> Array:
        """`name` such as `M_{}3b_branch`."""

        def part(branch: str, x: Array, stride: int = 1, dilation: int = 1) -> Array:
            conv, norm = (name.format(kind) + branch for kind in ("res", "bn"))
            return self.norm(norm, self.conv(conv, x, stride, dilation))

        inner = relu(part("2b", relu(part("2a", x, stride)), dilation=dilation))
        shortcut = part("1", x, stride) if f"{name.format('res')}1/kernel" in self.weights else x
        return relu(part("2c", inner) + shortcut)

    def stage(self, stream: str, stage: int, x: Array) -> Array:
        blocks, stride, dilation = STAGES[stage]
        for block in blocks:
            x = self.block(f"{stream}_{{}}{stage}{block}_branch", x, stride if block == "a" else 1, dilation)
        return x

    def to_level3(self, stream: str, x: Array) -> Array:
        x = relu(self.norm(f"{stream}_bn_conv1", self.conv(f"{stream}_conv1", x, stride=2, is_same=False)))
        assert x.shape[:2] == (109, 109)
        windows = sliding_window_view(np.pad(x, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf), (3, 3), axis=(0, 1))
        x = windows[::2, ::2].max(axis=(3, 4))
        assert x.shape[:2] == (55, 55)
        return self.stage(stream, 3, self.stage(stream, 2, x))

    def attended(self, number: int, x: Array) -> Array:
        """With the layers conv2d_3k, batch_normalization_k, the program's k-th attention."""
        hidden = self.norm(f"batch_normalization_{number}", relu(self.conv(f"conv2d_{3 * number - 2}", x)))
        scores = np.exp(logistic(self.conv(f"conv2d_{3 * number - 1}", hidden)))
        return x + x * (scores / scores.sum())

    def features(self, image: Array, flows: Array) -> Array:
        m3 = self.to_level3("M", flows)
        m4 = self.stage("M", 4, m3)
        m5 = self.stage("M", 5, m4)
        a3 = self.to_level3("A", image)
        a3 = self.attended(1, a3 + a3 * m3)
        a4 = self.stage("A", 4, a3)
        a4 = self.attended(2, a4 + a4 * relu(self.conv("conv2d_3", np.concatenate([m4, m3], axis=2))))
        a5 = self.stage("A", 5, a4)
        return self.attended(3, a5 + a5 * relu(self.conv("conv2d_6", np.concatenate([m5, m4, m3], axis=2))))

    def recurrent(self, x: Array) -> Array:
        kernel, recurrent = self.weights["ConvGRU2D/kernel"], self.weights["ConvGRU2D/recurrent_kernel"]
        count = 4 * WIDTH
        x_z, x_r, x_h = np.split(convolved(x, kernel) + self.weights["ConvGRU2D/bias"], 3, axis=2)
        h = np.zeros((28, 28, count), np.float32) if self.state is None else self.state
        z = np.clip(0.2 * (x_z + convolved(h, recurrent[..., :count])) + 0.5, 0, 1)
        r = np.clip(0.2 * (x_r + convolved(h, recurrent[..., count : 2 * count])) + 0.5, 0, 1)
        new = np.tanh(x_h + convolved(r * h, recurrent[..., 2 * count :]))
        self.state = (1 - z) * h + z * new
        return self.state

    def predict(self, image: Array, flows: Array) -> Array:
        """(224, 224, 3) and (224, 224, 10) → (224, 224)."""
        x = self.norm("time_distributed_2", self.recurrent(self.features(image, flows)))
        priors = gaussians(self.weights["learning_prior_1/learning_prior_1_W"])
        saliency = logistic(self.conv("time_distributed_3", np.concatenate([x, priors], axis=2)))[..., 0]
        return upsampled(saliency)


def convolved(x: Array, kernel: Array, stride: int = 1, dilation: int = 1, is_same: bool = True) -> Array:
    """Kernel (h, w, in, out); no convolution of the program has both a stride and a size to keep."""
    reach = dilation * (len(kernel) - 1)
    if is_same:
        x = np.pad(x, ((reach // 2, reach // 2), (reach // 2, reach // 2), (0, 0)))
    windows = sliding_window_view(x, (reach + 1, reach + 1), axis=(0, 1))[::stride, ::stride, :, ::dilation, ::dilation]
    return np.tensordot(windows, kernel, axes=([3, 4, 2], [0, 1, 2]))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def gaussians(w: Array) -> Array:
    maps = np.zeros((28, 28, 16), np.float32)
    for n in range(16):
        mean_x, mean_y = min(max(w[n], 0.25), 0.75), min(max(w[16 + n], 0.35), 0.65)
        sigma_x, sigma_y = min(max(w[32 + n], 0.1), 0.9), min(max(w[48 + n], 0.2), 0.8)
        for row in range(28):
            for column in range(28):
                dx, dy = column / 27 - mean_x, row / 27 - mean_y
                value = np.exp(-(dx**2 / (2 * sigma_x**2) + dy**2 / (2 * sigma_y**2)))
                maps[row, column, n] = value / (2 * np.pi * sigma_x * sigma_y)
        maps[..., n] /= maps[..., n].max()
    return maps


def upsampled(x: Array) -> Array:
    """By 8, pixel 8 i at pixel i, the last one repeated."""
    at = np.arange(224) / 8
    rows = np.stack([np.interp(at, np.arange(28), column) for column in x.T], axis=1)
    return np.stack([np.interp(at, np.arange(28), row) for row in rows])
