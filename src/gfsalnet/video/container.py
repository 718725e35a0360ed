"""Video through FFmpeg: files, streams and cameras."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gfsalnet.errors import SourceError
from gfsalnet.limits import max_pixels
from gfsalnet.types import RGB, Frame
from gfsalnet.video.base import VideoReader
from gfsalnet.video.damage import DamageLog
from gfsalnet.video.ffmpeg_log import Line, Listener
from gfsalnet.video.files import unreadable
from gfsalnet.video.geometry import resize_rgb
from gfsalnet.video.info import DEFAULT_RATE, Kind, VideoInfo, check_size
from gfsalnet.video.pixels import RGBConverter, display_matrix, is_turned, notes_on_alpha, notes_on_range
from gfsalnet.video.playlists import HEAD_BYTES, refuse_playlist
from gfsalnet.video.promise import MICROSECOND, promise_of, stated_count
from gfsalnet.video.pyav import PLAYLIST_FORMATS, has_disposition, open_input, preferred
from gfsalnet.video.stamps import Clock, StampMender
from gfsalnet.video.uncounted import uncounted_of

log = logging.getLogger(__name__)

T = TypeVar("T")

DECODING_THREADS = 1
"""With threads of its own, FFmpeg drops marks of damaged frames, and nobody knows whose a complaint is. One keeps ahead
of the network, which needs the other cores, and holds fewer frames in memory."""
IMPLAUSIBLE_RATE = 1000
"""Frames per second from which on a header's rate is its clock, as in some WebM."""
ATTACHED_PICTURE = 0x400
"""FFmpeg's AV_DISPOSITION_ATTACHED_PIC: a cover, not a video."""
TEXT_ART_CODECS = frozenset({"ansi", "bintext", "idf", "xbin"})
"""What FFmpeg takes a plain text file for."""


@dataclass(frozen=True, kw_only=True)
class MediaInput:
    """What FFmpeg is told to open."""

    source: str
    """What the user typed."""
    name: str
    kind: Kind
    file: str | BinaryIO
    path: Path | None = None
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None
    allow_playlists: bool = False
    version: str | None = None
    """What a server says that tells this content from later ones; see `content_version`."""


class ContainerReader(VideoReader):
    """The main video stream of a container; damaged packets are skipped and counted.

    Args:
        media: what to open.
        on_close: called when the reader is closed, or could not be opened.

    Raises:
        SourceError: if it cannot be opened, or no frame of a usable size can be decoded.
    """

    def __init__(self, media: MediaInput, on_close: Callable[[], None] = lambda: None) -> None:
        self._media, self._on_close = media, on_close
        # FFmpeg crashes when a container is closed while another thread (prefetch) decodes from it.
        self._lock = threading.Lock()
        self._ended = self._closed = self._size_changed = False
        # A packet gives no frame, one or several: the decoder reorders, and some packets hold two fields.
        self._decoded: deque[VideoFrame] = deque()
        self._rgb = RGBConverter()
        self._listener = Listener()
        try:
            with self._listener.lines() as said:
                self._container = _open(media)
        except BaseException:
            self._listener.close()
            on_close()
            raise
        try:
            self._stream = main_stream(self._container, media.source)
            codec = self._stream.codec_context.name
            self._log = DamageLog(codec=codec, uncounted=uncounted_of(self._container.format.name, codec))
            self._note(said)
            self._stamps = StampMender(self._container, self._stream)
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        context = self._stream.codec_context
        if context.width and context.height:
            # By the header first, so that no picture of an absurd size is ever allocated.
            check_size(self._media.source, (context.width, context.height))
        context.thread_count = DECODING_THREADS
        # The header may lie, so the decoder is told the limit as well; checksums of pictures, which HEVC may have, are
        # otherwise not looked at.
        context.options = {"max_pixels": str(max_pixels()), "err_detect": "crccheck"}
        self._packets = self._container.demux()
        # The first frame is decoded at once, because only it tells the size that pictures really have.
        while not self._decoded:
            if self._ended:
                raise SourceError(
                    self._media.source,
                    "no frame of it can be decoded",
                    "The file is damaged, cut off or still being written: copy, download or export it again.",
                )
            self._feed()
        height, width = self._to_rgb(self._decoded[0]).size_hw
        check_size(self._media.source, (width, height))
        turned = is_turned(display_matrix(self._decoded[0]))
        super().__init__(_info(self._media, self._container, self._stream, (width, height), turned))
        self.report.notes += [*notes_on_range(context), *notes_on_alpha(self._stream)]
        self._clock = Clock(self.info.time_base, self.info.rate)
        log.debug("%s: %s, %s, %s", self._media.source, self._container.format.name, context.name, context.pix_fmt)

    def frames(self) -> Iterator[Frame]:
        """The frames from here on; ends normally at the end, at damage that cannot be passed, and after `close`."""
        while (frame := self._next(self._to_rgb)) is not None:
            yield frame

    def frames_from(self, start_seconds: float) -> Iterator[Frame | float]:
        """As of any reader; frames before the time are decoded, which those after need, but not turned into RGB."""

        def take(decoded: VideoFrame, seconds: float, index: int) -> Frame | float:
            return self._to_rgb(decoded, seconds, index) if seconds >= start_seconds else seconds

        while (item := self._next(take)) is not None:
            yield item

    def decoded(self) -> Iterator[tuple[VideoFrame, float]]:
        """The frames from here on as they are stored, neither turned upright nor brought to one size, and their times.

        For whoever encodes them again: pixel format and colours are those of the source.
        """

        def take(decoded: VideoFrame, seconds: float, index: int) -> tuple[VideoFrame, float]:
            return decoded, seconds

        while (item := self._next(take)) is not None:
            yield item

    def times(self) -> Iterator[float]:
        """Times in seconds of the frames from here on, at the cost of decoding alone."""
        while (seconds := self._next(lambda decoded, seconds, index: seconds)) is not None:
            yield seconds

    def close(self) -> None:
        """Close the file or device; frames not yet taken are dropped."""
        with self._lock:
            self._ended = self._closed = True
            self._decoded.clear()
            self._container.close()
        self._listener.close()
        self._on_close()

    def _next(self, take: Callable[[VideoFrame, float, int], T]) -> T | None:
        """The next frame as `take` makes it of the decoded one, its time in seconds and its index; None at the end."""
        with self._lock:
            while not self._decoded and not self._ended:
                self._feed()
            if not self._decoded:
                self._settle()
                return None
            decoded = self._decoded.popleft()
            seconds = self._clock.seconds(self._stamps.of(decoded))
            taken = take(decoded, seconds, self.report.frames_read)
            # Only now: a frame that cannot be turned into RGB counts as not read.
            self.report.frames_read += 1
            if self._is_judged:
                self._log.note(self.report)
            return taken

    @property
    def _is_judged(self) -> bool:
        """A camera's stream begins and ends anywhere, and its first pictures are often flawed."""
        return self._media.kind != "camera"

    def _settle(self) -> None:
        if not self._closed and self._is_judged:
            promise = promise_of(self._container, self._stream, self._media.path)
            promise.count = self._stamps.chunks or promise.count
            self._log.destroyed = self._stamps.destroyed
            with self._listener.lines():
                self._log.ended(self._stream.codec_context.extradata)
            self._log.settle(self.report, promise, self.info.rate)

    def _feed(self) -> None:
        """Read packets up to the next one of the video, or to the end, and decode it."""
        packet = self._next_packet()
        frames: list[VideoFrame] = []
        with self._listener.lines() as said:
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError:
                if packet is not None:
                    self._log.refuse(packet)
                    self._stamps.refused(packet)
                    # It is counted as refused, and must not be counted again as complained of.
                    said.clear()
        if said:
            self._log.complained(packet)
        # decode(None) has flushed the decoder: no frame follows.
        self._ended = packet is None
        self._decoded.extend(frames)
        for frame in frames:
            self._log.came(frame)

    def _next_packet(self) -> Packet[VideoStream] | None:
        # A transport stream marks gaps, not cuts, and its decoders are made to cope with them.
        skips_partial = self._container.format.name != "mpegts"
        with self._listener.lines() as said:
            packet = self._next_whole(skips_partial)
        self._note(said)
        return packet

    def _next_whole(self, skips_partial: bool) -> Packet[VideoStream] | None:
        # One type for all streams: which one it is, its number tells.
        packets: Iterator[Packet[Any]] = self._packets
        try:
            for packet in packets:
                if packet.size:
                    self._log.passed(packet)
                if packet.stream_index != self._stream.index:
                    continue
                if packet.is_corrupt and skips_partial:
                    self._log.partial += 1
                # Empty packets, with which PyAV ends each stream, would flush the decoder: `_feed` does that at the
                # very end.
                elif packet.size:
                    self._stamps.sent(packet)
                    self._log.saw(packet)
                    return packet
        except av.FFmpegError as error:
            self._log.stopped = error.strerror
        except IndexError:
            pass  # raised by PyAV at the very end: it does not expect streams to appear while a file is read
        return None

    def _note(self, said: list[Line]) -> None:
        """Keep the first complaint about the container; those about pictures come again when they are decoded."""
        own = [line.text for line in said if line.name == self._container.format.name]
        if own and self._log.complaint is None:
            self._log.complaint = own[0]

    def _to_rgb(self, frame: VideoFrame, time_seconds: float = 0.0, index: int = 0) -> Frame:
        try:
            rgb = self._rgb(frame)
        except (av.FFmpegError, ValueError) as error:
            raise SourceError(
                self._media.source,
                f"its pixel format {frame.format.name} cannot be turned into RGB",
                "Convert it: ffmpeg -i INPUT -pix_fmt yuv420p OUTPUT.mp4",
            ) from error
        return Frame(self._to_first_size(rgb, index), time_seconds=time_seconds, index=index)

    def _to_first_size(self, rgb: RGB, index: int) -> RGB:
        """Scale to the first frame's size, as players do where the size changes in mid-stream."""
        if index == 0:
            return rgb
        (width, height), size_hw = self.info.size_wh, rgb.shape[:2]
        # The sinks write one size, so a change in mid-stream is scaled away.
        if size_hw == (height, width):
            return rgb
        if not self._size_changed:
            self._size_changed = True
            self.report.notes.append(
                f"the frame size changes from {width}x{height} to {size_hw[1]}x{size_hw[0]} at frame {index}: "
                f"all are scaled to {width}x{height}"
            )
        return resize_rgb(rgb, (height, width))


def _open(media: MediaInput) -> InputContainer:
    try:
        if media.path is not None and not media.allow_playlists:
            with media.path.open("rb") as file:
                refuse_playlist(media.source, file.read(HEAD_BYTES))
        return open_input(
            media.file,
            allow_playlists=media.allow_playlists,
            format=media.format,
            options=media.options,
            timeout=media.timeout_seconds,
        )
    except (av.FFmpegError, OSError) as error:
        raise _cannot_open(media, error) from error


def _cannot_open(media: MediaInput, error: av.FFmpegError | OSError) -> SourceError:
    if media.kind == "camera":
        if isinstance(error, PermissionError):
            remedy = "Allow the camera to this program (on Linux: add yourself to the group `video`)."
            return SourceError(media.source, "no permission to use the camera", remedy)
        remedy = "Connect it, close programs that use it, or try another number."
        return SourceError(media.source, f"camera not available ({error.strerror})", remedy)
    if media.kind == "stream":
        remedy = "Check the address, the network and the password; a playlist needs --allow-playlists."
        return SourceError(media.source, f"the stream cannot be opened ({error.strerror})", remedy)
    if isinstance(error, OSError):
        return unreadable(media.source, error)
    if media.path is not None and _is_mp4(media.path):
        remedy = "It is cut off or was never finished: copy, download or export it again."
        return SourceError(media.source, "the index of this MP4 is missing or damaged", remedy)
    remedy = "Give a video or image file; a damaged one may be mended with: ffmpeg -i INPUT OUTPUT.mp4"
    return SourceError(media.source, f"it is not a video that FFmpeg can read ({error.strerror})", remedy)


def _is_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def main_stream(container: InputContainer, source: str) -> VideoStream:
    """The video stream to read: the one marked as default, or the first, as players do, but never a cover picture.

    One of a single frame is taken only where there is no other: an AVIF animation has a still of itself.

    Raises:
        SourceError: if there is none, or none that can be decoded.
    """
    streams = [stream for stream in container.streams.video if not has_disposition(stream, ATTACHED_PICTURE)]
    if not streams:
        has_audio = bool(container.streams.audio)
        problem = "it holds sound but no video" if has_audio else "it holds no video"
        raise SourceError(source, problem, "Give a file with moving pictures.")
    decodable = [stream for stream in streams if stream.codec_context is not None]
    if not decodable:
        raise SourceError(source, "this FFmpeg has no decoder for its video", "Convert it to H.264 elsewhere first.")
    chosen = preferred([stream for stream in decodable if stream.frames != 1] or decodable)
    if chosen.codec_context.name in TEXT_ART_CODECS:
        raise SourceError(source, "it is a text file, not a video", "Give a video or image file.")
    return chosen


def _info(
    media: MediaInput, container: InputContainer, stream: VideoStream, size_wh: tuple[int, int], turned: bool
) -> VideoInfo:
    rate = frame_rate(stream)
    time_base = stream.time_base or 1 / rate
    duration = None
    if media.kind != "camera":
        if stream.duration:
            duration = float((stream.duration - _late_start(container, stream)) * time_base)
        elif container.duration:
            duration = container.duration * MICROSECOND
    estimate = round(duration * rate) if duration is not None else None
    aspect = Fraction(stream.sample_aspect_ratio or 1)  # of pixels as they are stored
    return VideoInfo(
        source=media.source,
        name=media.name,
        path=media.path,
        size_wh=size_wh,
        rate=rate,
        time_base=time_base,
        estimated_frames=stated_count(container, stream) or estimate,
        duration_seconds=duration,
        address=media.file if media.kind == "stream" and isinstance(media.file, str) else None,
        version=media.version,
        is_playlist=not PLAYLIST_FORMATS.isdisjoint(container.format.name.split(",")),
        has_audio=bool(container.streams.audio),
        kind=media.kind,
        pixel_aspect=1 / aspect if turned else aspect,
    )


def _late_start(container: InputContainer, stream: VideoStream) -> int:
    """Ticks before the first picture that FFmpeg counts as part of the duration: of MP4 that is all in fragments."""
    if "mov" not in container.format.name or stream.frames:
        return 0
    entries = getattr(stream, "index_entries", None)  # since PyAV 17
    start = entries[0].timestamp if entries else stream.start_time or 0
    # Where the header states the duration, it counts from there.
    return start if 0 < start < (stream.duration or 0) else 0


def frame_rate(stream: VideoStream) -> Fraction:
    """Frames per second, on average where the rate varies; 25 where nothing is known."""
    # In the order of trust: measured over the file, guessed by FFmpeg, the finest that the stamps allow.
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate < IMPLAUSIBLE_RATE:
            return Fraction(rate)
    return DEFAULT_RATE
