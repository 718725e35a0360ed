"""The QP offsets of one source, and the source encoded by them, in a folder that appears whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import av
import numpy as np

from gfsalnet._version import __version__
from gfsalnet.apply.roi.encoding import Encoding, encode
from gfsalnet.apply.roi.files import SvtAv1Map
from gfsalnet.apply.roi.offsets import RoiSettings, frame_offsets
from gfsalnet.choices import RoiWord
from gfsalnet.errors import OutputError
from gfsalnet.files import write_json
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.render.stack import MapStack
from gfsalnet.store import SUMMARY_FILE, made_whole
from gfsalnet.types import Prediction
from gfsalnet.video import VideoInfo, count_frames
from gfsalnet.words import counted

OFFSETS, SVT_AV1, ENCODED = "qp_offsets.npz", "svt-av1.txt", "encoded.mp4"
FINE_BLOCKS_WIDTH = 960
"""Width in pixels up to which blocks of 16 pixels are finer than the maps; above, 32 are up to twice that, then 64."""


@dataclass(frozen=True, kw_only=True)
class RoiRequest:
    """What is made of one source."""

    settings: RoiSettings
    save: tuple[RoiWord, ...] = ("npz",)
    encoding: Encoding | None = None
    """How the video is encoded; None: not at all."""
    part_seconds: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True, kw_only=True)
class RoiResult:
    """What was made of one source."""

    folder: Path
    frames: int
    encoded_bytes: int | None
    """Size of the whole file, sound too."""
    notes: list[str]


def block_for(width_pixels: int) -> int:
    """The side of blocks for videos of a width: about as fine as the maps of the shipped model."""
    return 16 if width_pixels <= FINE_BLOCKS_WIDTH else 32 if width_pixels <= 2 * FINE_BLOCKS_WIDTH else 64


def write_roi(
    predictions: Iterable[Prediction],
    info: VideoInfo,
    folder: Path,
    request: RoiRequest,
    record: Mapping[str, Any] | None = None,
    on_frame: Callable[[int], None] = lambda done: None,
    on_encoded: Callable[[int, int], None] = lambda number, done: None,
) -> RoiResult:
    """Write the offsets, and encode the source by them if that is asked for.

    Args:
        predictions: of every frame of the part.
        info: of the source.
        folder: to write; what is there is replaced.
        request: what is asked for.
        record: what determines the results, as JSON values, for the summary.
        on_frame: called with the number of frames whose offsets are known.
        on_encoded: called with the number of the pass, from 1 on, and of its frames that are done.

    Raises:
        SourceError: if the source cannot be read again to be encoded.
        OutputError: if something cannot be written, or the encoder is missing.
    """
    with made_whole(folder) as partial:
        frames, mean = _write_offsets(predictions, partial, request, on_frame)
        notes: list[str] = []
        path = partial / ENCODED
        if request.encoding is not None:
            offsets = ArrayArchive(partial / OFFSETS, OutputError).mapped("qp_offsets")
            source = str(info.path or info.address or info.source)  # standard input lies in a file
            block, part = request.settings.block_pixels, request.part_seconds
            notes = encode(source, offsets, block, path, request.encoding, part_seconds=part, on_frame=on_encoded)
            if (written := count_frames(path)) != frames:
                problem = f"holds {counted(written, 'frame')} of {frames}"
                raise OutputError(folder / ENCODED, problem, "Please report this")
        if "npz" not in request.save:
            # The encoder has read it back; who did not ask for it does not get it.
            (partial / OFFSETS).unlink()
        encoded_bytes = path.stat().st_size if request.encoding is not None else None
        summary = {
            "request": dict(record or {}),
            "settings": asdict(request.settings),
            "frames": frames,
            "mean_offset_qp": round(mean, 3),
            "encoded_bytes": encoded_bytes,
            "notes": notes,
            "versions": {"gfsalnet": __version__, "av": av.__version__},
            "outputs": sorted(path.name for path in partial.iterdir()),
        }
        write_json(partial / SUMMARY_FILE, summary)
    return RoiResult(folder=folder, frames=frames, encoded_bytes=encoded_bytes, notes=notes)


def _write_offsets(
    predictions: Iterable[Prediction], folder: Path, request: RoiRequest, on_frame: Callable[[int], None]
) -> tuple[int, float]:
    """The number of frames, and the mean of all their offsets in QP."""
    frames, total = 0, 0.0
    svt_av1 = SvtAv1Map(request.settings.strength, request.settings.block_pixels)
    with ExitStack() as files:
        # On the disk: offsets of a whole film at fine blocks do not belong into memory.
        body = files.enter_context(TemporaryFile(dir=folder))
        stack = MapStack(body, "qp_offsets", "int8")
        lines = None
        if "svt-av1" in request.save:
            lines = files.enter_context((folder / SVT_AV1).open("w", encoding="ascii", newline="\n"))
        for offsets, seconds in frame_offsets(predictions, request.settings):
            stack.append(offsets, seconds)
            if lines is not None:
                lines.write(svt_av1.line(offsets))
            frames, total = frames + 1, total + float(np.mean(offsets))
            on_frame(frames)
        stack.save(folder / OFFSETS)
    return frames, total / max(frames, 1)
