"""Weights on disk: strict, readable when they do not fit, and the start of two streams from one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gfsalnet.errors import WeightsError
from gfsalnet.network import GFSalNet, NetworkConfig, mobile
from gfsalnet.network.config import light
from gfsalnet.network.weights import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    compare_keys,
    load_backbone,
    load_network,
    read_config,
    save_network,
    start_from_single_stream,
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_network(tmp_path / "model", GFSalNet(mobile("appearance")), {"name": "mine", "flow": None})
    return tmp_path / "model"


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = GFSalNet(mobile()).eval()
    save_network(tmp_path, net, {"name": "mine"}, dtype=torch.float32)
    again, about = load_network(tmp_path)
    assert about == {"name": "mine"}
    assert again.config == net.config
    assert not again.training
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(net(image, image).saliency, again(image, image).saliency)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CONFIG_FILE, WEIGHTS_FILE]


def under_former_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.replace("backbone.", "trunk."): value for key, value in state.items()}


@pytest.mark.slow
@pytest.mark.parametrize("graph", ["fig2", "light"])
def test_weights_and_checkpoints_from_when_the_backbone_was_called_trunk(graph: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = GFSalNet(mobile("appearance") if graph == "fig2" else light())
    save_network(tmp_path, net, {}, dtype=torch.float32)
    former = under_former_names(net.state_dict())
    assert not any("backbone" in key for key in former)
    save_file(former, tmp_path / WEIGHTS_FILE)
    from_folder, _ = load_network(tmp_path)
    from_checkpoint = GFSalNet(net.config)
    from_checkpoint.load_state_dict(former)
    for again in (from_folder, from_checkpoint):
        assert all(torch.equal(value, net.state_dict()[key]) for key, value in again.state_dict().items())


def test_half_precision_is_close_and_half_the_size(saved: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = GFSalNet(mobile("appearance")).eval()
    save_network(tmp_path / "full", net, {}, dtype=torch.float32)
    sizes = [(folder / WEIGHTS_FILE).stat().st_size for folder in (saved, tmp_path / "full")]
    assert sizes[0] < 0.55 * sizes[1]
    half, _ = load_network(saved)
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(net(image).saliency, half(image).saliency, rtol=0.05, atol=1e-3)
    assert all(p.dtype == torch.float32 for p in half.parameters())


def test_weights_of_another_architecture_are_refused_with_a_report(saved: Path) -> None:
    config = json.loads((saved / CONFIG_FILE).read_text())
    config["network"]["multilevel_channels"] = 32
    (saved / CONFIG_FILE).write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"another architecture .*other shape: .*merge3\.weight .* instead of \(32,"):
        load_network(saved)


def test_key_report_names_what_differs() -> None:
    report = compare_keys(
        {"a": torch.zeros(1), "b": torch.zeros(2)}, {"b": torch.zeros(3), **{f"x{n}": torch.zeros(1) for n in range(6)}}
    )
    assert not report.fits
    assert str(report) == (
        "1 missing: a; 6 not expected: x0, x1, x2, x3 and 2 more; 1 other shape: b (3,) instead of (2,)"
    )
    assert compare_keys({}, {}).fits


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / WEIGHTS_FILE).write_bytes(b"junk"), "not a readable safetensors"),
        (lambda folder: (folder / WEIGHTS_FILE).unlink(), "no such file"),
        (lambda folder: (folder / CONFIG_FILE).unlink(), "no such file"),
        (lambda folder: (folder / CONFIG_FILE).write_text("{"), "not a readable JSON file"),
        (lambda folder: (folder / CONFIG_FILE).write_text("[1]"), "where a JSON object is expected"),
        (lambda folder: (folder / CONFIG_FILE).write_text('{"network": {"backbone": "vgg"}}'), "network.backbone"),
        (lambda folder: (folder / CONFIG_FILE).write_text('{"network": {"typo": 1}}'), "network.typo"),
    ],
)
def test_damaged_folders_say_what_is_wrong(saved: Path, damage, message: str) -> None:
    damage(saved)
    with pytest.raises(WeightsError, match=message):
        load_network(saved)


def test_config_survives_json(saved: Path) -> None:
    config, about = read_config(saved)
    assert config == mobile("appearance")
    assert about == {"name": "mine", "flow": None}


@pytest.mark.slow
def test_torchvision_style_resnet_weights_load_into_both_backbones(tmp_path: Path) -> None:
    """With a classifier on top and, as old files are, without batch-norm counters."""
    net = GFSalNet(NetworkConfig())
    torch.manual_seed(5)
    state = {key: torch.randn_like(value.float()) for key, value in net.appearance.backbone.state_dict().items()}
    state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    save_file(
        {**state, "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, tmp_path / "r50.safetensors"
    )
    load_backbone(net, tmp_path / "r50.safetensors")
    for stream in (net.appearance, net.motion):
        assert torch.equal(stream.backbone.layer3[2].conv2.weight, state["layer3.2.conv2.weight"])
    with pytest.raises(WeightsError, match="another architecture"):
        load_backbone(GFSalNet(mobile()), tmp_path / "r50.safetensors")


def test_both_streams_start_from_one() -> None:
    torch.manual_seed(0)
    single, both = GFSalNet(mobile("appearance")).eval(), GFSalNet(mobile()).eval()
    start_from_single_stream(both, single)
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        expected, maps = single(image).saliency, both(image, image)
    assert torch.equal(maps.appearance, expected)
    assert torch.equal(maps.motion, expected)
    assert torch.allclose(maps.saliency, expected, rtol=1e-5)
    with pytest.raises(WeightsError, match="two streams"):
        start_from_single_stream(both, both)


def test_missing_backbone_weights_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no such file\..*docs/training\.md"):
        load_backbone(GFSalNet(mobile()), tmp_path / "none.safetensors")
