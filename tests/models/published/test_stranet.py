"""STRA-Net, against the published graph written out in NumPy from the names of its Keras layers, on narrow streams."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from drawn_weights import load
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from stranet_in_numpy import STAGES, WIDTH, Array, PublishedGraph, gaussians
from torch import nn

from gfsalnet.errors import WeightsError
from gfsalnet.flow import DISFlow
from gfsalnet.models.published.base import FrameAndFlow
from gfsalnet.models.published.stranet import STRANet, STRANetwork, flow_planes, gaussian_maps
from gfsalnet.types import RGB, FlowField, Frame


class Narrow(STRANet):
    @classmethod
    def make_network(cls) -> STRANetwork:
        return STRANetwork(WIDTH)


def shapes(width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What a file of `save_weights` holds: the layer, its path, and the shape of each weight."""
    c3, c4, c5, hidden = 8 * width, 16 * width, 32 * width, 4 * width
    features = [*backbone_shapes("M", 10, width), *backbone_shapes("A", 3, width)]
    kernels = [(3, c3, c3 // 2), (1, c3 // 2, 1), (3, c3 + c4, c4), (3, c4, c4 // 2), (1, c4 // 2, 1)]
    kernels += [(3, c3 + c4 + c5, c5), (3, c5, c5 // 2), (1, c5 // 2, 1), (1, c3, 1), (1, c4, 1), (1, c5, 1)]
    for number, sizes in enumerate(kernels, 1):
        features += conv_shapes(f"conv2d_{number}", *sizes)
    for number, channels in enumerate((c3, c4, c5), 1):
        features += norm_shapes(f"batch_normalization_{number}", channels // 2)
    yield from ((f"time_distributed_1/{name}:0", shape) for name, shape in features)
    yield "ConvGRU2D/ConvGRU2D/kernel:0", (3, 3, c5, 3 * hidden)
    yield "ConvGRU2D/ConvGRU2D/recurrent_kernel:0", (3, 3, hidden, 3 * hidden)
    yield "ConvGRU2D/ConvGRU2D/bias:0", (3 * hidden,)
    wrapped = [*norm_shapes("time_distributed_2", hidden), *conv_shapes("time_distributed_3", 1, hidden + 16, 1)]
    yield from ((f"{name.split('/')[0]}/{name}:0", shape) for name, shape in wrapped)
    yield "learning_prior_1/learning_prior_1/learning_prior_1_W:0", (64,)


def backbone_shapes(stream: str, inputs: int, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from conv_shapes(f"{stream}_conv1", 7, inputs, width)
    yield from norm_shapes(f"{stream}_bn_conv1", width)
    inputs = width
    for stage, (blocks, _, _) in STAGES.items():
        inner = width * 2 ** (stage - 2)
        for block in blocks:
            branches = {"2a": (1, inputs, inner), "2b": (3, inner, inner), "2c": (1, inner, 4 * inner)}
            if block == "a":
                branches["1"] = (1, inputs, 4 * inner)
            for branch, sizes in branches.items():
                yield from conv_shapes(f"{stream}_res{stage}{block}_branch{branch}", *sizes)
                yield from norm_shapes(f"{stream}_bn{stage}{block}_branch{branch}", sizes[2])
            inputs = 4 * inner


def conv_shapes(name: str, kernel: int, inputs: int, outputs: int) -> list[tuple[str, tuple[int, ...]]]:
    return [(f"{name}/kernel", (kernel, kernel, inputs, outputs)), (f"{name}/bias", (outputs,))]


def norm_shapes(name: str, channels: int) -> list[tuple[str, tuple[int, ...]]]:
    return [(f"{name}/{leaf}", (channels,)) for leaf in ("gamma", "beta", "moving_mean", "moving_variance")]


def random_weights() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)
    weights: dict[str, NDArray[Any]] = {}
    for path, shape in shapes(WIDTH):
        values = rng.standard_normal(shape, np.float32)
        if path.endswith("kernel:0"):
            values *= np.float32(np.sqrt(1 / np.prod(shape[:-1])))
        elif path.endswith(("gamma:0", "variance:0")):
            values = np.float32(0.5) + abs(values) / 2
        elif path.endswith("_W:0"):
            values = rng.uniform(0, 1, shape).astype(np.float32)
        else:
            values *= np.float32(0.1)
        weights[path] = values
    # Flow and colours are large, and nothing that is squashed should be at its limits.
    for stream in "AM":
        weights[f"time_distributed_1/{stream}_conv1/kernel:0"] /= 10
    for number in (3, 6):
        weights[f"time_distributed_1/conv2d_{number}/kernel:0"] /= 5
    weights["ConvGRU2D/ConvGRU2D/kernel:0"] /= 10
    return weights


@pytest.fixture(scope="module")
def weights() -> dict[str, NDArray[Any]]:
    return random_weights()


@pytest.fixture(scope="module")
def model(weights: dict[str, NDArray[Any]]) -> Narrow:
    return load(Narrow, weights, estimator=DISFlow("fast"))


@pytest.fixture(scope="module")
def on_paper() -> STRANetwork:
    """Shapes alone, at the paper's width."""
    with torch.device("meta"):
        return STRANetwork()


def clip(count: int, size_hw: tuple[int, int]) -> list[tuple[RGB, FlowField]]:
    """Smooth pictures and flows; the first flow is zero, as there is nothing before it."""
    rng = np.random.default_rng(2)
    pictures = []
    for number in range(count):
        noise = gaussian_filter(rng.standard_normal((*size_hw, 5)), (6, 6, 0))
        noise /= noise.std()
        rgb = np.clip(127 + 60 * noise[..., :3], 0, 255).astype(np.uint8)
        pictures.append((rgb, FlowField((noise[..., 3:] * 12 * (number > 0)).astype(np.float32))))
    return pictures


def predict(model: STRANet, pictures: list[FrameAndFlow]) -> list[NDArray[np.float64]]:
    with torch.inference_mode():
        return list(model.predict_shot(iter(pictures)))


def published_input(pictures: list[tuple[RGB, FlowField]], number: int) -> tuple[Array, Array]:
    """Of a frame that fills the letterbox. Flow k leads from frame k to the next; the last one is repeated."""
    rgb = pictures[number][0].astype(np.float32)
    image = (rgb - np.array([103.939, 116.779, 123.68], np.float32))[:, :, ::-1]
    leaving = [field.flow_pixels for _, field in pictures[1:]] or [pictures[0][1].flow_pixels]
    leaving += leaving[-1:] * 6
    flows = np.concatenate(leaving[number : number + 5], axis=2).copy()
    flows[abs(flows) < 0.1] = 0
    return image, np.minimum(np.maximum(flows, -20), 20)[:, :, ::-1]


@pytest.mark.slow
def test_it_is_the_published_graph(model: Narrow, weights: dict[str, NDArray[Any]]) -> None:
    """Three frames in double precision, in which even the little that attention adds shows."""
    graph = PublishedGraph({path: values.astype(np.float64) for path, values in weights.items()})
    network, state = copy.deepcopy(model.network).double(), None
    pictures = clip(3, (224, 224))
    for number in range(3):
        image, flows = (x.astype(np.float64) for x in published_input(pictures, number))
        with torch.inference_mode():
            x, y = (torch.from_numpy(np.ascontiguousarray(z)).permute(2, 0, 1)[None] for z in (image, flows))
            features = network.features(x, y)[0].permute(1, 2, 0).numpy()
            saliency, state = network(x, y, state)
        assert np.abs(features - graph.features(image, flows)).max() < 1e-6 * features.std()
        assert saliency.std() > 0.05
        assert np.allclose(saliency[0, 0], graph.predict(image, flows), atol=1e-6)


@pytest.mark.parametrize("length", [1, 3])
def test_frames_and_flows_become_blurred_and_stretched_maps(
    model: Narrow, weights: dict[str, NDArray[Any]], length: int
) -> None:
    pictures = clip(length, (224, 224))
    graph = PublishedGraph(weights)
    maps = predict(model, list(pictures))
    assert len(maps) == length
    for number, ours in enumerate(maps):
        theirs = gaussian_filter(graph.predict(*published_input(pictures, number)), 7)
        theirs = (theirs - theirs.min()) / (theirs.max() - theirs.min())
        assert np.allclose(ours, theirs, atol=1e-4)


def test_flows_are_five_from_the_frame_on(model: Narrow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine frames whose flow is their number: u = n, v = −n."""
    seen: list[list[float]] = []

    class Recorder(nn.Module):
        def forward(self, image: torch.Tensor, flows: torch.Tensor, state: int | None) -> tuple[torch.Tensor, int]:
            assert (state is None) == (not seen)
            seen.append(flows[0, :, 112, 112].tolist())
            return torch.rand(1, 1, 224, 224), 1

    monkeypatch.setattr(model, "network", Recorder())
    numbers = [np.float32(number) * np.array([1, -1], np.float32) for number in range(9)]
    pictures = [(np.zeros((20, 20, 3), np.uint8), FlowField(np.tile(n, (20, 20, 1)))) for n in numbers]
    assert len(predict(model, list(pictures))) == 9
    for number, flows in enumerate(seen):
        leading = [min(number + ahead, 8) for ahead in (5, 4, 3, 2, 1)]
        assert flows == [sign * n for n in leading for sign in (-1, 1)]


def test_frames_are_read_five_ahead(model: Narrow) -> None:
    taken = 0

    def pictures() -> Iterator[FrameAndFlow]:
        nonlocal taken
        for picture in clip(8, (30, 40)):
            taken += 1
            yield picture

    with torch.inference_mode():
        saliency = next(model.predict_shot(pictures()))
    assert taken == 1 + STRANet.lookahead_frames
    assert saliency.shape == (30, 40)


def test_flow_is_filled_in_row_by_row_from_its_start() -> None:
    """What `numpy.resize` does: the first 126 · 224 values in order, whatever the width they come from."""
    rng = np.random.default_rng(3)
    flow = (rng.standard_normal((360, 640, 2)) * 15).astype(np.float32)
    planes = flow_planes(FlowField(flow), (360, 640))[0].numpy()
    for plane, component in zip(planes, (flow[..., 1], flow[..., 0]), strict=True):
        values = component.reshape(-1)[: 126 * 224]
        values = np.where(np.abs(values) < 0.1, 0, np.clip(values, -20, 20))
        assert np.array_equal(plane[49:175].reshape(-1), values)
        assert not plane[:49].any()
        assert not plane[175:].any()
        assert np.abs(plane).max() == 20


def test_flow_counts_pixels_of_the_frame() -> None:
    """An estimator that works at half the size gives half the vectors; a small picture's values are used again."""
    half = FlowField(np.tile(np.array([3, -2], np.float32), (10, 10, 1)))
    planes = flow_planes(half, (20, 20))[0]
    assert torch.equal(planes[0], torch.full((224, 224), -4.0))
    assert torch.equal(planes[1], torch.full((224, 224), 6.0))


def test_priors_are_gaussians_held_in_their_ranges() -> None:
    w = np.random.default_rng(4).uniform(-0.5, 1.5, 64).astype(np.float32)
    maps = gaussian_maps(torch.from_numpy(w).view(4, 16), (28, 28))
    assert np.allclose(maps.permute(1, 2, 0), gaussians(w), atol=1e-5)


def test_maps_have_the_frames_size_and_reach_from_0_to_1(model: Narrow) -> None:
    frames = [Frame(rgb, index=number) for number, (rgb, _) in enumerate(clip(2, (60, 100)))]
    maps = predict(model, [(frame.rgb, FlowField(np.zeros((60, 100, 2), np.float32))) for frame in frames])
    assert [(m.shape, m.min(), m.max()) for m in maps] == [((60, 100), 0, 1)] * 2
    predictions = list(model.stream(frames))
    assert [p.frame_index for p in predictions] == [0, 1]
    assert predictions[1].flow is not None


def test_it_needs_flow() -> None:
    with pytest.raises(ValueError, match="stra-net needs an optical flow estimator"):
        STRANet({}, weights_hash="none")


def test_weights_that_are_no_numbers_are_named(weights: dict[str, NDArray[Any]]) -> None:
    damaged = weights | {"time_distributed_3/time_distributed_3/bias:0": np.full(1, np.nan, np.float32)}
    broken = load(Narrow, damaged, estimator=DISFlow("fast"))
    with pytest.raises(WeightsError, match="stra-net"):
        next(broken.stream([Frame(clip(1, (40, 40))[0][0])]))


def test_the_published_file_has_every_weight_of_the_paper(on_paper: STRANetwork) -> None:
    """641 MB (of 2^20 bytes) with the side outputs; nothing is missing, nothing left, every shape fits."""
    official = {path: np.broadcast_to(np.float32(0), shape) for path, shape in shapes(64)}
    assert 4 * sum(values.size for values in official.values()) / 2**20 == pytest.approx(641, abs=0.5)
    assert sum(p.numel() for p in on_paper.parameters()) == 168_016_916
    narrow = {path: np.broadcast_to(np.float32(0), shape) for path, shape in shapes(WIDTH)}
    with torch.device("meta"):
        expected = {name: tuple(values.shape) for name, values in STRANetwork(WIDTH).state_dict().items()}
    assert {name: values.shape for name, values in Narrow.from_official(narrow).items()} == expected


def test_stages_have_the_published_shapes(on_paper: STRANetwork) -> None:
    seen: dict[str, tuple[int, ...]] = {}
    for name in ("motion.conv1", "motion.res2", "motion.res3", "appearance.res4", "appearance.res5", "gru.input"):
        layer = on_paper.get_submodule(name)
        layer.register_forward_hook(lambda _, __, out, name=name: seen.update({name: tuple(out.shape[1:])}))
    image, flows = (torch.empty(1, channels, 224, 224, device="meta") for channels in (3, 10))
    saliency, state = on_paper.eval()(image, flows, None)
    assert seen == {
        "motion.conv1": (64, 109, 109),
        "motion.res2": (256, 55, 55),
        "motion.res3": (512, 28, 28),
        "appearance.res4": (1024, 28, 28),
        "appearance.res5": (2048, 28, 28),
        "gru.input": (768, 28, 28),
    }
    assert saliency.shape == (1, 1, 224, 224)
    assert state.shape == (1, 256, 28, 28)


def test_numbers_are_an_order_and_need_not_start_at_1(weights: dict[str, NDArray[Any]]) -> None:
    """Keras goes on counting where a program makes other models before: 1 to 11 become 95 to 105."""
    renamed = {re.sub(r"conv2d_(\d+)", lambda m: f"conv2d_{int(m[1]) + 94}", path): v for path, v in weights.items()}
    assert "time_distributed_1/conv2d_95/kernel:0" in renamed
    expected = Narrow.from_official(weights)
    assert all(np.array_equal(values, expected[name]) for name, values in Narrow.from_official(renamed).items())


def test_names_that_are_not_known_are_left_to_the_report(weights: dict[str, NDArray[Any]]) -> None:
    converted = Narrow.from_official(weights | {"dense_1/dense_1/kernel:0": np.zeros((2, 3))})
    assert converted["dense_1/dense_1/kernel:0"].shape == (2, 3)


def test_another_file_is_refused() -> None:
    with pytest.raises(WeightsError, match="no layers named A_res"):
        STRANet.from_official({"conv1/conv1/kernel:0": np.zeros((3, 3, 3, 4))})
