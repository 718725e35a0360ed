"""Bak et al.: the whole network in NumPy from official blobs, Caffe's pooling by hand, the pictures and the map."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from drawn_weights import load
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from gfsalnet.errors import WeightsError
from gfsalnet.flow import DISFlow, FarnebackFlow
from gfsalnet.models.published.stsconvnet import SSNet, STSConvNet, STSMaxNet, TSNet, finish, flow_picture, shrunk_hw
from gfsalnet.types import FlowField, Frame
from gfsalnet.video import open_source

Array = NDArray[Any]
STREAM = {
    "conv1": (3, 96, 7),
    "conv2": (96, 256, 5),
    "conv3": (256, 512, 3),
    "conv4": (512, 512, 5),
    "conv5": (512, 512, 5),
}
HEAD = {"conv6": (512, 256, 7), "conv7": (256, 128, 11), "conv8": (128, 32, 11), "conv9": (32, 1, 13)}
LAYERS = STREAM | {f"{name}_b": sizes for name, sizes in STREAM.items()} | {"conv_fuse": (1024, 512, 1)} | HEAD


@pytest.fixture(scope="module")
def blobs() -> dict[str, Array]:
    """Laid out as in the caffemodel: (outputs, inputs, rows, columns) and (outputs,); signals stay alive."""
    rng = np.random.default_rng(0)
    drawn = {}
    for name, (inputs, outputs, side) in LAYERS.items():
        kernel = rng.standard_normal((outputs, inputs, side, side), np.float32)
        drawn[f"{name}/0"] = kernel * np.float32(math.sqrt(2 / (inputs * side * side)))
        drawn[f"{name}/1"] = rng.standard_normal(outputs, np.float32) / 10
    drawn["deconv1/0"] = rng.standard_normal((1, 1, 8, 8), np.float32)
    return drawn


def build(kind: type[STSConvNet], official: dict[str, Array]) -> STSConvNet:
    return load(kind, official, estimator=FarnebackFlow())


@pytest.fixture(scope="module")
def model(blobs: dict[str, Array]) -> STSConvNet:
    return build(STSConvNet, blobs)


def convolve(x: Array, kernel: Array, bias: Array) -> Array:
    """(C, H, W) with zeros around it, correlated: Caffe flips nothing."""
    side = kernel.shape[2]
    padded = np.pad(x, ((0, 0), (side // 2,) * 2, (side // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    return np.tensordot(kernel, windows, axes=([1, 2, 3], [0, 3, 4])) + bias[:, None, None]


def pool(x: Array) -> Array:
    """The maximum of 3x3 at every second place, as many places as begin inside: Caffe rounds up."""
    rows, columns = (math.ceil((side - 3) / 2) + 1 for side in x.shape[1:])
    places = [
        [x[:, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3].max(axis=(1, 2)) for c in range(columns)] for r in range(rows)
    ]
    return np.moveaxis(np.array(places), 2, 0)


def normalise(x: Array) -> Array:
    """Local response: each channel by its neighbours within 2."""
    squares = np.pad(x**2, ((2, 2), (0, 0), (0, 0)))
    around = sum(squares[shift : shift + len(x)] for shift in range(5))
    return x / (1 + 1e-4 / 5 * around) ** 0.75


def stream(blobs: dict[str, Array], suffix: str, picture: Array) -> list[Array]:
    """After each layer, with what follows it."""
    out, x = [], picture
    for name in STREAM:
        x = np.maximum(convolve(x, blobs[f"{name}{suffix}/0"], blobs[f"{name}{suffix}/1"]), 0)
        x = {"conv1": lambda x: pool(normalise(x)), "conv2": pool}.get(name, lambda x: x)(x)
        out.append(x)
    return out


def head(blobs: dict[str, Array], x: Array) -> Array:
    for name in HEAD:
        x = convolve(x, blobs[f"{name}/0"], blobs[f"{name}/1"])
        x = x if name == "conv9" else np.maximum(x, 0)
    rows, columns = x.shape[1:]
    spread = np.zeros((4 * rows + 4, 4 * columns + 4))
    for r, c in np.ndindex(rows, columns):
        spread[4 * r : 4 * r + 8, 4 * c : 4 * c + 8] += x[0, r, c] * blobs["deconv1/0"][0, 0]
    return spread[2:-2, 2:-2]


def two_pictures(height: int, width: int) -> tuple[Array, Array]:
    frame, flow = np.random.default_rng(1).uniform(-1, 1, (2, 3, height, width)).astype(np.float32)
    return frame * 30, flow * 30  # so large that the local response matters


def run(model: STSConvNet, *pictures: Array) -> Array:
    with torch.inference_mode():
        return model.network(*(torch.from_numpy(picture)[None] for picture in pictures))[0, 0].numpy()


@pytest.mark.slow
def test_layers_pooling_and_fusion_are_caffes(model: STSConvNet, blobs: dict[str, Array]) -> None:
    """10x14 is 5x7, then 2x3, only where pooling rounds up; the map is 8x12 then."""
    frame, flow = two_pictures(10, 14)
    of_frame, of_flow = stream(blobs, "", frame), stream(blobs, "_b", flow)
    assert [x.shape for x in of_frame] == [(96, 5, 7), (256, 2, 3), (512, 2, 3), (512, 2, 3), (512, 2, 3)]
    joined = np.concatenate([of_frame[-1], of_flow[-1]])
    expected = head(blobs, convolve(joined, blobs["conv_fuse/0"], blobs["conv_fuse/1"]))
    found = run(model, frame, flow)
    assert found.shape == (8, 12)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert not np.allclose(run(model, flow, frame), expected, rtol=1e-2, atol=1e-2 * np.abs(expected).max())


def one_stream(blobs: dict[str, Array]) -> dict[str, Array]:
    return {key: values for key, values in without(blobs, "conv_fuse").items() if "_b" not in key}


def without(blobs: dict[str, Array], *names: str) -> dict[str, Array]:
    return {key: values for key, values in blobs.items() if not key.startswith(names)}


@pytest.fixture(scope="module")
def ssnet(blobs: dict[str, Array]) -> STSConvNet:
    return build(SSNet, one_stream(blobs))


@pytest.mark.slow
def test_the_variants_share_all_but_the_fusion(ssnet: STSConvNet, blobs: dict[str, Array]) -> None:
    frame, flow = two_pictures(8, 8)
    of_frame, of_flow = stream(blobs, "", frame)[-1], stream(blobs, "_b", flow)[-1]
    expected = head(blobs, np.maximum(of_frame, of_flow))
    found = run(build(STSMaxNet, without(blobs, "conv_fuse")), frame, flow)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    expected = head(blobs, of_frame)
    for alone in (ssnet, build(TSNet, one_stream(blobs))):
        found = run(alone, frame)
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("kind", "streams", "fused"), [(STSConvNet, 2, True), (STSMaxNet, 2, False), (SSNet, 1, False), (TSNet, 1, False)]
)
def test_parameters_are_those_of_the_prototxt(kind: type[STSConvNet], streams: int, fused: bool) -> None:
    def count(layers: dict[str, tuple[int, int, int]]) -> int:
        return sum(outputs * (inputs * side**2 + 1) for inputs, outputs, side in layers.values())

    expected = streams * count(STREAM) + fused * (1024 + 1) * 512 + count(HEAD) + 64
    assert expected == {2: 41_248_257 if fused else 40_723_457, 1: 25_806_209}[streams]
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in kind.make_network().parameters()) == expected


def test_the_published_size_gives_a_map_of_that_size() -> None:
    """The table of the network: quarters after two poolings, back again by the last layer."""
    with torch.device("meta"):
        network, picture = STSConvNet.make_network(), torch.empty(1, 3, 240, 320)
        assert network.streams[0](picture).shape == (1, 512, 60, 80)
        assert network(picture, picture).shape == (1, 1, 240, 320)


def test_official_names_become_ours_and_unknown_ones_are_reported(blobs: dict[str, Array]) -> None:
    old = {**blobs, "conv2_b/1": blobs["conv2_b/1"].reshape(1, 1, 1, -1)}
    converted = STSConvNet.from_official({**old, "loss/2": np.zeros(1)})
    assert np.array_equal(converted["streams.1.conv2.bias"], blobs["conv2_b/1"])
    assert np.array_equal(converted["streams.0.conv5.weight"], blobs["conv5/0"])
    assert np.array_equal(converted["deconv1.weight"], blobs["deconv1/0"])
    assert "loss/2" in converted
    with pytest.raises(WeightsError, match="1 not expected: loss/2"):
        build(STSConvNet, {**blobs, "loss/2": np.zeros(1, np.float32)})
    with pytest.raises(WeightsError, match=r"1 missing: streams\.1\.conv3\.bias"):
        build(STSConvNet, without(blobs, "conv3_b/1"))


def test_only_the_frames_stream_does_without_flow(blobs: dict[str, Array]) -> None:
    for kind in (STSConvNet, STSMaxNet, TSNet):
        with pytest.raises(ValueError, match="needs an optical flow estimator"):
            kind({}, weights_hash="none")
    with pytest.raises(WeightsError):  # it asks for weights, not for flow
        SSNet({}, weights_hash="none")


def test_flow_is_16_grey_levels_a_pixel_around_128() -> None:
    """At twice the size, motion of (3, -4) is (1.5, -2), at a speed of 2.5; what is faster than 8 is clipped."""
    moving = FlowField(np.full((480, 640, 2), (3, -4), np.float32))
    size_hw = (240, 320)
    assert (flow_picture(moving, size_hw) == (152, 96, 168)).all()
    assert flow_picture(moving, size_hw).shape == (240, 320, 3)
    assert (flow_picture(FlowField(np.zeros((60, 80, 2), np.float32)), size_hw) == 128).all()
    assert (flow_picture(FlowField(np.full((240, 320, 2), (-9, 8), np.float32)), size_hw) == (0, 255, 255)).all()


class Spy(torch.nn.Module):
    """Keeps what the streams are given, and answers with a ramp."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[torch.Tensor, ...]] = []

    def forward(self, *pictures: torch.Tensor) -> torch.Tensor:
        self.given.append(pictures)
        return torch.linspace(-1.2, 1.2, 240 * 320).reshape(1, 1, 240, 320)


@pytest.fixture
def spy(model: STSConvNet, monkeypatch: pytest.MonkeyPatch) -> Spy:
    """In the place of the model's network."""
    spy = Spy()
    monkeypatch.setattr(model, "network", spy)
    return spy


def maps_of_colours(model: STSConvNet, count: int, size_hw: tuple[int, int]) -> list[Array]:
    clip = [
        Frame(np.full((*size_hw, 3), (60, 120 + index, 200), np.uint8), index / 25, index) for index in range(count)
    ]
    return [prediction.map_density for prediction in model.stream(clip)]


def test_the_streams_get_blue_first_without_its_mean(model: STSConvNet, spy: Spy) -> None:
    assert len(maps_of_colours(model, 2, (100, 130))) == 2
    for index, (frame, flow) in enumerate(spy.given):
        assert frame.shape == flow.shape == (1, 3, 100, 130)
        expected = [(200 - 100) / 127.5, (120 + index - 110) / 127.5, (60 - 118) / 127.5]
        assert np.allclose(frame[0, :, 7, 9], expected)
        assert np.allclose(flow[0, :, 7, 9], [(128 - mean) / 127.5 for mean in (100, 110, 118)])  # nothing moves


@pytest.mark.parametrize(
    ("frame_hw", "seen_hw"),
    [
        ((360, 640), (288, 512)),
        ((640, 360), (512, 288)),
        ((240, 320), (240, 320)),
        ((512, 512), (512, 512)),
        ((90, 4096), (11, 512)),
        ((1, 1), (4, 4)),
    ],
)
def test_frames_keep_their_aspect_within_512_pixels(frame_hw: tuple[int, int], seen_hw: tuple[int, int]) -> None:
    assert shrunk_hw(frame_hw) == seen_hw


def test_shrinking_is_bilinear_between_pixels(ssnet: STSConvNet, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a third, the centre of each new pixel is that of an old one."""
    spy = Spy()
    monkeypatch.setattr(ssnet, "network", spy)
    rgb = np.random.default_rng(2).integers(0, 256, (384, 1536, 3), np.uint8)
    (prediction,) = ssnet.stream([Frame(rgb)])
    seen = spy.given[0][0][0].permute(1, 2, 0).numpy() * 127.5 + (100, 110, 118)
    assert seen.shape == (128, 512, 3)
    assert np.abs(seen - rgb[1::3, 1::3, ::-1]).max() < 0.001
    assert prediction.map_density.shape == (384, 1536)


def test_a_frame_of_one_pixel_has_a_map(ssnet: STSConvNet) -> None:
    (prediction,) = ssnet.stream([Frame(np.full((1, 1, 3), 90, np.uint8))])
    assert prediction.map_density.shape == (1, 1)


def cubic(values: Array, length: int) -> Array:
    """Along the first axis, pixel centres on pixel centres, OpenCV's cubic of −3/4, the border repeated."""
    at = (np.arange(length) + 0.5) * len(values) / length - 0.5
    first = np.floor(at).astype(int)
    out = np.zeros((length, values.shape[1]))
    for tap in range(-1, 3):
        away = np.abs(first + tap - at)
        near = 1.25 * away**3 - 2.25 * away**2 + 1
        far = -0.75 * (away**3 - 5 * away**2 + 8 * away - 4)
        out += np.where(away <= 1, near, far)[:, None] * values[np.clip(first + tap, 0, len(values) - 1)]
    return out


def test_the_map_is_clipped_enlarged_and_blurred() -> None:
    output = np.random.default_rng(3).choice([-1.1, -0.2, 1.1], (6, 8)).astype(np.float32)
    grey = np.clip(128 * output.astype(np.float64) + 127, 0, 255)
    large = cubic(cubic(grey, 60).T, 90).T
    for axis in (0, 1):
        large = correlate1d(large, np.array([1, 4, 6, 4, 1]) / 16, axis=axis, mode="mirror")
    assert large.min() < -1  # as cubics do
    assert large.max() > 256
    found = finish(output, (60, 90))
    assert found.dtype == np.float64
    assert np.allclose(found, np.clip(large, 0, 255), atol=0.01)


@pytest.mark.usefixtures("spy")
def test_maps_have_the_frames_size(model: STSConvNet) -> None:
    maps = maps_of_colours(model, 1, (90, 160))
    expected = finish(np.linspace(-1.2, 1.2, 240 * 320, dtype=np.float32).reshape(240, 320), (90, 160))
    assert maps[0].shape == (90, 160)
    assert np.allclose(maps[0], expected / expected.sum(), rtol=1e-4)


@pytest.fixture
def small_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds a frame at the published size, milliseconds at this one."""
    monkeypatch.setattr("gfsalnet.models.published.stsconvnet.LONGEST_SIDE", 32)


@pytest.mark.usefixtures("small_input")
def test_weights_that_are_no_numbers_are_noticed(blobs: dict[str, Array]) -> None:
    broken = build(STSConvNet, {**blobs, "conv9/1": np.full(1, np.nan, np.float32)})
    with pytest.raises(WeightsError, match="no numbers, first for frame 0"):
        list(broken.stream([Frame(np.zeros((30, 40, 3), np.uint8))]))


@pytest.mark.shared
@pytest.mark.usefixtures("small_input")
def test_a_real_clip_from_decoding_to_density(
    shared_dir: Path, model: STSConvNet, blobs: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second frame's density is what the steps make of two frames one by one."""
    with open_source(str(shared_dir / "data" / "dhf1k_0002" / "video.avi")) as reader:
        clip = list(islice(reader, 2))
    estimator = DISFlow("fast")
    monkeypatch.setattr(model, "estimator", estimator)
    _, second = model.stream(clip)
    field = estimator(clip[0].rgb, clip[1].rgb)
    assert field.flow_pixels.any()
    given = []
    for rgb in (clip[1].rgb, flow_picture(field, (18, 32))):
        small = cv2.resize(rgb, (32, 18), interpolation=cv2.INTER_LINEAR)[..., ::-1].astype(np.float32)
        given.append(((small - (100, 110, 118)) / 127.5).transpose(2, 0, 1))
    joined = np.concatenate([stream(blobs, "", given[0])[-1], stream(blobs, "_b", given[1])[-1]])
    expected = finish(head(blobs, convolve(joined, blobs["conv_fuse/0"], blobs["conv_fuse/1"])), (360, 640))
    assert np.allclose(second.density, expected / expected.sum(), rtol=1e-3, atol=1e-3 / expected.size)
