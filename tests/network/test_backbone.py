"""The backbones against independent implementations of the same networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gfsalnet.network import GFSalNet, mobile
from gfsalnet.network.backbone import Bottleneck, MobileNetV2, ResNet50
from gfsalnet.network.weights import load_backbone


def torchvision_name(name: str) -> str:
    """A key of Hugging Face's ResNet under the name torchvision gives it."""
    embedder = "embedder.embedder."
    if name.startswith(embedder):
        name = name.removeprefix(embedder)
        return name.replace("convolution", "conv1").replace("normalization", "bn1")
    _, _, stage, _, block, *rest = name.split(".")
    where = f"layer{int(stage) + 1}.{block}"
    if rest[0] == "shortcut":
        return f"{where}.downsample.{0 if rest[1] == 'convolution' else 1}.{rest[2]}"
    _, number, kind, part = rest
    return f"{where}.{'conv' if kind == 'convolution' else 'bn'}{int(number) + 1}.{part}"


@pytest.mark.slow
def test_resnet50_equals_the_one_of_transformers_under_torchvision_names() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    oracle = transformers.ResNetModel(transformers.ResNetConfig(out_features=["stage1", "stage2", "stage3", "stage4"]))
    for name, buffer in oracle.named_buffers():  # batch-norms that do something
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    ours = ResNet50().eval()
    ours.load_state_dict({torchvision_name(name): value for name, value in oracle.state_dict().items()})
    image = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        expected = oracle.eval()(image, output_hidden_states=True).hidden_states[1:]
        found = ours(image)
    for level, (a, b) in enumerate(zip(expected, found, strict=True), 1):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4 * a.abs().max()), f"layer{level}"


@pytest.mark.parametrize("stride", [1, 2])
def test_a_bottleneck_of_resnet50_by_hand(stride: int) -> None:
    torch.manual_seed(0)
    block = Bottleneck(8, 2 if stride == 1 else 3, stride).double().eval()
    assert (block.downsample is None) == (stride == 1)
    state = {name: torch.rand_like(value) + 0.5 for name, value in block.state_dict().items() if value.dim()}
    block.load_state_dict(state, strict=False)
    w = {name: value.numpy() for name, value in state.items()}

    def normalised(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        mean, variance, gain, bias = (
            w[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / np.sqrt(variance + 1e-5) * gain + bias

    def mixed(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return np.einsum("oi,ihw->ohw", w[f"{name}.weight"][..., 0, 0], x)

    image = np.random.default_rng(0).normal(size=(8, 6, 8))
    inner = np.pad(np.maximum(normalised(mixed(image, "conv1"), "bn1"), 0), ((0, 0), (1, 1), (1, 1)))
    patches = np.lib.stride_tricks.sliding_window_view(inner, (3, 3), axis=(1, 2))[:, ::stride, ::stride]
    inner = np.maximum(normalised(np.einsum("oikl,ihwkl->ohw", w["conv2.weight"], patches), "bn2"), 0)
    shortcut = image
    if stride == 2:
        shortcut = normalised(mixed(image[:, ::2, ::2], "downsample.0"), "downsample.1")
    expected = np.maximum(normalised(mixed(inner, "conv3"), "bn3") + shortcut, 0)
    with torch.inference_mode():
        found = block(torch.from_numpy(image)[None])[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def same_convolution(x: NDArray[np.float64], kernel: NDArray[np.float64], stride: int) -> NDArray[np.float64]:
    """TensorFlow's SAME rule, spelled out: ceil(size / stride) outputs, the smaller half of the padding first."""
    out = -(-len(x) // stride)
    total = max((out - 1) * stride + 3 - len(x), 0)
    padded = np.pad(x, (total // 2, total - total // 2))
    patches = [
        [padded[r : r + 3, c : c + 3] for c in range(0, out * stride, stride)] for r in range(0, out * stride, stride)
    ]
    return np.einsum("rcij,ij->rc", np.array(patches), kernel)


@pytest.mark.parametrize("stride", [1, 2])
def test_mobilenet_pads_as_tensorflow_does(stride: int) -> None:
    rng = np.random.default_rng(0)
    block = MobileNetV2().features[2 if stride == 2 else 3].conv[2]  # a depthwise 3x3
    x = rng.normal(size=(8, 8))
    with torch.inference_mode():
        image = torch.zeros(1, block.in_channels, 8, 8)
        image[0, 5] = torch.from_numpy(x)
        found = block(image)[0, 5] - block.bias[5]
    kernel = block.weight[5, 0].detach().numpy().astype(np.float64)
    assert np.allclose(found.numpy(), same_convolution(x, kernel, stride), atol=1e-5)


@pytest.mark.shared
def test_public_mobilenet_weights_load_and_see(shared_dir: Path) -> None:
    """All keys fit, and features of a real photograph are alive at every level."""
    net = GFSalNet(mobile("appearance")).eval()
    load_backbone(net, shared_dir / "weights" / "mobilenet_v2_imagenet_features.safetensors")
    import cv2

    picture = cv2.imread(str(next((shared_dir / "data" / "osie" / "images").glob("*.jpg"))))[:, :, ::-1]
    image = torch.from_numpy(cv2.resize(picture, (320, 256))).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.inference_mode():
        levels = net.appearance.backbone(image)
    assert [tuple(level.shape[1:]) for level in levels] == [(24, 64, 80), (32, 32, 40), (96, 16, 20), (320, 8, 10)]
    for level in levels:
        active = (level.std((2, 3)) > 1e-3).float().mean().item()
        assert active > 0.9
