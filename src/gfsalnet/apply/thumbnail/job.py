"""Thumbnails of one source, in a folder that appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gfsalnet._version import __version__
from gfsalnet.apply.reframe.aspect import Aspect, Crop, largest_crop
from gfsalnet.apply.reframe.shots import address_again
from gfsalnet.apply.reframe.views import cropped
from gfsalnet.apply.thumbnail.choice import Thumbnail, choose, measure
from gfsalnet.areas.tables import write_table
from gfsalnet.errors import SourceError
from gfsalnet.files import write_jpeg, write_json
from gfsalnet.models import SaliencyModel
from gfsalnet.predict import predictions
from gfsalnet.store import SUMMARY_FILE, made_whole
from gfsalnet.types import RGB
from gfsalnet.video import VideoInfo, VideoReader, open_source
from gfsalnet.video.geometry import resize_rgb

TABLE = "thumbnails.csv"


@dataclass(frozen=True, kw_only=True)
class Thumbnails:
    """What was written for one source."""

    folder: Path
    frames: int
    """Number of frames that were looked at."""
    chosen: list[Thumbnail]
    """The best first."""


def thumbnails(
    reader: VideoReader,
    model: SaliencyModel,
    folder: Path,
    count: int = 5,
    aspect: Aspect | None = None,
    *,
    output: Path | None = None,
    part_seconds: tuple[float | None, float | None] = (None, None),
    record: Mapping[str, Any] | None = None,
    on_frame: Callable[[int], None] = lambda done: None,
) -> Thumbnails:
    """Choose and write thumbnails of one source into a folder that appears whole; what is there is replaced.

    Args:
        reader: of the source, or of a part of it; the source is opened once more for its pictures.
        model: predicts.
        folder: to write.
        count: the most there may be.
        aspect: of a crop around the looks; None: the whole frame.
        output: where an earlier `predict` may have left predictions of the same, see `gfsalnet.predict.predictions`.
        part_seconds: the part that the reader gives.
        record: what determines the results, as JSON values, for the summary.
        on_frame: called with the number of frames that are done.

    Raises:
        SourceError: if it cannot be read or only once, or is too small for the aspect.
        OutputError: if something cannot be written.
    """
    info = reader.info
    again = address_again(info)
    crop = None
    if aspect is not None:
        crop = largest_crop(info.source, info.size_wh, aspect, info.pixel_aspect, even=False)
    with made_whole(folder) as partial:
        with closing(predictions(reader, model, output, part_seconds)) as looks:
            qualities = measure(looks, crop, on_frame)
        found = choose(qualities, count)
        # Read again for a few frames: which ones is known at the end only, and all of them do not fit into memory.
        with open_source(again, start_seconds=part_seconds[0], end_seconds=part_seconds[1]) as second:
            _write_pictures(partial, second, info, crop, found)
        rows = [_row(one, crop) for one in found]
        write_table(partial / TABLE, {name: type(value) for name, value in rows[0].items()}, rows, parquet=False)
        summary = {
            "request": dict(record or {}),
            "frames": len(qualities),
            "thumbnails": rows,
            "damage": reader.report.damage,
            "outputs": sorted(path.name for path in partial.iterdir()),
            "version": __version__,
        }
        write_json(partial / SUMMARY_FILE, summary)
    return Thumbnails(folder=folder, frames=len(qualities), chosen=found)


def _write_pictures(
    folder: Path, reader: VideoReader, info: VideoInfo, crop: Crop | None, found: Sequence[Thumbnail]
) -> None:
    wanted = {one.quality.frame_index: one for one in found}
    for frame in reader:
        if (one := wanted.pop(frame.index, None)) is not None:
            start = one.quality.crop_start
            rgb = frame.rgb if crop is None or start is None else cropped(frame.rgb, crop, start)
            write_jpeg(folder / one.file, _as_shown(rgb, info))
        # The rest of a long video need not be decoded.
        if not wanted:
            return
    raise SourceError(info.source, "changed while it was read", "Start again when it is complete.")


def _as_shown(rgb: RGB, info: VideoInfo) -> RGB:
    """The picture (H, W, 3) with square pixels, which a JPEG has."""
    height, width = rgb.shape[:2]
    return resize_rgb(rgb, (height, max(1, round(width * info.pixel_aspect))))


def _row(one: Thumbnail, crop: Crop | None) -> dict[str, Any]:
    quality = asdict(one.quality)
    start, kept = quality.pop("crop_start"), quality.pop("kept_share")
    quality["shot"] += 1  # as people count, and as the reason says
    row = {"file": one.file, "score": one.score, **quality, "sharper_than": one.sharper_than}
    if crop is not None:
        x, y = crop.corner(start)
        row |= {"x": int(x), "y": int(y), "width": crop.size_wh[0], "height": crop.size_wh[1], "kept_share": kept}
    return {
        **{name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()},
        "reason": one.reason,
    }
