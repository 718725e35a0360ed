"""A plan for FFmpeg: commands for its crop filter, and a graph of filters that runs them.

    ffmpeg -i clip.mp4 -/filter_complex filter.txt -map "[v]" -map "0:a?" -c:a copy reframed.mp4

in the folder of both files. FFmpeg crops at whole pixels, and turns frames upright as we do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gfsalnet.apply.reframe.aspect import Crop
from gfsalnet.apply.reframe.plan import ShotView
from gfsalnet.apply.reframe.views import BLUR_LIGHT, BLUR_SHARE, Bars
from gfsalnet.video import Letterbox

COMMANDS, GRAPH = "crop.cmd", "filter.txt"
EARLY_SECONDS = 0.001
"""Commands are due this much before their frames: stamps are rounded."""


def write_ffmpeg_files(folder: Path, crop: Crop, views: Sequence[ShotView], bars: Bars) -> None:
    """Write `crop.cmd` and `filter.txt`.

    Raises:
        OSError: if they cannot be written.
    """
    (folder / COMMANDS).write_text("".join(commands(crop, views)), encoding="ascii")
    (folder / GRAPH).write_text(graph(crop, views, bars), encoding="ascii")


def commands(crop: Crop, views: Sequence[ShotView]) -> Iterator[str]:
    """A line for each frame at which the crop goes elsewhere, as FFmpeg's filter sendcmd reads them."""
    name, last = "xy"[crop.axis], -1
    for view in views:
        for seconds, start in zip(view.shot.times_seconds.tolist(), view.starts.tolist(), strict=True):
            # Only where it changes: FFmpeg keeps what it was told, and files stay small.
            if (place := round(start)) != last:
                last = place
                yield f"{_due(seconds):.6f} crop {name} {place};\n"


def graph(crop: Crop, views: Sequence[ShotView], bars: Bars) -> str:
    """A graph of filters from `[0:v]` to `[v]`; shots that are shown whole are laid over the crop."""
    width, height = crop.size_wh
    x, y = (int(corner) for corner in crop.corner(float(round(views[0].starts[0])) if views else 0.0))
    cropped = f"sendcmd=f={COMMANDS},crop=w={width}:h={height}:x={x}:y={y}"
    whole = [view for view in views if view.view == "whole"]
    if not whole:
        return f"[0:v]{cropped}[v]\n"
    # In FFmpeg's expressions a sum of conditions is their "or".
    shown = "+".join(f"gte(t,{_due(v.shot.times_seconds[0]):.6f})*lt(t,{_due(v.shot.end_seconds):.6f})" for v in whole)
    return (
        f"[0:v]split[a][b];\n[a]{cropped}[cropped];\n{_between_bars(crop, bars)}"
        f"[cropped][whole]overlay=enable='{shown}'[v]\n"
    )


def _between_bars(crop: Crop, bars: Bars) -> str:
    (width, height), box = crop.size_wh, Letterbox(crop.frame_wh[::-1], crop.size_wh[::-1])
    (inner_height, inner_width), (top, left) = box.inner_hw, box.offset_yx
    fitted = f"scale={inner_width}:{inner_height}"
    if bars == "black":
        return f"[b]{fitted},pad={width}:{height}:{left}:{top}[whole];\n"
    darker = "colorchannelmixer=" + ":".join(f"{channel}={BLUR_LIGHT}" for channel in ("rr", "gg", "bb"))
    blurred = f"crop={width}:{height},gblur=sigma={BLUR_SHARE * max(width, height):.1f},{darker}"
    return (
        f"[b]split[c][d];\n[c]{blurred}[behind];\n[d]{fitted}[fitted];\n[behind][fitted]overlay={left}:{top}[whole];\n"
    )


def _due(seconds: float) -> float:
    return max(0.0, seconds - EARLY_SECONDS)
