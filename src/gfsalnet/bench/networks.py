"""Each backend beside eager PyTorch, and how much of the machine's peak it reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.utils.flop_counter import FlopCounterMode

from gfsalnet.backends import BACKENDS, Backend, NetworkInputs, make_backend
from gfsalnet.backends.base import max_rel_diff
from gfsalnet.backends.export_check import run_eagerly
from gfsalnet.backends.inference_module import InferenceModule
from gfsalnet.backends.quantise import export_int8
from gfsalnet.backends.timing import interleaved_timings
from gfsalnet.bench.machine import gemm_gflops_per_second, gemms
from gfsalnet.demo import draw_frame
from gfsalnet.device import threads
from gfsalnet.errors import GFSalNetError
from gfsalnet.flow import make_estimator
from gfsalnet.models import MODELS
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.registry import stored_network
from gfsalnet.network import GFSalNet
from gfsalnet.types import Frame

EAGER = "torch eager"
PAPER = "gfsalnet"


@dataclass(frozen=True)
class NetworkSpeed:
    """One backend with one network, on one thread."""

    backend: str
    cpu_ms: float
    """CPU ms per frame, the median of the rounds."""
    speedup: float
    """How many times as fast it is as eager PyTorch: nothing folded, the memory layout that frames come with."""
    share_of_peak: float | None
    """Operations per second as a share of those of the fastest float32 matrix product; None for a backend that computes
    in fewer bits, whose peak is another."""
    max_rel_diff: float
    """Largest difference from eager PyTorch at any pixel, as a share of the map's maximum."""


@dataclass(frozen=True)
class NetworkReport:
    """All that runs one network."""

    size_wh: tuple[int, int]
    """Size in pixels of the pictures that the streams see."""
    gflops: float
    """10⁹ floating-point operations per frame, of the folded network."""
    peak_gflops_per_second: float
    """10⁹ operations per second of one core in the fastest float32 matrix product."""
    backends: list[NetworkSpeed]
    remarks: list[str]
    """Why backends are missing, a line each."""


def measure_network(name: str, rounds: int) -> NetworkReport:
    """Time every backend that runs on this machine, interleaved, one thread each.

    Args:
        name: of a model in the package, a folder, or `gfsalnet`. The 8-bit graph is calibrated on the frame that it is
            timed on: its speed is right, its maps are not to be judged.
        rounds: measurements of each; a network of the paper's size takes a fifth of them.

    Raises:
        WeightsError: if the model is unknown.
    """
    network = network_to_time(name)
    pictures = pictures_to_time(network)
    if network.config.backbone == "resnet50":
        rounds = max(rounds // 5, 1)  # a round takes seconds
    with threads(1, opencv=False), TemporaryDirectory() as folder:
        backends, remarks = _all_backends(network, pictures, Path(folder))
        return _measure(network, backends, pictures, rounds, remarks)


def _measure(
    network: GFSalNet, backends: Sequence[Backend], pictures: NetworkInputs, rounds: int, remarks: list[str]
) -> NetworkReport:
    products = gemms()
    callables: dict[str, Callable[[], object]] = {EAGER: partial(run_eagerly, network, pictures), **products}
    callables |= {backend.name: partial(backend, pictures) for backend in backends}
    timings = interleaved_timings(callables, rounds)
    # The best round, since a peak is what the machine can do; of networks the median counts.
    peak = max(gemm_gflops_per_second(timings.best(name)) for name in products)
    reference = run_eagerly(network, pictures)
    rows = [NetworkSpeed(EAGER, timings.median(EAGER), 1.0, None, 0.0)]
    gflops = _gflops(network, pictures)
    for backend in backends:
        cpu_ms = timings.median(backend.name)
        difference = max_rel_diff(backend(pictures), reference)
        # All are divided by the same operations, those of the folded network, whatever a backend makes of them.
        share = 1000 * gflops / cpu_ms / peak if BACKENDS[backend.name][1] == "fp32" else None
        rows.append(NetworkSpeed(backend.name, cpu_ms, timings.ratio(EAGER, backend.name), share, difference))
    height, width = pictures[0].shape[1:3]
    return NetworkReport((width, height), gflops, peak, rows, remarks)


def _all_backends(network: GFSalNet, pictures: NetworkInputs, folder: Path) -> tuple[list[Backend], list[str]]:
    backends: list[Backend] = []
    remarks: list[str] = []
    int8_graph = folder / "int8.onnx"
    for name, (engine, precision) in BACKENDS.items():
        if engine == "torch" and precision != "fp32":  # slower on every CPU that was tried
            continue
        try:
            if precision == "int8" and not int8_graph.is_file():
                export_int8(network, [pictures], int8_graph)
            # Unchecked: a backend that is off is still timed, and how far it is off stands in its row.
            backends.append(make_backend(name, network, int8_graph=int8_graph, threads=1, check=False))
        except GFSalNetError as error:
            remarks.append(str(error))
    return backends, remarks


def _gflops(network: GFSalNet, pictures: NetworkInputs) -> float:
    """10⁹ multiplications and additions per frame of the folded network, as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        InferenceModule(network)(*(torch.from_numpy(picture) for picture in pictures))
    return float(counter.get_total_flops()) / 1e9


def network_to_time(name: str) -> GFSalNet:
    """The network of a model; that of the paper's size with random weights if there are none, which take as long.

    Raises:
        WeightsError: if the model is unknown.
    """
    if name == PAPER and not MODELS[PAPER].ready:
        torch.manual_seed(0)
        return GFSalNet().eval()
    stored, _ = stored_network(name)
    return stored.network


def pictures_to_time(network: GFSalNet) -> NetworkInputs:
    """What the streams see of one frame of the drawn video in which something moves: (1, H, W, 3) uint8 each."""
    model = GFSalNetModel(
        network.config,
        make_backend("torch", network),
        name="",
        weights_hash="",
        estimator=make_estimator("dis", preset="fast"),
        flow_scale_pixels=8.0,
    )
    # Two frames, since the first has no flow to be seen.
    video = [Frame(draw_frame(second), index=index) for index, second in enumerate((1.0, 1.04))]
    *_, last = model.pictures(video)
    return tuple(picture[None] for picture in last)
