"""The network as a file that other programs run: ONNX, and OpenVINO's own format."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gfsalnet._version import __version__
from gfsalnet.backends.inference_module import InferenceModule
from gfsalnet.files import home, output_errors, write_whole, written_whole
from gfsalnet.network import GFSalNet
from gfsalnet.network.gfsalnet import MULTIPLE
from gfsalnet.packages import require
from gfsalnet.store import claimed

log = logging.getLogger(__name__)

_MOST_FRAMES, _MOST_MULTIPLES = 4096, 256
"""Bounds of the batch and of the sides, the latter in multiples of 32: torch.export wants some."""
_SIZE = ("input_size_hw", "keep_aspect")
"""Fields of the configuration that the graph does not depend on: it takes any size."""


def export_onnx(network: GFSalNet, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write the folded network as one ONNX file, of any batch and of any sides that are multiples of 32.

    Inputs are `rgb` and `flow_image`, (batch, height, width, 3) uint8; outputs `saliency`, `appearance`, `motion` and
    `gate`, (batch, 1, height, width) float32; a network of one stream has only its own.

    Args:
        network: with its weights.
        path: of the file.
        metadata: what else the file says of itself, key by key; `weights` (`WEIGHTS_KEY`) is their `weights_hash`.

    Raises:
        GFSalNetError: if the packages for it are not installed.
        OutputError: if the file cannot be written.
    """
    require("onnx", "onnxscript", what="exporting a graph")
    import onnx

    write_whole(path, described(onnx.load(cached_onnx(network)), metadata or {}).SerializeToString())


def described(model: Any, metadata: Mapping[str, str]) -> Any:
    """The ONNX model, which from now on says this of itself."""
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    return model


def export_openvino(network: GFSalNet, path: Path) -> None:
    """Write the same as OpenVINO's `.xml`, weights as float32 in the `.bin` beside it.

    Raises:
        GFSalNetError: if the packages for it are not installed.
        OutputError: if a file cannot be written.
    """
    require("openvino", what="exporting for OpenVINO")
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
    path = home() / "graphs" / f"{fingerprint(network)}.onnx"
    if path.is_file():
        log.info("graph %s was made before", path)
        return path
    require("onnx", "onnxscript", what="exporting a graph")
    with claimed(path, wait=True):  # of processes that start together one exports, the others wait
        if not path.is_file():
            began = time.perf_counter()
            write_whole(path, _exported(network).SerializeToString())
            log.info("graph %s exported in %.1f s", path, time.perf_counter() - began)
    return path


def _exported(network: GFSalNet) -> Any:
    """The ONNX model."""
    module = InferenceModule(network).cpu()
    # A batch of 1 would be taken for a constant.
    pictures = tuple(torch.zeros(2, 2 * MULTIPLE, 3 * MULTIPLE, 3, dtype=torch.uint8) for _ in module.inputs)
    dim = torch.export.Dim
    # A side is 32 times a free number, so that the graph has no branch for padding.
    sides = [MULTIPLE * dim(name, min=1, max=_MOST_MULTIPLES) for name in ("rows", "columns")]
    shape = {0: dim("batch", min=1, max=_MOST_FRAMES), 1: sides[0], 2: sides[1]}
    with torch.no_grad(), quiet():
        traced = torch.export.export(
            module, pictures, dynamic_shapes={"pictures_BHW3": tuple(shape for _ in pictures)}, strict=False
        )
        # Of the exported program, which has the free sizes already.
        program = torch.onnx.export(
            traced, dynamo=True, input_names=module.inputs, output_names=module.outputs, verbose=False
        )
    assert program is not None
    return program.model_proto


def fingerprint(network: GFSalNet) -> str:
    """A hash of all that the exported file depends on: versions, architecture but for the size, weights."""
    versions = (__version__, torch.__version__)
    architecture = {name: value for name, value in asdict(network.config).items() if name not in _SIZE}
    digest = hashlib.sha256(json.dumps([versions, architecture]).encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        # The bytes in place: an array is a buffer, and `tobytes` would copy it.
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
