"""A video encoded anew, its blocks finer or coarser by their QP offsets.

FFmpeg's encoders take regions of interest as side data of each frame. PyAV cannot attach any, but FFmpeg's filter
`addroi` can, a region a filter, and of libx264 and libx265 every block gets the sum of its own adaptive quantisation
and the offset of its region. SVT-AV1 ignores them through FFmpeg, and takes a file instead (see
`files`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.codec import Codec
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from gfsalnet.apply.roi.offsets import Offsets, Region, regions_of
from gfsalnet.choices import RoiCodec
from gfsalnet.errors import OutputError, SourceError
from gfsalnet.video import VideoReader, open_source
from gfsalnet.video.container import ContainerReader
from gfsalnet.video.muxing import FrameWriter
from gfsalnet.video.pixels import UNSPECIFIED, display_matrix, upright_filters
from gfsalnet.video.writer import YUVConverter, repeatable
from gfsalnet.words import counted

CODECS: Mapping[RoiCodec, str] = {"x264": "libx264", "x265": "libx265"}
"""Encoder → FFmpeg's name of it."""
DEFAULT_CRF: Mapping[RoiCodec, float] = {"x264": 23, "x265": 28}
"""Their own defaults, of about the same quality."""
Filters = list[tuple[str, str]]
Picture = tuple[VideoFrame, float]
"""A frame for the encoder and its time in seconds."""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How a video is encoded."""

    codec: RoiCodec = "x264"
    preset: str = "medium"
    """One of the encoder's, `ultrafast` to `placebo`."""
    crf: float | None = None
    """Constant quality, smaller is better; None: the encoder's default. Not beside `kbps`."""
    kbps: float | None = None
    """Kilobits per second on average, in two passes; None: constant quality in one."""

    def options(self, number: int, stats: Path) -> dict[str, str]:
        """The encoder's options in a pass.

        Args:
            number: of the pass; 0 for the only one.
            stats: the file through which the first pass tells the second.
        """
        rate = (
            {} if self.kbps is not None else {"crf": f"{DEFAULT_CRF[self.codec] if self.crf is None else self.crf:g}"}
        )
        # Without adaptive quantisation, as in the preset ultrafast, both ignore regions.
        if self.codec == "x264":
            passes = {"flags": f"+pass{number}", "stats": str(stats)} if number else {}
            return {"preset": self.preset, "aq-mode": "variance", **rate, **passes, **repeatable()}
        words = {"log-level": "none", "aq-mode": "2"}
        if number:
            words |= {"pass": str(number), "stats": str(stats)}
        params = ":".join(f"{name}={_escaped(value)}" for name, value in words.items())
        return {"preset": self.preset, **rate, "x265-params": params}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\:").replace("'", "\\'")


def encode(
    source: str,
    offsets: Offsets | None,
    block_pixels: int,
    path: Path,
    encoding: Encoding,
    *,
    part_seconds: tuple[float | None, float | None] = (None, None),
    on_frame: Callable[[int, int], None] = lambda number, done: None,
) -> list[str]:
    """Encode a video into an MP4 file with the times and the sound of the source.

    Args:
        source: as `open_source` takes it, of a file or a folder.
        offsets: (frames, rows, columns) of the part; None: the encoder is left to itself.
        block_pixels: side of a block.
        path: of the file.
        encoding: how.
        part_seconds: from the first of these times on and before the second; None: where the source begins or ends.
        on_frame: called with the number of the pass, from 1 on, and of the frames done in it.

    Returns:
        notes for the user on what the file lacks.

    Raises:
        SourceError: if the source cannot be read, or has not as many frames as there are offsets.
        OutputError: if the encoder is missing or refuses the video, or the file cannot be written.
    """
    _require(encoding.codec)
    with TemporaryDirectory(dir=path.parent, prefix=".passes-") as folder:
        # The first pass is written like any other and thrown away: only its statistics are wanted.
        stats, trial = Path(folder) / "stats", Path(folder) / "first.mp4"
        passes = [(1, trial), (2, path)] if encoding.kbps is not None else [(0, path)]
        for place, (number, file) in enumerate(passes, start=1):
            notes = _encode_once(
                *(source, offsets, block_pixels, file, encoding, part_seconds),
                encoding.options(number, stats),
                has_sound=file == path,
                on_frame=lambda done, place=place: on_frame(place, done),  # type: ignore[misc]  # mypy sees no default
            )
    return notes


def _require(codec: RoiCodec) -> None:
    if CODECS[codec] not in av.codecs_available:
        raise OutputError(
            codec, "this FFmpeg has no such encoder", "Install the wheel of PyAV, or choose another --codec"
        )


def _encode_once(
    source: str,
    offsets: Offsets | None,
    block_pixels: int,
    path: Path,
    encoding: Encoding,
    part_seconds: tuple[float | None, float | None],
    options: Mapping[str, str],
    *,
    has_sound: bool,
    on_frame: Callable[[int], None],
) -> list[str]:
    done = 0
    with open_source(source) as reader:
        info = reader.info
        with closing(_pictures(reader, source, encoding.codec, part_seconds)) as pictures:
            # Its size, format and colours are the encoder's, which is opened before anything is written.
            first = next(pictures)
            marked = _Marker(first[0], offsets, block_pixels)
            with FrameWriter(
                path,
                codec=CODECS[encoding.codec],
                options=options,
                settle=lambda context: _settle(context, marked.apply(first[0], 0), encoding, info.pixel_aspect),
                rate=info.rate,
                time_base=info.time_base,
                audio_from=info.path if has_sound and info.has_audio else None,
                audio_start_seconds=first[1],
                all_sound=True,
            ) as writer:
                for done, (frame, seconds) in enumerate(chain([first], pictures), start=1):
                    writer.write_frame(marked.apply(frame, done - 1), seconds - first[1])
                    on_frame(done)
                if offsets is not None and done != len(offsets):
                    problem = f"has {counted(done, 'frame')} now, and {len(offsets)} were predicted"
                    raise SourceError(source, problem, "Predict it again")
    return writer.notes


def _pictures(
    reader: VideoReader, source: str, codec: RoiCodec, part: tuple[float | None, float | None]
) -> Generator[Picture, None, None]:
    """The frames of the part: in the source's own pixel format where the encoder takes it, else by way of RGB."""
    begin, end = part[0] or 0.0, float("inf") if part[1] is None else part[1]
    if isinstance(reader, ContainerReader):
        native = ((frame, seconds) for frame, seconds in reader.decoded() if seconds >= begin)
        first = next(native, None)
        # As it is decoded: 10 bits stay 10, and nothing goes through RGB and back.
        if first is not None and _takes(codec, first[0]):
            yield from _of_one_size(_until(chain([first], native), end))
            return
    to_yuv = YUVConverter()
    with open_source(source, start_seconds=part[0], end_seconds=part[1]) as again:
        for frame in again:
            yield to_yuv(frame.rgb), frame.time_seconds


def _until(pictures: Iterator[Picture], end: float) -> Iterator[Picture]:
    for picture in pictures:
        if picture[1] >= end:
            return
        yield picture


def _takes(codec: RoiCodec, frame: VideoFrame) -> bool:
    """Whether the encoder takes frames as they are: alpha, RGB and odd sides have to be dealt with."""
    formats = Codec(CODECS[codec], "w").video_formats or []
    # Chroma of 4:2:0 has half the sides.
    is_even = frame.width % 2 == 0 == frame.height % 2
    return is_even and not frame.format.is_rgb and frame.format.name in {known.name for known in formats}


def _of_one_size(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """Later frames scaled to the size and format of the first, as players do."""
    size = None
    for frame, seconds in pictures:
        size = size or (frame.width, frame.height, frame.format.name)
        if (frame.width, frame.height, frame.format.name) != size:
            frame = frame.reformat(*size)
        yield frame, seconds


def _settle(context: VideoCodecContext, frame: VideoFrame, encoding: Encoding, pixel_aspect: Fraction) -> None:
    """Tell the encoder what the frames are: all as in the first."""
    context.width, context.height = frame.width, frame.height
    context.pix_fmt = frame.format.name
    # The reader's, in which a turn by a quarter has already swapped the sides.
    context.sample_aspect_ratio = pixel_aspect
    context.thread_count = 0  # the encoder's own choice
    context.colorspace, context.color_range = int(frame.colorspace), int(frame.color_range)
    for name in ("color_primaries", "color_trc"):  # which PyAV 14 does not know of frames
        setattr(context, name, int(getattr(frame, name, UNSPECIFIED)))
    if encoding.kbps is not None:
        context.bit_rate = round(encoding.kbps * 1000)


class _Marker:
    """Turns frames upright and marks their regions, both by FFmpeg's filters.

    Args:
        first: frame of the video.
        offsets: (frames, rows, columns); None: nothing is marked.
        block_pixels: side of a block.
    """

    def __init__(self, first: VideoFrame, offsets: Offsets | None, block_pixels: int) -> None:
        self._turns = upright_filters(display_matrix(first))
        self._offsets, self._block_pixels = offsets, block_pixels
        is_turned = ("transpose", "cclock_flip") in self._turns
        self._size_wh = (first.height, first.width) if is_turned else (first.width, first.height)
        self._range = qp_range(first.format)
        self._graph: Graph | None = None
        self._last: Offsets | None = None

    def apply(self, frame: VideoFrame, index: int) -> VideoFrame:
        """The frame, with the regions of its place among all."""
        # A frame too many takes the last offsets; the count is checked when all are done.
        now = None if self._offsets is None else self._offsets[min(index, len(self._offsets) - 1)]
        is_new = now is not None and (self._last is None or not np.array_equal(now, self._last))
        if self._graph is None or is_new:
            # Filters cannot be told new regions, so that new offsets need a new graph: 4 ms for 200 of them.
            regions = [] if now is None else regions_of(np.asarray(now), self._size_wh, self._block_pixels)
            self._graph, self._last = self._made(frame, regions), now
        self._graph.push(frame)
        marked = self._graph.pull()
        assert isinstance(marked, VideoFrame)
        return marked

    def _made(self, frame: VideoFrame, regions: Sequence[Region]) -> Graph:
        graph = Graph()
        if hasattr(graph, "threads"):  # since PyAV 15; none of these filters needs a pool
            graph.threads = 1
        last = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
        )
        marks = [("addroi", f"{r.x}:{r.y}:{r.width}:{r.height}:{r.offset}/{self._range}") for r in regions]
        for name, arguments in [*self._turns, *marks, ("buffersink", "")]:
            following = graph.add(name, arguments or None)
            last.link_to(following)
            last = following
        graph.configure()
        return graph


def qp_range(format: VideoFormat) -> int:
    """The QP that a region's offset of 1 stands for, by the bits of the format."""
    return 51 + 6 * (max(component.bits for component in format.components) - 8)
