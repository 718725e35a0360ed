"""Video in and out: every kind of source as upright RGB frames with true times, and H.264 with the source's sound.

Says nothing about saliency. `expand_sources` sorts out what the user typed, `open_source` opens one source,
`VideoWriter` writes; `ShotDetector` finds cuts, `Resize` and `Letterbox` are the way to a network's size and back.
"""

from __future__ import annotations

from gfsalnet.limits import MAX_PIXELS
from gfsalnet.video.arrays import frames_from, numbered_frames
from gfsalnet.video.background import prefetch
from gfsalnet.video.base import VideoReader
from gfsalnet.video.frame_times import count_frames, frame_times
from gfsalnet.video.geometry import Letterbox, Resize, fitted_size_hw
from gfsalnet.video.info import DEFAULT_RATE, MIN_SIDE_PIXELS, ReadReport, VideoInfo, rate_of_pictures
from gfsalnet.video.lossless import LosslessGreyWriter
from gfsalnet.video.packets import PacketTable, read_packets
from gfsalnet.video.shots import ShotDetector
from gfsalnet.video.sources import expand_sources, open_source
from gfsalnet.video.spans import Span, SpanReader
from gfsalnet.video.stamps import Clock
from gfsalnet.video.stills import read_image
from gfsalnet.video.writer import VideoWriter

__all__ = [
    "DEFAULT_RATE",
    "MAX_PIXELS",
    "MIN_SIDE_PIXELS",
    "Clock",
    "Letterbox",
    "LosslessGreyWriter",
    "PacketTable",
    "ReadReport",
    "Resize",
    "ShotDetector",
    "Span",
    "SpanReader",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "count_frames",
    "expand_sources",
    "fitted_size_hw",
    "frame_times",
    "frames_from",
    "numbered_frames",
    "open_source",
    "prefetch",
    "rate_of_pictures",
    "read_image",
    "read_packets",
]
