"""Weights on disk: a folder of `config.json` and `model.safetensors`, loaded strictly and without pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save
from torch import Tensor

from gfsalnet.errors import WeightsError
from gfsalnet.files import written_whole
from gfsalnet.formats.tensors import read_safetensors
from gfsalnet.network.backbone import ResNet50, current_name
from gfsalnet.network.folder import CONFIG_FILE, WEIGHTS_FILE, read_config
from gfsalnet.network.gfsalnet import GFSalNet

_UNUSED_BACKBONE_KEYS = ("fc.", "classifier.", "features.18.")
"""Parts of ImageNet classifiers that the network does without."""

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class KeyReport:
    """How a set of weights differs from what an architecture expects."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]
    """`name (64, 3, 7, 7) instead of (32, 3, 3, 3)`."""

    @property
    def fits(self) -> bool:
        """Whether every key is there, with its shape, and no other."""
        return not (self.missing or self.unexpected or self.reshaped)

    def __str__(self) -> str:
        kinds = (("missing", self.missing), ("not expected", self.unexpected), ("other shape", self.reshaped))
        return "; ".join(f"{len(keys)} {kind}: {_abridged(keys)}" for kind, keys in kinds if keys)


def _abridged(keys: tuple[str, ...], most: int = 4) -> str:
    return ", ".join(keys[:most]) + (f" and {len(keys) - most} more" if len(keys) > most else "")


def compare_keys(expected: State, found: State) -> KeyReport:
    """Names and shapes of `found` against those of `expected`."""
    return KeyReport(
        missing=tuple(key for key in expected if key not in found),
        unexpected=tuple(key for key in found if key not in expected),
        reshaped=tuple(
            f"{key} {tuple(found[key].shape)} instead of {tuple(expected[key].shape)}"
            for key in expected
            if key in found and found[key].shape != expected[key].shape
        ),
    )


def load_strictly(module: torch.nn.Module, state: State, where: object) -> None:
    """Load weights of any float type as float32, also those that were saved under the parameters' former names.

    Raises:
        WeightsError: if names or shapes are not exactly the module's.
    """
    own = module.state_dict()
    state = {key if key in own else current_name(key): value for key, value in state.items()}
    report = compare_keys(own, state)
    if not report.fits:
        raise WeightsError(
            where, f"these weights belong to another architecture ({report})", "Use the config.json they came with."
        )
    module.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a `.safetensors` file.

    Raises:
        WeightsError: if there is none, or it is damaged or of another format.
    """
    if not path.is_file():
        raise WeightsError(path, "no such file", f"A model folder holds {CONFIG_FILE} and {WEIGHTS_FILE}.")
    return read_safetensors(path, WeightsError, "Fetch or convert it again.")


def save_network(folder: Path, network: GFSalNet, about: Mapping[str, Any], dtype: torch.dtype = torch.float16) -> None:
    """Write `config.json` and `model.safetensors`, each whole or not at all.

    Args:
        folder: made if it does not exist.
        network: its parameters and batch-norm statistics are stored.
        about: what else a user needs to use the weights (flow settings, training record), JSON values.
        dtype: of the kernels; vectors (biases, batch-norms) stay float32, they cost nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        key: (value.to(dtype) if value.is_floating_point() and value.ndim > 1 else value).cpu().contiguous()
        for key, value in network.state_dict().items()
    }
    config = json.dumps({"network": asdict(network.config), **about}, indent=2) + "\n"
    # Both are complete before either gets its name: the old weights never lie beside the new description for long.
    with written_whole(folder / CONFIG_FILE) as config_file, written_whole(folder / WEIGHTS_FILE) as weights_file:
        weights_file.write_bytes(save(state))  # save_file would make it readable by its owner alone
        config_file.write_text(config, encoding="utf-8")


def load_network(folder: Path) -> tuple[GFSalNet, dict[str, Any]]:
    """Build the network a folder describes and load its weights as float32, strictly.

    Returns:
        The network in evaluation mode on the CPU, and what else its config says.

    Raises:
        WeightsError: if a file is missing or damaged, or the weights are of another architecture.
    """
    config, about = read_config(folder)
    network = GFSalNet(config)
    load_strictly(network, read_state(folder / WEIGHTS_FILE), folder)
    return network.eval(), about


def load_backbone(network: GFSalNet, path: Path) -> None:
    """Load ImageNet weights under torchvision's names into the backbone of every stream; the classifier is left out.

    ResNet-50 takes torchvision's state dict as safetensors. MobileNetV2 takes one with batch-norms folded into the
    convolutions (`features.N.conv.I.weight` and `.bias`).

    Raises:
        WeightsError: if there is no such file, or the names or shapes are of another architecture.
    """
    if not path.is_file():
        remedy = "Give the backbone's ImageNet weights as safetensors; docs/training.md says how to make them."
        raise WeightsError(path, "no such file", remedy)
    state = {key: value for key, value in read_state(path).items() if not key.startswith(_UNUSED_BACKBONE_KEYS)}
    for stream in (network.appearance, network.motion):
        if stream is None:
            continue
        if isinstance(stream.backbone, ResNet50):
            # Files from before PyTorch 0.4.1 lack the counters, which only momentum-free averaging reads.
            counters = {k: v for k, v in stream.backbone.state_dict().items() if k.endswith("num_batches_tracked")}
            state = {**counters, **state}
        load_strictly(stream.backbone, state, path)


def start_from_single_stream(network: GFSalNet, single: GFSalNet) -> None:
    """Initialise every stream of `network` from the one stream of `single` (Sec. IV-B); the gate keeps its start.

    Raises:
        WeightsError: if the streams differ in architecture, or `single` has two.
    """
    streams = [stream for stream in (single.appearance, single.motion) if stream is not None]
    if len(streams) != 1:
        raise WeightsError("start_from_single_stream", "the given model has two streams", "Give a single-stream model.")
    for stream in (network.appearance, network.motion):
        if stream is not None:
            load_strictly(stream, streams[0].state_dict(), "start_from_single_stream")


def single_stream(network: GFSalNet, which: Literal["appearance", "motion"]) -> GFSalNet:
    """One stream of a network alone, as the paper's "Spatial" and "Temporal" models of Table I; it shares the weights.

    Raises:
        WeightsError: if the network has no such stream.
    """
    stream = network.appearance if which == "appearance" else network.motion
    if stream is None:
        problem = f"has no {which} stream"
        raise WeightsError("single_stream", problem, f"It has {network.config.streams} alone.")
    # Its own random stream is replaced at once.
    alone = GFSalNet(replace(network.config, streams=which))
    setattr(alone, which, stream)
    return alone.train(network.training)
