"""Videos and stills: what the model saw, drawn frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2

from gfsalnet.errors import OutputError
from gfsalnet.files import write_png, written_whole
from gfsalnet.render.colours import as_bytes
from gfsalnet.render.flow_view import FULL_FLOW, flow_view
from gfsalnet.render.gate import gate_view
from gfsalnet.render.legend import (
    CONTOUR_LEGEND,
    GATE_LEGEND,
    NO_MOTION_YET,
    add_legend,
    attention_legend,
    flow_legend,
    focus_legend,
)
from gfsalnet.render.look import Look, MapForm
from gfsalnet.render.overlay import contours, focus, overlay, side_by_side
from gfsalnet.render.sinks import FileSink, Write, grey_map
from gfsalnet.types import RGB, Frame, Prediction
from gfsalnet.video import VideoInfo, VideoWriter

LARGEST_VIDEO_SIDE = 4096
"""Pixels: larger frames are drawn smaller in videos, since x264 needs gigabytes for 8K; stills and maps are not."""


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """How everything of one source is drawn and stored."""

    look: Look = field(default_factory=Look)
    maps: MapForm = field(default_factory=MapForm)
    video_peak: float | None = None
    """The largest `density · h · w` of the video, where something is scaled by it."""
    page: Callable[[Path, VideoInfo], FileSink] | None = None
    """Opens the sink of the HTML page, which knows the model; None: there can be none."""


Draw = Callable[[Prediction, Rendering], RGB]


def video_sink(path: Path, info: VideoInfo, draw: Draw, rendering: Rendering, widened: int = 1) -> FileSink:
    """An mp4 with the times, the rate and the sound of the source; at most `LARGEST_VIDEO_SIDE` pixels on each side.

    Args:
        path: of the mp4.
        info: of the source.
        draw: one frame.
        rendering: how.
        widened: how many times as wide as the frame the pictures are.
    """
    notes: list[str] = []
    return FileSink(path, _video(path, info, draw, rendering, widened, notes), notes)


def still_sink(path: Path, draw: Draw, rendering: Rendering) -> FileSink:
    """One PNG, for a source that is a picture."""
    return FileSink(path, _still(path, draw, rendering))


def video_size_wh(size_wh: tuple[int, int]) -> tuple[int, int]:
    """The frame's width and height, or in the same proportion with `LARGEST_VIDEO_SIDE` as the longer side."""
    scale = min(1.0, LARGEST_VIDEO_SIDE / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def draw_overlay(prediction: Prediction, rendering: Rendering) -> RGB:
    """The heat map over the frame (H, W, 3)."""
    look = rendering.look
    view = overlay(prediction.frame.rgb, prediction.map_density, look, video_peak=rendering.video_peak)
    if look.legend:
        add_legend(view, attention_legend(look))
    return view


def draw_focus(prediction: Prediction, rendering: Rendering) -> RGB:
    """The frame, dimmed where viewers do not look (H, W, 3)."""
    look = rendering.look
    view = focus(prediction.frame.rgb, prediction.map_density, look, video_peak=rendering.video_peak)
    if look.legend:
        add_legend(view, focus_legend(look))
    return view


def draw_contours(prediction: Prediction, rendering: Rendering) -> RGB:
    """Lines around the areas that hold half and nine tenths of the looks, over the frame (H, W, 3)."""
    view = contours(prediction.frame.rgb, prediction.map_density)
    if rendering.look.legend:
        add_legend(view, CONTOUR_LEGEND)
    return view


def draw_side(prediction: Prediction, rendering: Rendering) -> RGB:
    """The frame, and the overlay to the right of it (H, 2·W, 3)."""
    return side_by_side(prediction.frame.rgb, draw_overlay(prediction, rendering))


def draw_gate(prediction: Prediction, rendering: Rendering) -> RGB:
    """`gate_view` (H, W, 3).

    Raises:
        OutputError: if the model has one stream.
    """
    if prediction.map_gate is None:
        raise OutputError("gate", "the model has one stream, so no gate", "Choose a two-stream model, or save no gate.")
    view = gate_view(prediction, rendering.look, video_peak=rendering.video_peak)
    if rendering.look.legend:
        add_legend(view, NO_MOTION_YET if prediction.starts_shot else GATE_LEGEND)
    return view


def draw_flow(prediction: Prediction, rendering: Rendering) -> RGB:
    """`flow_view` (H, W, 3)."""
    view = flow_view(prediction)
    if rendering.look.legend:
        add_legend(view, flow_legend(max(prediction.frame.size_hw) * FULL_FLOW))
    return view


def draw_grey(prediction: Prediction, rendering: Rendering) -> RGB:
    """The map in grey (H, W, 3), its numbers as `MapForm.values` says."""
    grey = grey_map(prediction, rendering.maps.values or "frame", rendering.video_peak)
    return as_bytes(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))


@contextmanager
def _video(
    path: Path, info: VideoInfo, draw: Draw, rendering: Rendering, widened: int, notes: list[str]
) -> Iterator[Write]:
    width, height = info.size_wh
    # The limit is one of the whole picture; each part then has the same whole number of columns.
    wide_wh = video_size_wh((width * widened, height))
    size_wh = wide_wh[0] // widened, wide_wh[1]
    with (
        # The writer is left before the file is renamed: closing it writes the index.
        written_whole(path) as partial,
        VideoWriter(
            partial,
            size_wh=(size_wh[0] * widened, size_wh[1]),
            rate=info.rate,
            time_base=info.time_base,
            audio_from=info.path if info.has_audio else None,
            audio_start_seconds=info.start_seconds,
            pixel_aspect=info.pixel_aspect,
        ) as writer,
    ):

        def write(prediction: Prediction) -> None:
            if size_wh != info.size_wh:
                # The frame is reduced before drawing; the maps are resized to it anyway.
                prediction = _with_frame_of(prediction, size_wh)
            # The video begins with the first frame that was read, wherever in its source that lies.
            writer.write(draw(prediction, rendering), prediction.time_seconds - info.start_seconds)

        yield write
    # Only now: what the sound lacks is known when the writer is closed.
    notes.extend(writer.notes)


@contextmanager
def _still(path: Path, draw: Draw, rendering: Rendering) -> Iterator[Write]:
    with written_whole(path) as partial:
        yield lambda prediction: write_png(partial, draw(prediction, rendering))


def _with_frame_of(prediction: Prediction, size_wh: tuple[int, int]) -> Prediction:
    frame = prediction.frame
    rgb = as_bytes(cv2.resize(frame.rgb, size_wh, interpolation=cv2.INTER_AREA))
    return replace(prediction, frame=Frame(rgb, frame.time_seconds, frame.index))
