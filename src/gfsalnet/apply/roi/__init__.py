"""Encoding where viewers look: QP offsets of blocks, files of them, and the encode itself."""

from gfsalnet.apply.roi.encoding import CODECS, Encoding, encode
from gfsalnet.apply.roi.job import RoiRequest, RoiResult, block_for, write_roi
from gfsalnet.apply.roi.offsets import RoiSettings, block_lift, frame_offsets, offsets_of, regions_of

__all__ = [
    "CODECS",
    "Encoding",
    "RoiRequest",
    "RoiResult",
    "RoiSettings",
    "block_for",
    "block_lift",
    "encode",
    "frame_offsets",
    "offsets_of",
    "regions_of",
    "write_roi",
]
