"""The frames of a file by its packets alone, where those tell exactly which frames decoding would give."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from gfsalnet.errors import SourceError
from gfsalnet.video.container import frame_rate, main_stream
from gfsalnet.video.damage import DamageLog
from gfsalnet.video.ffmpeg_log import Listener
from gfsalnet.video.info import ReadReport
from gfsalnet.video.promise import promise_of
from gfsalnet.video.pyav import FILE, open_input
from gfsalnet.video.structure import Structure

EXACT_CONTAINERS = frozenset({"mov", "matroska"})
"""Containers whose packets carry presentation stamps; AVI and raw streams have none, MPEG-TS starts anywhere."""
EXACT_CODECS = frozenset({"av1", "libdav1d", "h264", "hevc", "mjpeg", "prores"})
"""Codecs in which each packet is one frame; VP8, VP9 and MPEG-4 have packets that are never shown."""


@dataclass(frozen=True)
class PacketTable:
    """What decoding a file would give."""

    stamps: tuple[int, ...]
    """Stamps of the frames that are shown, in ticks of the stream, in order of display."""
    key_stamps: tuple[int, ...]
    """Stamps of those of them that are key frames."""
    is_whole: bool
    """Whether nothing is missing or odd as far as the container knows: if decoding meets no error either, its report
    says nothing."""


@dataclass
class _Packets:
    """The packets of one video, as they come."""

    log: DamageLog
    stamps: list[int] = field(default_factory=list)
    key_stamps: list[int] = field(default_factory=list)
    hidden: int = 0


def read_packets(path: Path) -> PacketTable | None:
    """The frames of a file, at the cost of reading it; None where packets do not tell exactly."""
    listener = Listener()
    try:
        with listener.lines() as said, open_input(f"{FILE}{path.absolute()}") as container:
            stream = main_stream(container, str(path))
            is_exact = EXACT_CONTAINERS & set(container.format.name.split(","))
            if not is_exact or stream.codec_context.name not in EXACT_CODECS:
                return None
            packets = _collected(container, stream)
            found = None if packets is None else _settled(packets, container, stream, path)
    # Whatever is wrong, decoding meets it as well and reports it in full.
    except (av.FFmpegError, IndexError, SourceError):
        return None
    finally:
        listener.close()
    return PacketTable(found.stamps, found.key_stamps, is_whole=False) if found and said else found


def _collected(container: InputContainer, stream: VideoStream) -> _Packets | None:
    found = _Packets(DamageLog(codec=stream.codec_context.name))
    # One type for all streams: which one it is, its number tells.
    packet: Any
    for packet in container.demux():
        if packet.size:
            found.log.passed(packet)
        if packet.stream_index != stream.index:
            continue
        if packet.is_corrupt or (packet.size and packet.pts is None):
            return None
        if not packet.size:
            continue
        found.log.saw(packet)
        if packet.is_discard:
            found.hidden += 1
            continue
        # The decoder drops packets before the first key frame; how many it drops is not known here.
        if not found.stamps and not found.hidden and not packet.is_keyframe:
            return None
        found.stamps.append(packet.pts)
        if packet.is_keyframe:
            found.key_stamps.append(packet.pts)
    return found


def _settled(found: _Packets, container: InputContainer, stream: VideoStream, path: Path) -> PacketTable | None:
    stamps = found.stamps
    promise = promise_of(container, stream, path)
    # A frame shown before the first key frame needs one that is missing; two packets of one time are two fields.
    is_plain = bool(stamps) and (found.hidden > 0 or min(stamps) == stamps[0]) and len(set(stamps)) == len(stamps)
    # Every count that the container keeps must agree with what came; otherwise decoding has to tell.
    books = promise.structure or Structure()
    is_sound = not books.cut and books.problem is None and books.shown in (None, len(stamps))
    is_sound = is_sound and promise.count in (None, len(stamps) + found.hidden) and books.packets is not None
    is_sound = is_sound and (books.shown is not None or books.packets == len(stamps) + found.hidden)
    if not is_plain or not is_sound:
        return None
    report = ReadReport(frames_read=len(stamps))
    found.log.all_came()
    found.log.settle(report, promise, frame_rate(stream))
    # Packets come in the order of decoding; sorted, they are in the order of display.
    is_whole = report.damage is None and not report.is_short and not report.notes
    return PacketTable(tuple(sorted(stamps)), tuple(sorted(found.key_stamps)), is_whole)
