"""A network on disk, brought up only as far as a backend needs it: most run its graph, and PyTorch is not imported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gfsalnet.backends.base import StreamName
from gfsalnet.errors import WeightsError
from gfsalnet.network.config import NetworkConfig
from gfsalnet.network.folder import CONFIG_FILE, GRAPH_FILE, INT8_FILE, weights_hash
from gfsalnet.packages import needed_by

if TYPE_CHECKING:
    from gfsalnet.network import GFSalNet


@dataclass(frozen=True)
class StoredNetwork:
    """The network of a model folder, or one stream of it.

    Raises:
        WeightsError: if it has no such stream.
    """

    folder: Path
    whole: NetworkConfig
    """What the folder holds."""
    stream: StreamName | None = None
    """None: all that it holds."""

    def __post_init__(self) -> None:
        if self.stream is not None and self.whole.streams not in ("both", self.stream):
            problem = f"has no {self.stream} stream"
            raise WeightsError(self.folder, problem, f"It has {self.whole.streams} alone")

    @property
    def config(self) -> NetworkConfig:
        """The description of what is run: one stream has a description of its own."""
        return self.whole if self.stream is None else replace(self.whole, streams=self.stream)

    @property
    def picked_stream(self) -> StreamName | None:
        """What to pick from a graph, which is one of all that the folder holds."""
        return self.stream if self.whole.streams == "both" else None

    @property
    def graph(self) -> Path | None:
        """The float32 graph, if it is there."""
        path = self.folder / GRAPH_FILE
        return path if path.is_file() else None

    @property
    def int8_graph(self) -> Path | None:
        """The same in 8 bits."""
        path = self.folder / INT8_FILE
        return path if path.is_file() else None

    @cached_property
    def weights(self) -> str:
        """`weights_hash` of the folder."""
        return weights_hash(self.folder)

    @cached_property
    def network(self) -> GFSalNet:
        """The network, in evaluation mode on the CPU.

        Raises:
            WeightsError: if the weights are missing, damaged or of another architecture.
            MissingPackageError: if PyTorch is not installed.
        """
        with needed_by(f"{self.folder / CONFIG_FILE}: the network without a graph beside it"):
            from gfsalnet.network.weights import load_network, single_stream
        network, _ = load_network(self.folder)
        return network if self.stream is None else single_stream(network, self.stream)

    def require_own(self, graph: Path, made_from: str) -> None:
        """Make sure that a graph is one of these weights.

        Args:
            graph: it, or what it was opened from.
            made_from: the `weights_hash` that it gives.

        Raises:
            WeightsError: if it is of other weights, as after a training that went on.
        """
        # Otherwise a model that was trained on would go on predicting with the graph of its old weights.
        if made_from != self.weights:
            remedy = f"Make it anew with `gfsalnet export onnx --model {self.folder} --beside`, or remove it"
            raise WeightsError(graph, f"was not made from the {self.folder.name} weights beside it", remedy)
