"""Each backend beside eager PyTorch, and how much of the machine's peak it reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.utils.flop_counter import FlopCounterMode

from gfsalnet.backends import BACKENDS, Backend, Pictures, make_backend
from gfsalnet.backends.base import largest_difference
from gfsalnet.backends.export_check import run_eagerly
from gfsalnet.backends.inference_module import InferenceModule
from gfsalnet.backends.quantise import export_int8
from gfsalnet.backends.timing import Turns
from gfsalnet.bench.machine import gemm_gflops, gemms
from gfsalnet.bench.subjects import network_of, pictures_for
from gfsalnet.errors import GFSalNetError
from gfsalnet.network import GFSalNet

EAGER = "torch eager"


@dataclass(frozen=True)
class NetworkSpeed:
    """One backend with one network, on one thread."""

    backend: str
    milliseconds: float
    """A frame, of the processor; the median."""
    times_as_fast: float
    """As eager PyTorch: nothing folded, the memory layout it comes with."""
    share_of_peak: float | None
    """Of the fastest matrix product in float32; None for what computes in fewer bits, whose peak is another."""
    share_that_moves: float
    """Largest difference to eager PyTorch at any pixel, as a share of the map's maximum."""


@dataclass(frozen=True)
class NetworkReport:
    """All that runs one network."""

    size_wh: tuple[int, int]
    """Of the pictures that the streams see."""
    giga_operations: float
    """A frame, of the folded network."""
    peak_gflops: float
    """Of one core: the fastest matrix product in float32."""
    backends: list[NetworkSpeed]
    remarks: list[str]
    """Why a backend is left out."""


def measure_network(name: str, rounds: int) -> NetworkReport:
    """Time every backend that runs here, one thread each, in turns.

    Args:
        name: of a model in the package, a folder, or `gfsalnet`. The 8-bit graph is made of the frame that it is timed
            on: its speed is right, its maps are not to be judged.
        rounds: turns of each; a network of the paper's size takes a fifth of them.

    Raises:
        WeightsError: if the model is unknown.
    """
    network = network_of(name)
    pictures = pictures_for(network)
    if network.config.backbone == "resnet50":
        rounds = max(rounds // 5, 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with TemporaryDirectory() as folder:
            backends, remarks = _all_backends(network, pictures, Path(folder))
            return _measure(network, backends, pictures, rounds, remarks)
    finally:
        torch.set_num_threads(threads)


def _measure(
    network: GFSalNet, backends: Sequence[Backend], pictures: Pictures, rounds: int, remarks: list[str]
) -> NetworkReport:
    products = gemms()
    things: dict[str, Callable[[], object]] = {EAGER: partial(run_eagerly, network, pictures), **products}
    things |= {backend.name: partial(backend, pictures) for backend in backends}
    turns = Turns.taken(things, rounds)
    peak = max(gemm_gflops(turns.best(name)) for name in products)
    reference = run_eagerly(network, pictures)
    rows = [NetworkSpeed(EAGER, turns.median(EAGER), 1.0, None, 0.0)]
    operations = _giga_operations(network, pictures)
    for backend in backends:
        milliseconds = turns.median(backend.name)
        moved = largest_difference(backend(pictures), reference)
        share = 1000 * operations / milliseconds / peak if BACKENDS[backend.name][1] == "fp32" else None
        rows.append(NetworkSpeed(backend.name, milliseconds, turns.ratio(EAGER, backend.name), share, moved))
    height, width = pictures[0].shape[1:3]
    return NetworkReport((width, height), operations, peak, rows, remarks)


def _all_backends(network: GFSalNet, pictures: Pictures, folder: Path) -> tuple[list[Backend], list[str]]:
    backends: list[Backend] = []
    remarks: list[str] = []
    int8_graph = folder / "int8.onnx"
    for name, (engine, precision) in BACKENDS.items():
        if engine == "torch" and precision != "fp32":  # slower on every CPU that was tried
            continue
        try:
            if precision == "int8" and not int8_graph.is_file():
                export_int8(network, [pictures], int8_graph)
            backends.append(make_backend(name, network, int8_graph=int8_graph, threads=1, check=False))
        except GFSalNetError as error:
            remarks.append(str(error))
    return backends, remarks


def _giga_operations(network: GFSalNet, pictures: Pictures) -> float:
    """Multiplications and additions of the folded network, as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        InferenceModule(network)(*(torch.from_numpy(picture) for picture in pictures))
    return float(counter.get_total_flops()) / 1e9
