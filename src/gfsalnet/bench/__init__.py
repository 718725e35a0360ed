"""What this machine makes of the models: each backend beside eager PyTorch, each stage of a film, and memory."""

from __future__ import annotations

from gfsalnet.bench.machine import describe_machine
from gfsalnet.bench.networks import NetworkReport, NetworkSpeed, measure_network
from gfsalnet.bench.video import FilmSpeed, StageSpeed, measure_film, measure_stages, require_frames

__all__ = [
    "FilmSpeed",
    "NetworkReport",
    "NetworkSpeed",
    "StageSpeed",
    "describe_machine",
    "measure_film",
    "measure_network",
    "measure_stages",
    "require_frames",
]
