"""The sound of one file carried over to another, as far as that can be done."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from gfsalnet.errors import SourceError
from gfsalnet.video.container import main_stream
from gfsalnet.video.pyav import FILE, open_input, preferred

MP4_CODECS = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "mp3float", "opus", "libopus"})
"""Decoders whose streams players expect in an MP4."""
AAC_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
"""Samples per second that are kept as they are; sound of another rate is brought to the first."""
AAC_BIT_RATE = 192_000
"""Bits per second."""
REHEARSED_PACKETS = 8
GAP_SECONDS = 0.1
"""A jump of the stamps by more is silence; by less, rounding."""
OVERHANG_SECONDS = 1.0
"""How much longer than its pictures the sound of an ordinary video may be."""

AudioPackets = Iterator["Packet[AudioStream]"]


class AudioCarrier:
    """Feeds the sound of a file to a container, step by step with the video.

    Its time 0 is the first frame of the file's video, or the start that is asked for. Whatever goes wrong with the
    sound ends the sound, with a note, and not the video.

    Args:
        path: the file with the sound.
        target: the container to write to; it gets an audio stream.
        notes: where to say what could not be carried over.
        start_seconds: the time from which on the sound is wanted, counted from the first frame.
        track: which of its sound tracks, from 0; None: the one that players choose.

    Raises:
        FFmpegError, OSError, ValueError: if the sound cannot be used; `target` is then as before.
    """

    def __init__(
        self,
        path: Path,
        target: OutputContainer,
        notes: list[str],
        start_seconds: float = 0.0,
        track: int | None = None,
    ) -> None:
        self._target, self._notes = target, notes
        self._next: Packet[AudioStream] | None = None
        self._reached_seconds = 0.0
        # To the microsecond: the exact fraction of a float such as 1.1 has a denominator of 2**51.
        origin = _first_frame_seconds(path) + Fraction(start_seconds).limit_denominator(1_000_000)
        self._path, self._origin = path, origin
        copy = _can_copy(path, origin, track)
        self._source = _open(path)
        try:
            carry = _copied if copy else _encoded
            self._packets = carry(self._source, target, origin, track)
        except BaseException:
            self.close()
            raise
        # One packet is always in hand, since only its stamp tells whether it is due.
        self._advance()

    @classmethod
    def from_file(
        cls,
        path: Path,
        target: OutputContainer,
        notes: list[str],
        start_seconds: float = 0.0,
        *,
        all_tracks: bool = False,
    ) -> list[AudioCarrier]:
        """A carrier for the main track of a file, or for each, the main one first.

        There are none without sound; what cannot be used is left out, with a note.
        """
        carriers: list[AudioCarrier] = []
        try:
            with _open(path) as source:
                if source.streams.subtitles:
                    notes.append(f"without subtitles: those of {path.name} are left out")
                tracks = source.streams.audio
                if not tracks:
                    return []
                main = tracks.index(_sound(source, None))
                wanted = sorted(range(len(tracks)), key=lambda number: number != main) if all_tracks else [main]
            for track in wanted:
                carriers += cls._of_track(path, target, notes, start_seconds, track, len(wanted) > 1)
        except (av.FFmpegError, OSError, ValueError) as error:
            notes.append(f"without sound: that of {path.name} cannot be used ({_reason(error)})")
        return carriers

    @classmethod
    def _of_track(
        cls, path: Path, target: OutputContainer, notes: list[str], start_seconds: float, track: int, one_of_many: bool
    ) -> list[AudioCarrier]:
        try:
            return [cls(path, target, notes, start_seconds, track)]
        except (av.FFmpegError, OSError, ValueError) as error:
            which = f"without sound track {track + 1}: it" if one_of_many else f"without sound: that of {path.name}"
            notes.append(f"{which} cannot be used ({_reason(error)})")
            return []

    def mux_until(self, end_seconds: float) -> None:
        """Write the packets that start before `end_seconds`.

        Raises:
            OSError, FFmpegError: if the target cannot be written.
        """
        while self._next is not None and _start_seconds(self._next) < end_seconds:
            self._reached_seconds = _start_seconds(self._next)
            try:
                self._target.mux(self._next)
            except ValueError as error:  # the muxer refuses the packet; a full disk is an OSError
                self._stop(error)
            else:
                self._advance()

    def finish(self, end_seconds: float) -> None:
        """Write the packets that start before `end_seconds`; note it if the sound outlasts the pictures of its file.

        Raises:
            OSError, FFmpegError: if the target cannot be written.
        """
        self.mux_until(end_seconds)
        while self._next is not None and _start_seconds(self._next) < end_seconds + OVERHANG_SECONDS:
            self._advance()
        if self._next is not None and not _pictures_go_on(self._path, self._origin + Fraction(end_seconds)):
            note = f"the sound goes on after the last frame, and is cut there, at {end_seconds:.1f} s"
            if note not in self._notes:  # of another track
                self._notes.append(note)

    def close(self) -> None:
        """Close the file that the sound comes from."""
        self._source.close()

    def _advance(self) -> None:
        try:
            self._next = next(self._packets, None)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._stop(error)

    def _stop(self, error: Exception) -> None:
        self._next = None
        self._notes.append(f"sound ends at {self._reached_seconds:.1f} s: the rest cannot be used ({_reason(error)})")


def _open(path: Path) -> InputContainer:
    return open_input(f"{FILE}{path.absolute()}")


def _sound(source: InputContainer, track: int | None) -> AudioStream:
    """A track; None: the one that players choose, which is marked as default, or is the first."""
    return preferred(source.streams.audio) if track is None else source.streams.audio[track]


def _first_frame_seconds(path: Path) -> Fraction:
    """When the video starts, by the file's own clock: 0 for whoever reads its frames."""
    with _open(path) as source:
        try:
            stream = main_stream(source, path.name)
            # Decoded, as the first packet need not be the first picture, nor be shown at all.
            first = next(source.decode(stream), None)
        except (av.FFmpegError, SourceError):
            return Fraction(0)  # sound alone
        return Fraction(0) if first is None or first.pts is None else first.pts * first.time_base


def _pictures_go_on(path: Path, after_seconds: Fraction) -> bool:
    """Whether the video of a file has frames well after a time: then it was not written to its end."""
    until = after_seconds + Fraction(OVERHANG_SECONDS)
    with contextlib.suppress(av.FFmpegError, SourceError, IndexError), _open(path) as source:
        stream = main_stream(source, path.name)
        source.seek(round(after_seconds * av.time_base))
        return any(packet.pts is not None and packet.pts * packet.time_base > until for packet in source.demux(stream))
    return False


def _can_copy(path: Path, origin: Fraction, track: int | None) -> bool:
    """Whether an MP4 takes the stream as it is: tried out in memory, since a refusal would cost the video."""
    with _open(path) as source:
        if _sound(source, track).codec_context.name not in MP4_CODECS:
            return False
        try:
            with av.open(io.BytesIO(), "w", format="mp4") as trial:
                # A few packets suffice: the muxer checks the codec's parameters with the first ones.
                packets = list(itertools.islice(_copied(source, trial, origin, track), REHEARSED_PACKETS))
                for packet in packets:
                    trial.mux(packet)
        except (av.FFmpegError, ValueError):
            return False
        return bool(packets)


def _copied(source: InputContainer, target: OutputContainer, origin: Fraction, track: int | None) -> AudioPackets:
    stream = _sound(source, track)
    copy = target.add_stream_from_template(stream)
    _name_language(copy, stream)
    return _copied_packets(source, stream, copy, origin)


def _copied_packets(source: InputContainer, stream: AudioStream, copy: AudioStream, origin: Fraction) -> AudioPackets:
    last = None
    for packet in source.demux(stream):
        if packet.pts is None or packet.dts is None or packet.size == 0 or packet.is_corrupt:
            continue
        # In whole ticks of the sound itself: it is off by less than one of them.
        shift = round(origin / packet.time_base)
        packet.pts -= shift
        packet.dts -= shift
        # One packet from before the video stays: codecs start up on it, and MP4 hides it with an edit list.
        too_early = packet.pts + 2 * (packet.duration or 0) <= 0
        # MP4 needs decoding stamps that grow strictly.
        if too_early or (last is not None and packet.dts <= last):
            continue
        last = packet.dts
        packet.stream = copy
        yield packet


def _name_language(copy: AudioStream, stream: AudioStream) -> None:
    """Players offer tracks by their languages."""
    if language := stream.metadata.get("language"):
        copy.metadata["language"] = language


def _encoded(source: InputContainer, target: OutputContainer, origin: Fraction, track: int | None) -> AudioPackets:
    stream = _sound(source, track)
    frames = _decoded_frames(source, stream, origin)
    # The encoder is made of what the decoder really gives: rates and channels of headers may be wrong.
    first = next(frames, None)
    if first is None:
        raise ValueError("nothing of it can be decoded")
    rate = first.sample_rate if first.sample_rate in AAC_RATES else AAC_RATES[0]
    layout = "mono" if len(first.layout.channels) == 1 else "stereo"
    encoder = target.add_stream("aac", rate=rate, layout=layout, bit_rate=AAC_BIT_RATE)
    _name_language(encoder, stream)
    return _encoded_packets(itertools.chain([first], frames), encoder)


def _decoded_frames(source: InputContainer, stream: AudioStream, origin: Fraction) -> Iterator[AudioFrame]:
    """Frames from the start of the video on, stamped by counting samples: a container's own ticks can be too coarse."""
    position = 0
    for packet in source.demux(stream):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            continue  # a gap in the sound; the next stamp says where it goes on
        for frame in frames:
            if frame.pts is None or frame.time_base is None or frame.pts * frame.time_base < origin:
                continue
            stamp = round((frame.pts * frame.time_base - origin) * frame.sample_rate)
            # A real gap in the sound stays a gap; smaller differences are rounding and would click.
            if stamp - position > GAP_SECONDS * frame.sample_rate:
                position = stamp
            frame.pts, frame.time_base = position, Fraction(1, frame.sample_rate)
            position += frame.samples
            yield frame


def _encoded_packets(frames: Iterator[AudioFrame], encoder: AudioStream) -> AudioPackets:
    for frame in frames:
        yield from encoder.encode(frame)
    # The last samples, which fill no whole frame.
    yield from encoder.encode(None)


def _start_seconds(packet: Packet[AudioStream]) -> float:
    return float((packet.pts or 0) * packet.time_base)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
