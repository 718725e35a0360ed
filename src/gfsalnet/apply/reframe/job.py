"""A video in another aspect: read once to see where viewers look, and once more to crop it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet._version import __version__
from gfsalnet.apply.reframe.aspect import Aspect, Crop, largest_crop
from gfsalnet.apply.reframe.ffmpeg_files import write_ffmpeg_files
from gfsalnet.apply.reframe.plan import PlanSettings, ShotView, plan_shot
from gfsalnet.apply.reframe.shots import address_again, read_shots
from gfsalnet.apply.reframe.views import Bars, cropped, whole
from gfsalnet.areas import Area, check_fit, read_areas
from gfsalnet.device import threads
from gfsalnet.errors import SourceError
from gfsalnet.files import write_json, write_png
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import read_ahead
from gfsalnet.predict import predictions
from gfsalnet.render.drawn import video_size_wh
from gfsalnet.store import SUMMARY_FILE, made_whole
from gfsalnet.types import RGB, Frame
from gfsalnet.video import VideoInfo, VideoReader, VideoWriter, open_source, prefetch
from gfsalnet.video.geometry import resize_rgb

VIDEO, PICTURE, PATH = "reframed.mp4", "reframed.png", "path.json"
OnFrame = Callable[[int, str], None]
"""Called with the number of frames that are done, and the stage: none, or `cropping`."""
Part = tuple["float | None", "float | None"]
"""Seconds from and to which a source is read."""


@dataclass(frozen=True, kw_only=True)
class ReframeSettings:
    """What is made of a source."""

    aspect: Aspect
    plan: PlanSettings = field(default_factory=PlanSettings)
    bars: Bars = "black"
    """What is around a shot that is shown whole."""
    areas: Path | None = None
    """A file of areas that are to stay in view (docs/areas.md)."""
    video: bool = True
    """Whether the video is rendered; the path is always written."""


@dataclass(frozen=True, kw_only=True)
class Reframed:
    """What was written for one source."""

    folder: Path
    frames: int
    views: list[ShotView]
    kept_share: float
    """Share of the predicted looks over the whole video; a shot shown whole keeps all."""
    notes: list[str]


def reframe(
    reader: VideoReader,
    model: SaliencyModel,
    folder: Path,
    settings: ReframeSettings,
    *,
    output: Path | None = None,
    part_seconds: Part = (None, None),
    record: Mapping[str, Any] | None = None,
    on_frame: OnFrame = lambda done, stage: None,
) -> Reframed:
    """Reframe one source into a folder that appears whole; what is there is replaced.

    Args:
        reader: of the source, or of a part of it; the source is opened once more to crop it.
        model: predicts.
        folder: to write.
        settings: what is made.
        output: where an earlier `predict` may have left predictions of the same, see `gfsalnet.predict.predictions`.
        part_seconds: the part that the reader gives.
        record: what determines the results, as JSON values, for the summary.
        on_frame: called with the number of frames that are done, and the stage.

    Raises:
        SourceError: if it cannot be read or only once, or is too small for the aspect.
        AreasError: if the areas do not fit it.
        OutputError: if it cannot be written.
    """
    info = reader.info
    # Before anything is predicted: what cannot be read twice is refused at once.
    again = address_again(info)
    crop = largest_crop(info.source, info.size_wh, settings.aspect, info.pixel_aspect, even=info.kind != "image")
    areas, notes = _areas(info, settings, part_seconds)
    began = time.perf_counter()
    with made_whole(folder) as partial:
        with closing(predictions(reader, model, output, part_seconds)) as looks:
            shots = read_shots(looks, crop.axis, info.rate, lambda done: on_frame(done, ""))
        views = [plan_shot(shot, crop, areas, settings.plan) for shot in shots]
        seen = time.perf_counter()
        notes += _lost_areas(views)
        write_json(partial / PATH, path_entries(info, crop, views, settings))
        if info.kind != "image":
            write_ffmpeg_files(partial, crop, views, settings.bars)
        if settings.video:
            with open_source(again, start_seconds=part_seconds[0], end_seconds=part_seconds[1]) as second:
                notes += _render(partial, second, info, crop, views, settings.bars, on_frame)
        summary = {
            "request": dict(record or {}),
            **_found(reader, crop, views, notes),
            "outputs": sorted(path.name for path in partial.iterdir()),
            "seconds": {"look": round(seen - began, 3), "write": round(time.perf_counter() - seen, 3)},
            "version": __version__,
        }
        write_json(partial / SUMMARY_FILE, summary)
    return Reframed(folder=folder, frames=_frames(views), views=views, kept_share=_kept(views), notes=notes)


def _found(reader: VideoReader, crop: Crop, views: Sequence[ShotView], notes: Sequence[str]) -> dict[str, Any]:
    info = reader.info
    return {
        "video": {"size_wh": info.size_wh, "crop_size_wh": crop.size_wh, "rate": info.rate},
        "frames": _frames(views),
        "shots": len(views),
        "kept_share": round(_kept(views), 4),
        "notes": [*reader.report.notes, *notes],
        "damage": reader.report.damage,
    }


def _frames(views: Sequence[ShotView]) -> int:
    return sum(len(view.shot.indices) for view in views)


def _areas(info: VideoInfo, settings: ReframeSettings, part_seconds: Part) -> tuple[list[Area], list[str]]:
    if settings.areas is None:
        return [], []
    areas = read_areas(settings.areas)
    # Of a part of a video areas may be shown before or after it.
    end = info.duration_seconds if part_seconds == (None, None) and info.kind != "image" else None
    return areas, check_fit(areas, settings.areas, info.size_wh, end)


def _lost_areas(views: Sequence[ShotView]) -> Iterator[str]:
    for view in views:
        if view.areas_lost:
            shown = "is shown whole" if view.view == "whole" else "loses a part of them"
            yield f"the areas do not fit in the crop at {view.shot.times_seconds[0]:.2f} s: that shot {shown}"


def _kept(views: Sequence[ShotView]) -> float:
    seconds = [view.shot.end_seconds - view.shot.times_seconds[0] for view in views]
    return float(np.average([1.0 if view.view == "whole" else view.kept_share for view in views], weights=seconds))


def _render(
    folder: Path,
    reader: VideoReader,
    info: VideoInfo,
    crop: Crop,
    views: Sequence[ShotView],
    bars: Bars,
    on_frame: OnFrame,
) -> list[str]:
    """Write the video or the picture; what it lacks is returned."""
    with threads(1, torch=False), closing(prefetch(reader, read_ahead(info.size_wh))) as frames:
        pictures = _pictures(frames, info, crop, views, bars)
        if info.kind == "image":
            write_png(folder / PICTURE, next(pictures)[1])
            return []
        return _write_video(folder / VIDEO, pictures, info, crop, on_frame)


def _pictures(
    frames: Iterator[Frame], info: VideoInfo, crop: Crop, views: Sequence[ShotView], bars: Bars
) -> Iterator[tuple[float, RGB]]:
    """The time and the new picture of every frame.

    Raises:
        SourceError: if the second reading gives other frames than the first.
    """
    for view in views:
        for index, start in zip(view.shot.indices.tolist(), view.starts.tolist(), strict=True):
            frame = next(frames, None)
            # A path over other frames than it was planned for would be wrong without a word.
            if frame is None or frame.index != index:
                raise SourceError(info.source, "changed while it was read", "Start again when it is complete.")
            rgb = whole(frame.rgb, crop, bars) if view.view == "whole" else cropped(frame.rgb, crop, start)
            yield frame.time_seconds, rgb


def _write_video(
    path: Path, pictures: Iterator[tuple[float, RGB]], info: VideoInfo, crop: Crop, on_frame: OnFrame
) -> list[str]:
    size_wh = video_size_wh(crop.size_wh)
    with VideoWriter(
        path,
        size_wh=size_wh,
        rate=info.rate,
        time_base=info.time_base,
        audio_from=info.path if info.has_audio else None,
        audio_start_seconds=info.start_seconds,
        all_sound=True,
        pixel_aspect=info.pixel_aspect,
    ) as writer:
        for done, (seconds, rgb) in enumerate(pictures, start=1):
            writer.write(resize_rgb(rgb, size_wh[::-1]), seconds - info.start_seconds)
            on_frame(done, "cropping")
    return writer.notes


def path_entries(info: VideoInfo, crop: Crop, views: Sequence[ShotView], settings: ReframeSettings) -> dict[str, Any]:
    """What `path.json` holds; its entries are described in docs/apply.md."""
    return {
        "source": Path(info.source).name if info.path is not None else info.name,
        "source_size_wh": info.size_wh,
        "aspect": str(settings.aspect),
        "crop_size_wh": crop.size_wh,
        "bars": settings.bars,
        "shots": [_shot_entry(crop, view) for view in views],
    }


def _shot_entry(crop: Crop, view: ShotView) -> dict[str, Any]:
    shot = view.shot
    corners = np.round([crop.corner(float(start)) for start in view.starts], 2)
    # The first frame, and those that go elsewhere by what is written.
    moves = [0, *(np.flatnonzero((np.diff(corners, axis=0) != 0).any(axis=1)) + 1)]
    return {
        "view": view.view,
        "start_seconds": round(float(shot.times_seconds[0]), 6),
        "end_seconds": round(shot.end_seconds, 6),
        "frames": len(shot.indices),
        "kept_share": round(view.kept_share, 4),
        "way_lengths": round(view.way_lengths, 4),
        "path": [
            {
                "frame_index": int(shot.indices[k]),
                "time_seconds": round(float(shot.times_seconds[k]), 6),
                **dict(zip("xy", corners[k].tolist(), strict=True)),
            }
            for k in moves
        ],
    }
