"""Recurrent layers over maps: what ACLNet, OM-CNN and STRA-Net carry from frame to frame.

"Same" padding on both convolutions; the one over the input alone has a bias. Kernels are odd, so that "same" pads
evenly. The gates of Keras 2 are a piecewise linear sigmoid, not the logistic one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

LSTMState: TypeAlias = tuple[Tensor, Tensor]
"""What was put out and the cell, (B, channels, H, W) each."""


def hard_sigmoid(x: Tensor) -> Tensor:
    """Keras's: 0.2 x + 0.5, held in 0…1. Any shape.

    `torch.nn.functional.hardsigmoid` is another function: its slope is 1/6.

    >>> hard_sigmoid(torch.tensor([-3.0, 0.0, 1.0, 3.0]))
    tensor([0.0000, 0.5000, 0.7000, 1.0000])
    """
    return torch.clamp(0.2 * x + 0.5, 0, 1)


class ConvLSTM(nn.Module):
    """A convolutional LSTM without peepholes (Shi et al., NeurIPS 2015); unless told otherwise, Keras's `ConvLSTM2D`.

    The output channels of both convolutions are the gates i, f, c, o in turn.

    Args:
        inputs: channels of the input.
        channels: of the output and the cell.
        kernel: side of both kernels, odd.
        gate: what the gates i, f and o are put through.
    """

    def __init__(
        self, inputs: int, channels: int, kernel: int, gate: Callable[[Tensor], Tensor] = hard_sigmoid
    ) -> None:
        super().__init__()
        self.gate = gate
        self.input = nn.Conv2d(inputs, 4 * channels, kernel, padding=kernel // 2)
        self.recurrent = nn.Conv2d(channels, 4 * channels, kernel, padding=kernel // 2, bias=False)

    def forward(self, x_BCHW: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        """(B, inputs, H, W) and the state after the frame before, None at the start → (B, channels, H, W), state."""
        # The recurrent convolution has no bias: leaving it out is the same as a state of zeros.
        gates = self.input(x_BCHW)
        if state is not None:
            gates = gates + self.recurrent(state[0])
        i, f, c, o = gates.chunk(4, dim=1)
        cell = self.gate(i) * c.tanh()
        if state is not None:
            cell = cell + self.gate(f) * state[1]
        out = self.gate(o) * cell.tanh()
        return out, (out, cell)


class ConvGRU(nn.Module):
    """A convolutional GRU with Keras's gates: h = (1 − z) · h' + z · tanh(W x + U (r · h')), so that z lets the new in.

    The output channels of `input` are z, r, h in turn, those of `recurrent` z, r; `candidate` is U.

    Args:
        inputs: channels of the input.
        channels: of the output, which is the state.
        kernel: side of every kernel, odd.
    """

    def __init__(self, inputs: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.input = nn.Conv2d(inputs, 3 * channels, kernel, padding=kernel // 2)
        self.recurrent = nn.Conv2d(channels, 2 * channels, kernel, padding=kernel // 2, bias=False)
        self.candidate = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)

    def forward(self, x_BCHW: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, inputs, H, W) and the output for the frame before, None at the start → (B, channels, H, W), twice."""
        z, r, h = self.input(x_BCHW).chunk(3, dim=1)
        if state is None:
            # A state of zeros, without the two convolutions over it.
            out = hard_sigmoid(z) * h.tanh()
            return out, out
        z_state, r_state = self.recurrent(state).chunk(2, dim=1)
        z, r = hard_sigmoid(z + z_state), hard_sigmoid(r + r_state)
        out = (1 - z) * state + z * (h + self.candidate(r * state)).tanh()
        return out, out
