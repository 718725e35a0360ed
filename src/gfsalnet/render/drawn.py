"""Videos and stills: what the model saw, drawn frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2

from gfsalnet.errors import OutputError
from gfsalnet.files import write_png, written_whole
from gfsalnet.flow import flow_image, white_image
from gfsalnet.render.gate import gate_view
from gfsalnet.render.overlay import as_bytes, overlay
from gfsalnet.render.sinks import FileSink, Write
from gfsalnet.types import RGB, Frame, Prediction
from gfsalnet.video import VideoInfo, VideoWriter

LARGEST_VIDEO_SIDE = 4096
"""Pixels: larger frames are drawn smaller in videos, since x264 needs gigabytes for 8K; stills and maps are not."""

FULL_FLOW = 1 / 32
"""The motion drawn in full colour: this part of the flow field's longer side per frame interval.

Fixed, so that frames compare and the noise of a still scene stays faint; a model may be fed another scale.
"""

Draw = Callable[[Prediction], RGB]


def video_sink(path: Path, info: VideoInfo, draw: Draw) -> FileSink:
    """An mp4 with the times, the rate and the sound of the source; at most `LARGEST_VIDEO_SIDE` pixels on each side."""
    notes: list[str] = []
    return FileSink(path, _video(path, info, draw, notes), notes)


def still_sink(path: Path, draw: Draw) -> FileSink:
    """One PNG, for a source that is a picture."""
    return FileSink(path, _still(path, draw))


def video_size_wh(size_wh: tuple[int, int]) -> tuple[int, int]:
    """The frame's width and height, or in the same proportion with `LARGEST_VIDEO_SIDE` as the longer side."""
    scale = min(1.0, LARGEST_VIDEO_SIDE / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def draw_overlay(prediction: Prediction) -> RGB:
    """The heat map over the frame (H, W, 3)."""
    return overlay(prediction.frame.rgb, prediction.map_density)


def draw_gate(prediction: Prediction) -> RGB:
    """`gate_view` (H, W, 3).

    Raises:
        OutputError: if the model has one stream.
    """
    if prediction.map_gate is None:
        raise OutputError("gate", "the model has one stream, so no gate", "Choose a two-stream model, or save no gate.")
    return gate_view(prediction)


def draw_flow(prediction: Prediction) -> RGB:
    """The flow image at the frame's size (H, W, 3), hue the direction; white where there is no motion or no flow."""
    size_hw = prediction.frame.size_hw
    if prediction.flow is None:
        return white_image(size_hw)
    longest_side = max(prediction.flow.size_hw)
    picture = flow_image(prediction.flow, max_pixels=longest_side * FULL_FLOW)
    return as_bytes(cv2.resize(picture, size_hw[::-1]))


@contextmanager
def _video(path: Path, info: VideoInfo, draw: Draw, notes: list[str]) -> Iterator[Write]:
    size_wh = video_size_wh(info.size_wh)
    with (
        # The writer is left before the file is renamed: closing it writes the index.
        written_whole(path) as partial,
        VideoWriter(
            partial,
            size_wh=size_wh,
            rate=info.rate,
            time_base=info.time_base,
            audio_from=info.path if info.has_audio else None,
            pixel_aspect=info.pixel_aspect,
        ) as writer,
    ):

        def write(prediction: Prediction) -> None:
            if size_wh != info.size_wh:
                # The frame is reduced before drawing; the maps are resized to it anyway.
                prediction = _with_frame_of(prediction, size_wh)
            writer.write(draw(prediction), prediction.time_seconds)

        yield write
    # Only now: what the sound lacks is known when the writer is closed.
    notes.extend(writer.notes)


@contextmanager
def _still(path: Path, draw: Draw) -> Iterator[Write]:
    with written_whole(path) as partial:
        yield lambda prediction: write_png(partial, draw(prediction))


def _with_frame_of(prediction: Prediction, size_wh: tuple[int, int]) -> Prediction:
    frame = prediction.frame
    rgb = as_bytes(cv2.resize(frame.rgb, size_wh, interpolation=cv2.INTER_AREA))
    return replace(prediction, frame=Frame(rgb, frame.time_seconds, frame.index))
