"""The network as a file that other programs run: ONNX, and OpenVINO's own format."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch

import gfsalnet
from gfsalnet.backends.deployed import Deployed
from gfsalnet.errors import GFSalNetError
from gfsalnet.files import home, output_errors, write_whole, written_whole
from gfsalnet.network import GFSalNet
from gfsalnet.network.gfsalnet import MULTIPLE

_MOST_FRAMES, _MOST_MULTIPLES = 4096, 256
"""Bounds of the batch and of the sides, the latter in multiples of 32: torch.export wants some."""


def export_onnx(network: GFSalNet, path: Path) -> None:
    """Write the folded network as one ONNX file, of any batch and of any sides that are multiples of 32.

    Inputs are `rgb` and `flow_image`, (batch, height, width, 3) uint8; outputs `saliency`, `appearance`, `motion` and
    `gate`, (batch, 1, height, width) float32; a network of one stream has only its own.

    Raises:
        GFSalNetError: if the packages for it are not installed.
        OutputError: if the file cannot be written.
    """
    require("onnx", "onnxscript", extra="onnx")
    deployed = Deployed(network).cpu()
    # A batch of 1 would be taken for a constant.
    pictures = tuple(torch.zeros(2, 2 * MULTIPLE, 3 * MULTIPLE, 3, dtype=torch.uint8) for _ in deployed.inputs)
    dim = torch.export.Dim
    sides = [MULTIPLE * dim(name, min=1, max=_MOST_MULTIPLES) for name in ("rows", "columns")]
    shape = {0: dim("batch", min=1, max=_MOST_FRAMES), 1: sides[0], 2: sides[1]}
    with torch.no_grad(), quiet():
        traced = torch.export.export(
            deployed, pictures, dynamic_shapes={"pictures_BHW3": tuple(shape for _ in pictures)}, strict=False
        )
        program = torch.onnx.export(
            traced, dynamo=True, input_names=deployed.inputs, output_names=deployed.outputs, verbose=False
        )
    assert program is not None
    write_whole(path, program.model_proto.SerializeToString())


def export_openvino(network: GFSalNet, path: Path) -> None:
    """Write the same as OpenVINO's `.xml`, weights as float32 in the `.bin` beside it.

    Raises:
        GFSalNetError: if the packages for it are not installed.
        OutputError: if a file cannot be written.
    """
    require("openvino", extra="openvino")
    import openvino

    graph = cached_onnx(network)
    with output_errors(path), written_whole(path.with_suffix(".bin")) as weights, written_whole(path) as partial:
        openvino.serialize(openvino.Core().read_model(graph), partial, weights)


def cached_onnx(network: GFSalNet) -> Path:
    """The network's ONNX file, kept under `home()`; made at the first call for these weights, which takes some seconds.

    Raises:
        GFSalNetError: if the packages for it are not installed.
        OutputError: if the cache cannot be written.
    """
    path = home() / "graphs" / f"{_fingerprint(network)}.onnx"
    if not path.is_file():
        export_onnx(network, path)
    return path


def require(*packages: str, extra: str) -> None:
    """Make sure that packages can be imported.

    Raises:
        GFSalNetError: if one is missing; it names the extra that brings it.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise GFSalNetError(
            ", ".join(missing), "is not installed", f'Install it with: pip install "gfsalnet[{extra}]".'
        )


def _fingerprint(network: GFSalNet) -> str:
    """Of all that the exported file depends on."""
    versions = (gfsalnet.__version__, torch.__version__)
    digest = hashlib.sha256(json.dumps([versions, asdict(network.config)]).encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy())
    return digest.hexdigest()[:32]


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters talk of torchvision and of their own future; nothing of it is for the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
