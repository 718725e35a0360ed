"""Recurrent layers against Keras's algebra written out in NumPy, and against torch's own LSTM."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from gfsalnet.models.published.recurrent import ConvGRU, ConvLSTM, hard_sigmoid

INPUTS, CHANNELS, SIZE_HW = 3, 2, (5, 4)


def same(x_HWC: np.ndarray, kernel_HWIO: np.ndarray) -> np.ndarray:
    """Keras's Conv2D with padding "same", without bias."""
    outputs = [
        sum(correlate2d(x_HWC[..., i], kernel_HWIO[..., i, o], mode="same") for i in range(x_HWC.shape[2]))
        for o in range(kernel_HWIO.shape[3])
    ]
    return np.stack(outputs, axis=2)


def gate(x: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * x + 0.5, 0, 1)


def oihw(kernel_HWIO: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(kernel_HWIO.transpose(3, 2, 0, 1)))


def chw(x_HWC: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(x_HWC.transpose(2, 0, 1)))[None]


def hwc(x_1CHW: torch.Tensor) -> np.ndarray:
    return x_1CHW[0].permute(1, 2, 0).numpy()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_the_gate_is_keras_s_and_not_torch_s() -> None:
    x = torch.tensor([-9, -2.5, -1, 0, 1, 2.5, 9])
    assert hard_sigmoid(x).tolist() == pytest.approx([0, 0, 0.3, 0.5, 0.7, 1, 1])
    assert not torch.allclose(hard_sigmoid(x), torch.nn.functional.hardsigmoid(x), atol=0.01)


@torch.inference_mode()
def test_lstm_is_keras_s_with_gates_i_f_c_o(rng: np.random.Generator) -> None:
    kernel = rng.normal(size=(3, 3, INPUTS, 4 * CHANNELS))
    inner = rng.normal(size=(3, 3, CHANNELS, 4 * CHANNELS))
    bias = rng.normal(size=4 * CHANNELS)
    layer = ConvLSTM(INPUTS, CHANNELS, 3).double()
    state_dict = {"input.weight": oihw(kernel), "input.bias": torch.from_numpy(bias), "recurrent.weight": oihw(inner)}
    layer.load_state_dict(state_dict)
    h = c = np.zeros((*SIZE_HW, CHANNELS))
    state = None
    for x in rng.normal(size=(4, *SIZE_HW, INPUTS)):
        i, f, new, o = np.split(same(x, kernel) + bias + same(h, inner), 4, axis=2)
        c = gate(f) * c + gate(i) * np.tanh(new)
        h = gate(o) * np.tanh(c)
        out, state = layer(chw(x), state)
        np.testing.assert_allclose(hwc(out), h, atol=1e-12)
        np.testing.assert_allclose(hwc(state[1]), c, atol=1e-12)


@torch.inference_mode()
def test_lstm_with_soft_gates_on_one_pixel_is_torch_s() -> None:
    layer = ConvLSTM(INPUTS, CHANNELS, 1, gate=torch.sigmoid)
    cell = torch.nn.LSTMCell(INPUTS, CHANNELS)  # its gates are i, f, g, o, and g is the candidate
    cell.weight_ih.copy_(layer.input.weight[..., 0, 0])
    cell.weight_hh.copy_(layer.recurrent.weight[..., 0, 0])
    cell.bias_ih.copy_(layer.input.bias)
    cell.bias_hh.zero_()
    ours, theirs = None, None
    for x in torch.randn(5, 2, INPUTS, generator=torch.manual_seed(1)):
        out, ours = layer(x[..., None, None], ours)
        theirs = cell(x, theirs)
        torch.testing.assert_close(out[..., 0, 0], theirs[0])


@torch.inference_mode()
def test_gru_is_stra_net_s_with_gates_z_r_h(rng: np.random.Generator) -> None:
    kernel = rng.normal(size=(3, 3, INPUTS, 3 * CHANNELS))
    inner = rng.normal(size=(3, 3, CHANNELS, 3 * CHANNELS))
    bias = rng.normal(size=3 * CHANNELS)
    layer = ConvGRU(INPUTS, CHANNELS, 3).double()
    layer.load_state_dict(
        {
            "input.weight": oihw(kernel),
            "input.bias": torch.from_numpy(bias),
            "recurrent.weight": oihw(inner[..., : 2 * CHANNELS]),
            "candidate.weight": oihw(inner[..., 2 * CHANNELS :]),
        }
    )
    h, state = np.zeros((*SIZE_HW, CHANNELS)), None
    for x in rng.normal(size=(4, *SIZE_HW, INPUTS)):
        x_z, x_r, x_h = np.split(same(x, kernel) + bias, 3, axis=2)
        z = gate(x_z + same(h, inner[..., :CHANNELS]))
        r = gate(x_r + same(h, inner[..., CHANNELS : 2 * CHANNELS]))
        h = (1 - z) * h + z * np.tanh(x_h + same(r * h, inner[..., 2 * CHANNELS :]))
        out, state = layer(chw(x), state)
        np.testing.assert_allclose(hwc(out), h, atol=1e-12)
        assert state is out


@pytest.mark.parametrize(("make", "gates"), [(ConvLSTM, 4), (ConvGRU, 3)])
@torch.inference_mode()
def test_no_state_is_a_state_of_zeros(make: type[ConvLSTM] | type[ConvGRU], gates: int) -> None:
    layer, x, zeros = make(INPUTS, CHANNELS, 3), torch.randn(1, INPUTS, *SIZE_HW), torch.zeros(1, CHANNELS, *SIZE_HW)
    first, _ = layer(x, None)
    torch.testing.assert_close(first, layer(x, (zeros, zeros) if make is ConvLSTM else zeros)[0])
    # one kernel for the input and one for the state per gate, one bias per gate
    expected = gates * CHANNELS * (9 * (INPUTS + CHANNELS) + 1)
    assert sum(p.numel() for p in layer.parameters()) == expected
