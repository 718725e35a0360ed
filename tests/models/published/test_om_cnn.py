"""OM-CNN and 2C-LSTM, against the published graph written out in NumPy from the names of its variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from drawn_weights import load
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.errors import WeightsError
from gfsalnet.models.published.om_cnn import OMCNN, OMCNNNetwork, _multiply_gates, centre_mask
from gfsalnet.models.published.recurrent import ConvLSTM
from gfsalnet.types import RGB, Frame

Array = NDArray[np.float32]

# Of the program: name, kernel, inputs, outputs; those of stride 2 are named below.
_TABLE = """
conv1 3 3 16, conv3 3 16 32, conv5 3 32 64, conv7 3 64 128, conv9 3 128 256, conv11 3 256 512,
conv13 3 512 1024, conv14 3 1024 1024, conv15 3 1024 1024, conv_9_2 1 256 128, conv_11_2 1 512 128,
conv_15_2 1 1024 128, conv_19 3 542 512, conv_20 1 512 256, conv_21 3 256 128, conv_22 1 128 128,
FNconv1 7 6 64, FNconv2 5 64 128, FNconv3 5 128 256, FNconv3_1 3 256 256, FNconv4 3 256 512,
FNconv4_1 3 512 512, FNconv5 3 512 512, FNconv5_1 3 512 512, FNconv6 3 512 1024, FNconv6_1 3 1024 1024,
FNDownconv_3_1 3 256 128, FNDownconv_4_1 3 512 128, FNDownconv_5_1 3 512 128, FNDownconv_6_1 3 1024 128,
Lastconv_1 3 1054 512, Lastconv_2 1 512 512, Lastconv_3 3 512 256, Lastconv_4 1 256 128
"""
CONVOLUTIONS = {name: tuple(map(int, sizes)) for name, *sizes in (row.split() for row in _TABLE.split(","))}
HALVING = ("FNconv1", "FNconv2", "FNconv3", "FNconv4", "FNconv5", "FNconv6")
NORMED = ("conv1", "conv3", "conv5", "conv7", "conv9", "conv11")
UPSAMPLINGS = {"deconv_23": (128, 16), "deconv_24": (16, 1), "deconv": (128, 16), "deconv2": (16, 1)}
DENSE = {"fc16": (50176, 256), "fc17": (256, 4096), "fc18": (4096, 1470)}


def shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, (kernel, inputs, outputs) in CONVOLUTIONS.items():
        yield from ((f"{name}/weights", (kernel, kernel, inputs, outputs)), (f"{name}/biases", (outputs,)))
    for name in NORMED:
        for leaf in ("gamma", "beta", "moving_mean", "moving_variance"):
            yield f"{name}/batch_normalization/{leaf}", (CONVOLUTIONS[name][2],)
    for name, (inputs, outputs) in UPSAMPLINGS.items():
        yield from ((f"{name}/weights", (4, 4, outputs, inputs)), (f"{name}/biases", (outputs,)))
    for name, shape in DENSE.items():
        yield from ((f"{name}/weights", shape), (f"{name}/biases", shape[1:]))
    for layer in (1, 2):
        for gate in (1, 2, 3, 4):
            for source in "hi":
                yield f"lstm_layer{layer}{source}{gate}/weights", (3, 3, 128, 128)
            yield f"lstm_layer{layer}i{gate}/biases", (128,)


def random_variables() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)
    variables: dict[str, NDArray[Any]] = {"Variable": np.array(200000, np.int32)}
    for name, shape in shapes():
        values = rng.standard_normal(shape, np.float32)
        if name.endswith("weights"):
            fan_in = np.prod(shape[:-1]) if not name.startswith("deconv") else 4 * shape[3]
            values *= np.float32(np.sqrt(2 / fan_in))
        elif name.endswith(("gamma", "moving_variance")):
            values = np.float32(0.5) + abs(values)
        variables[f"inference/{name}"] = values
    for leaf in ("weights", "biases"):
        for slot in ("Adam", "Adam_1"):
            variables[f"inference/deconv2/{leaf}/{slot}"] = variables[f"inference/deconv2/{leaf}"]
    return variables | {"beta1_power": np.float32(0.9), "beta2_power": np.float32(0.999)}


class PublishedGraph:
    """The program's graph on one frame, (H, W, C) arrays."""

    def __init__(self, variables: dict[str, NDArray[Any]], dropout_scale: float = 1) -> None:
        self.variables, self.dropout_scale = variables, dropout_scale

    def of(self, name: str) -> Array:
        return self.variables[f"inference/{name}"]

    def conv(self, name: str, x: Array) -> Array:
        stride = 2 if name in HALVING else 1
        y = convolved(x, self.of(f"{name}/weights"), stride) + self.of(f"{name}/biases")
        if name in NORMED:
            gamma, beta, mean, variance = (
                self.of(f"{name}/batch_normalization/{leaf}")
                for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
            )
            y = gamma * (y - mean) / np.sqrt(variance + 0.001) + beta
        return leaky(y)

    def upsampling(self, first: str, second: str, x: Array) -> Array:
        return self.transposed(second, leaky(self.transposed(first, x)))

    def transposed(self, name: str, x: Array) -> Array:
        """Every input pixel adds its kernel, (h, w, out, in), to what is around it; a pixel is cut on each side."""
        kernel = self.of(f"{name}/weights")
        height, width, _ = x.shape
        out = np.zeros((2 * height + 2, 2 * width + 2, kernel.shape[2]), np.float32)
        for row in range(4):
            for column in range(4):
                out[row : row + 2 * height : 2, column : column + 2 * width : 2] += x @ kernel[row, column].T
        return out[1:-1, 1:-1] + self.of(f"{name}/biases")

    def dense(self, name: str, x: Array) -> Array:
        return x @ self.of(f"{name}/weights") + self.of(f"{name}/biases")

    def objectness(self, x: Array) -> Array:
        for name in ("conv1", "conv3", "conv5"):
            x = pooled(self.conv(name, x))
        conv7 = self.conv("conv7", x)
        conv9 = self.conv("conv9", pooled(conv7))
        conv11 = self.conv("conv11", pooled(conv9))
        conv15 = self.conv("conv15", self.conv("conv14", self.conv("conv13", pooled(conv11))))
        flat = np.transpose(conv15, (2, 0, 1)).reshape(-1)
        detections = self.dense("fc18", leaky(self.dense("fc17", leaky(self.dense("fc16", flat)))))
        parts = [conv7, self.conv("conv_9_2", conv9), self.conv("conv_11_2", conv11), self.conv("conv_15_2", conv15)]
        parts.append(detections.reshape(7, 7, 30))
        y, x_ = np.mgrid[:28, :28]
        distance = np.sqrt((y - 14) ** 2 + (x_ - 14) ** 2)
        centre = (1 - distance / distance.max()).astype(np.float32)
        return np.concatenate([resized(part, 28) for part in parts], axis=2) * centre[..., None]

    def motion(self, pair: Array, mask: Array) -> Array:
        x = pair
        for name in ("FNconv1", "FNconv2", "FNconv3", "FNconv3_1"):
            x = self.conv(name, x)
            x = x * resized(mask, len(x))
        conv4 = self.conv("FNconv4", x)
        conv4_1 = self.conv("FNconv4_1", conv4 * resized(mask, len(conv4)))
        conv5_1 = self.conv("FNconv5_1", self.conv("FNconv5", conv4_1))
        conv6_1 = self.conv("FNconv6_1", self.conv("FNconv6", conv5_1))
        parts = {"6": conv6_1, "5": conv5_1, "4": conv4_1, "3": x}
        return np.concatenate([resized(self.conv(f"FNDownconv_{n}_1", part), 28) for n, part in parts.items()], axis=2)

    def recurrent(self, layer: str, x: Array, c: Array, h: Array) -> tuple[Array, Array]:
        i, j, f, o = (
            (
                convolved(h, self.of(f"{layer}h{gate}/weights"))
                + convolved(x, self.of(f"{layer}i{gate}/weights"))
                + self.of(f"{layer}i{gate}/biases")
            )
            / self.dropout_scale
            for gate in (1, 2, 3, 4)
        )
        c = c * logistic(f + 1) + logistic(i) * np.tanh(j)
        return c, np.tanh(c) * logistic(o)

    def features(self, pictures: list[RGB]) -> list[Array]:
        """What the recurrent layers get of each frame."""
        frames = [cv2.resize(rgb, (448, 448)).astype(np.float32) / 255 * 2 - 1 for rgb in pictures]
        features = []
        for frame, later in zip(frames, (frames + frames[-1:] * 5)[5:], strict=True):
            objects = self.objectness(frame)
            coarse = objects
            for name in ("conv_19", "conv_20", "conv_21", "conv_22"):
                coarse = self.conv(name, coarse)
            mask = stretched(self.upsampling("deconv_23", "deconv_24", coarse)) * 0.5 + 0.5
            x = np.concatenate([objects, self.motion(np.concatenate([frame, later], axis=2), mask)], axis=2)
            for number in (1, 2, 3, 4):
                x = self.conv(f"Lastconv_{number}", x)
            features.append(x)
        return features

    def predict(self, features: list[Array]) -> list[Array]:
        c1, h1, c2, h2 = (np.zeros((28, 28, 128), np.float32) for _ in range(4))
        maps = []
        for x in features:
            c1, h1 = self.recurrent("lstm_layer1", x, c1, h1)
            c2, h2 = self.recurrent("lstm_layer2", h1, c2, h2)
            maps.append(stretched(self.upsampling("deconv", "deconv2", h2))[..., 0])
        return maps


def convolved(x: Array, kernel: Array, stride: int = 1) -> Array:
    """Padded by half the kernel on every side, kernel (h, w, in, out)."""
    side = len(kernel) // 2
    padded = np.pad(x, ((side, side), (side, side), (0, 0)))
    windows = sliding_window_view(padded, kernel.shape[:2], axis=(0, 1))[::stride, ::stride]
    return np.tensordot(windows, kernel, axes=([3, 4, 2], [0, 1, 2]))


def pooled(x: Array) -> Array:
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))


def resized(x: Array, side: int) -> Array:
    at = np.arange(side) * (len(x) / side)
    first = at.astype(int)
    second = np.minimum(first + 1, len(x) - 1)
    share = (at - first).astype(np.float32)[:, None, None]
    rows = x[first] * (1 - share) + x[second] * share
    share = share.reshape(1, -1, 1)
    return rows[:, first] * (1 - share) + rows[:, second] * share


def leaky(x: Array) -> Array:
    return np.where(x > 0, x, np.float32(0.1) * x)


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def stretched(x: Array) -> Array:
    return (x - x.min()) / (x.max() - x.min() + 1e-7)


def clip(count: int) -> list[RGB]:
    rng = np.random.default_rng(1)
    return [cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (80, 60)) for _ in range(count)]


@pytest.fixture(scope="module")
def variables() -> dict[str, NDArray[Any]]:
    return random_variables()


@pytest.fixture(scope="module")
def model(variables: dict[str, NDArray[Any]]) -> OMCNN:
    return load(OMCNN, variables)


@pytest.fixture(scope="module")
def blank() -> OMCNN:
    """All weights 0, for what does not depend on them: to draw 84 million takes seconds."""
    return load(OMCNN, {f"inference/{name}": np.zeros(shape, np.float32) for name, shape in shapes()})


@pytest.fixture(scope="module")
def features(variables: dict[str, NDArray[Any]]) -> list[Array]:
    """Of two frames that are the same, in the published graph."""
    return PublishedGraph(variables).features(clip(1)) * 2


@pytest.fixture(scope="module")
def on_paper() -> OMCNNNetwork:
    """Shapes alone."""
    with torch.device("meta"):
        return OMCNNNetwork()


def predict(model: OMCNN, pictures: list[RGB]) -> list[NDArray[np.float64]]:
    with torch.inference_mode():
        return list(model.predict_shot((rgb, None) for rgb in pictures))


@pytest.mark.slow  # stages, gates, windows and the order of names are in the other tests
def test_it_is_the_published_graph(model: OMCNN, variables: dict[str, NDArray[Any]], features: list[Array]) -> None:
    """A still video, in which the recurrent layers' state alone changes."""
    for ours, theirs in zip(predict(model, clip(1) * 2), PublishedGraph(variables).predict(features), strict=True):
        assert np.allclose(ours, theirs, atol=2e-4)


@pytest.mark.slow  # which frame the motion leads to is in the test of windows
def test_motion_is_that_of_the_published_graph(model: OMCNN, variables: dict[str, NDArray[Any]]) -> None:
    published = PublishedGraph(variables)
    expected = published.predict(published.features(clip(2)))
    for ours, theirs in zip(predict(model, clip(2)), expected, strict=True):
        assert ours.shape == (112, 112)
        assert ours.std() > 0.05
        assert np.allclose(ours, theirs, atol=2e-4)


def test_a_gain_multiplies_all_that_enters_the_gates_but_the_1_that_is_added_to_f() -> None:
    layer = ConvLSTM(2, 3, 3)
    with torch.no_grad():
        for values in layer.parameters():
            values.fill_(0.5)
    _multiply_gates(layer, 4)
    biases = layer.input.bias.chunk(4)
    assert [float(bias[0]) for bias in biases] == [2, (0.5 - 1) * 4 + 1, 2, 2]
    assert all((values == 2).all() for name, values in layer.named_parameters() if not name.endswith("input.bias"))


@pytest.mark.slow
def test_a_gate_gain_of_4_is_the_released_demo(variables: dict[str, NDArray[Any]], features: list[Array]) -> None:
    """It divides by its constant of 0.25 what enters the gates, biases included, but not the 1 added to f."""
    model = load(OMCNN, variables, settings={"gate_gain": 4})
    assert model.describe()["gate_gain"] == 4
    published = PublishedGraph(variables, dropout_scale=0.25).predict(features)
    for ours, theirs in zip(predict(model, clip(1) * 2), published, strict=True):
        assert np.allclose(ours, theirs, atol=5e-4)
    assert np.abs(published[1] - PublishedGraph(variables).predict(features)[1]).max() > 0.1


def test_the_gain_is_1_unless_chosen(blank: OMCNN) -> None:
    assert blank.describe()["gate_gain"] == 1
    for settings, words in (
        ({"gain": 4}, "has no setting gain.*gate_gain"),
        ({"gate_gain": 0}, "gate_gain is 0, no positive number"),
        ({"gate_gain": "4"}, "gate_gain is '4', no positive number"),
    ):
        with pytest.raises(WeightsError, match=words):
            OMCNN.checked_settings(settings)


@pytest.mark.slow
def test_a_clip_of_one_frame_is_the_first_of_a_still_one(model: OMCNN) -> None:
    pictures = clip(1)
    assert np.array_equal(predict(model, pictures)[0], predict(model, pictures * 2)[0])


class Recorder(nn.Module):
    """Stands in for the network: remembers which frames it saw and whether it started anew."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, int, bool]] = []

    def forward(self, frame: Tensor, later: Tensor, state: int | None) -> tuple[Tensor, int]:
        seen, after = (round(float((x.mean() + 1) / 2 * 255)) for x in (frame, later))
        self.calls.append((seen, after, state is None))
        return torch.zeros(1, 1, 112, 112), 1


def test_windows_of_16_frames_look_5_ahead(blank: OMCNN, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(blank, "network", recorder)
    pictures = [np.full((4, 6, 3), number, np.uint8) for number in range(37)]
    assert len(predict(blank, pictures)) == 37
    assert recorder.calls == [(number, min(number + 5, 36), number in (0, 16, 32)) for number in range(37)]


@pytest.mark.slow
def test_weights_that_are_no_numbers_are_named(blank: OMCNN) -> None:
    bias = blank.network.readout.deconv2.bias
    kept = bias.detach().clone()
    try:
        bias.data.fill_(np.nan)
        with pytest.raises(WeightsError, match="om-cnn"):
            next(blank.stream([Frame(clip(1)[0])]))
    finally:
        bias.data.copy_(kept)


def test_sizes_are_the_published_ones(on_paper: OMCNNNetwork) -> None:
    """25.2 M in the convolutions of the detector, 19.9 M in its dense layers, 24.05 M in FlowNet."""
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in named_layers(on_paper).items()}
    detector = [f"conv{n}" for n in (1, 3, 5, 7, 9, 11, 13, 14, 15)]
    assert sum(counts[name] for name in detector) == pytest.approx(25.2e6, rel=0.01)
    assert sum(counts[name] for name in DENSE) == pytest.approx(19.9e6, rel=0.01)
    assert sum(count for name, count in counts.items() if name.startswith("FNconv")) == pytest.approx(24.05e6, rel=0.01)
    assert sum(p.numel() for p in on_paper.parameters()) == 83_726_752


def test_the_checkpoint_has_the_size_of_the_published_one(on_paper: OMCNNNetwork) -> None:
    """344 MB: with Adam's two slots for what the program trained, which is what it collected as trainable."""
    trained = (on_paper.lstm_layer1.input, on_paper.lstm_layer2.input, on_paper.readout)
    slots = 2 * sum(p.numel() for part in trained for p in part.parameters())
    stored = sum(values.numel() for values in on_paper.state_dict().values() if values.is_floating_point())
    assert 4 * (stored + slots) / 1e6 == pytest.approx(344, abs=1)


def test_stages_have_the_published_shapes(on_paper: OMCNNNetwork) -> None:
    seen: dict[str, tuple[int, ...]] = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, out, name=name: seen.update({name: tuple(out.shape[1:])}))
        for name, layer in (named_layers(on_paper) | dict(on_paper.named_children())).items()
        if not name.startswith("lstm")
    ]
    frame = torch.empty(1, 3, 448, 448, device="meta")
    out, _ = on_paper.eval()(frame, frame, None)
    for hook in hooks:
        hook.remove()
    expected = {"conv7": (128, 56, 56), "conv9": (256, 28, 28), "conv11": (512, 14, 14), "conv15": (1024, 7, 7)}
    expected |= {"fc18": (1470,), "objectness": (542, 28, 28), "deconv_23": (16, 56, 56), "coarse": (1, 112, 112)}
    expected |= {"FNconv1": (64, 224, 224), "FNconv3_1": (256, 56, 56), "FNconv4_1": (512, 28, 28)}
    expected |= {"FNconv6_1": (1024, 7, 7), "motion": (512, 28, 28), "fusion": (128, 28, 28), "readout": (1, 112, 112)}
    assert {name: seen[name] for name in expected} == expected
    assert out.shape == (1, 1, 112, 112)


def named_layers(network: OMCNNNetwork) -> dict[str, nn.Module]:
    return {name: layer for part in network.children() for name, layer in part.named_children()}


def test_gates_are_joined_in_our_order_with_1_added_to_forget() -> None:
    gates = {f"inference/{name}": np.full(shape, float(name[12])) for name, shape in shapes() if "layer1i" in name}
    converted = OMCNN.from_official(gates)
    assert converted["lstm_layer1.input.weight"][::128, 0, 0, 0].tolist() == [1, 3, 2, 4]
    assert converted["lstm_layer1.input.bias"][::128].tolist() == [1, 3 + 1, 2, 4]


def test_the_centre_weighs_most() -> None:
    mask = centre_mask(28)
    assert mask[14, 14] == 1
    assert mask[0, 0] == 0
    assert mask[14, 0] == pytest.approx(1 - 1 / np.sqrt(2))
    assert mask[27, 14] == pytest.approx(1 - 13 / np.hypot(14, 14))


def test_names_that_are_not_known_are_left_to_the_report(on_paper: OMCNNNetwork) -> None:
    zeros = {f"inference/{name}": np.broadcast_to(np.float32(0), shape) for name, shape in shapes()}
    expected = {name: tuple(values.shape) for name, values in on_paper.state_dict().items()}
    small = {name: values for name, values in zeros.items() if "/FN" not in name and "/fc" not in name}
    converted = OMCNN.from_official(small | {"inference/other/weights": np.zeros(3)})
    missing = {name for name in expected if name not in converted}
    assert missing == {name for name in expected if ".FN" in name or ".fc" in name}
    assert [name for name in converted if name not in expected] == ["inference/other/weights"]
    assert all(converted[name].shape == expected[name] for name in expected if name in converted)


def test_a_gate_that_is_missing_is_reported() -> None:
    gates = {f"inference/{name}": np.zeros(shape, np.float32) for name, shape in shapes() if "layer1i" in name}
    del gates["inference/lstm_layer1i3/weights"]
    converted = OMCNN.from_official(gates)
    assert sorted(converted) == [*(f"inference/lstm_layer1i{n}/weights" for n in (1, 2, 4)), "lstm_layer1.input.bias"]


def test_another_file_is_refused() -> None:
    with pytest.raises(WeightsError, match="no variable whose name begins with inference/"):
        OMCNN.from_official({"conv1/kernel": np.zeros(3)})
