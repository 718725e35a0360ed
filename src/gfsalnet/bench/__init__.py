"""What this machine makes of the models: each backend beside eager PyTorch, each stage of a video, and memory."""

from __future__ import annotations

from gfsalnet.bench.machine import describe_machine
from gfsalnet.bench.networks import NetworkReport, NetworkSpeed, measure_network
from gfsalnet.bench.video import Clip, StageSpeed, VideoSpeed, measure_stages, measure_video, require_frames

__all__ = [
    "Clip",
    "NetworkReport",
    "NetworkSpeed",
    "StageSpeed",
    "VideoSpeed",
    "describe_machine",
    "measure_network",
    "measure_stages",
    "measure_video",
    "require_frames",
]
