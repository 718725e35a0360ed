"""Packets that no frame comes of: which of them never were to be shown, in codecs that have such."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from itertools import pairwise
from statistics import median
from typing import Any

from av.packet import Packet

MPEG4, VP8 = "mpeg4", "vp8"
"""FFmpeg's names of decoders."""
LARGEST_EMPTY_BYTES, LARGEST_HEADER_BYTES = 19, 100
"""Of MPEG-4: packets that repeat the picture before, or stand for one that came with it; and parameters alone."""
LEAST_HOLE_SHARE = 0.75
"""Of the usual time between two frames: a packet that far from all that are shown is one that should be."""
_START, _PICTURE = b"\0\0\1", b"\0\0\1\xb6"


def is_empty(packet: Packet[Any]) -> bool:
    """Whether a packet of MPEG-4 holds no picture, or only the mark of one."""
    if packet.size <= LARGEST_EMPTY_BYTES:
        return True
    return packet.size <= LARGEST_HEADER_BYTES and _PICTURE not in (data := bytes(packet)) and data[:3] == _START


def holes(waiting: Mapping[int, int]) -> int:
    """How many packets of VP8 should have been shown; those that only help to decode others take no time.

    Args:
        waiting: for the stamp of each packet, how many with that stamp no frame came of.
    """
    shown = sorted(stamp for stamp, count in waiting.items() if not count)
    if len(shown) < 3:
        return 0
    usual = median(after - before for before, after in pairwise(shown))
    found = 0
    for stamp in (stamp for stamp, count in waiting.items() if count):
        place = bisect(shown, stamp)
        around = shown[max(0, place - 1) : place + 1]
        found += min(abs(stamp - other) for other in around) >= LEAST_HOLE_SHARE * usual
    return found
