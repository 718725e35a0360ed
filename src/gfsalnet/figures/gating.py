"""Fig. 6 and Fig. 8 of the paper for any video: how the gate combines the streams, and how that changes over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas import Area, Follower, coverage
from gfsalnet.areas.area import Corners
from gfsalnet.errors import RequestError, SourceError
from gfsalnet.figures.canvas import COLOURS, DASHES, new_figure, row_label, styled, without_ticks
from gfsalnet.figures.chosen import Clip, OnFrame, predictions
from gfsalnet.flow import flow_image
from gfsalnet.models import SaliencyModel
from gfsalnet.render import colour_table
from gfsalnet.types import Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAP_COLOURS, _WEIGHT_COLOURS = colour_table("plasma"), colour_table("viridis")
COLUMNS = ("frame", "optical flow", "$S_A$", "$S_T$", "$G_A$", "$G_T$", "$S_{final}$")
_PANEL_WIDTH_INCHES = 1.45


def colormap(table: NDArray[np.uint8]) -> Any:
    """A Matplotlib map of a table of colours (256, 3)."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(table / 255)


@styled
def figure_6(shown: Sequence[Prediction]) -> Figure:
    """A row for each frame: the frame, its flow, the maps and weights of both streams, and the final map.

    The three maps of a row share one scale, 0 to the row's maximum; the weights have the scale 0 to 1, and the flow
    that of its frame. The first frame of a shot has no motion, so its flow, motion map and weights stay empty.

    Args:
        shown: with a gate.

    Raises:
        RequestError: if the model has no gate.
    """
    if not shown or shown[0].map_gate is None:
        raise RequestError("figure 6", "shows the gate of a model of two streams", "Choose a model with a gate")
    height, width = shown[0].frame.size_hw
    row_inches = _PANEL_WIDTH_INCHES * height / width
    figure = new_figure(_PANEL_WIDTH_INCHES * len(COLUMNS) + 0.6, row_inches * len(shown) + 0.8)
    # The colour bars have a row of their own: beside panels they would push them out of line.
    grid = figure.add_gridspec(len(shown) + 1, len(COLUMNS), height_ratios=[row_inches] * len(shown) + [0.09])
    for row, prediction in enumerate(shown):
        axes = [without_ticks(figure.add_subplot(grid[row, column])) for column in range(len(COLUMNS))]
        row_label(axes[0], f"{prediction.time_seconds:.2f} s")
        _row_of_6(axes, prediction)
        if row == 0:
            for panel, title in zip(axes, COLUMNS, strict=True):
                panel.set_title(title)
    for columns, table, labels in (
        (grid[-1, 2:4], _MAP_COLOURS, ("0", "maximum of the row")),
        (grid[-1, 4:6], _WEIGHT_COLOURS, ("weight 0", "1")),
    ):
        bar = figure.add_subplot(columns)
        bar.imshow(table[None], aspect="auto")
        bar.set(yticks=[], xticks=[0, 255])
        bar.set_xticklabels(labels)
        bar.get_xticklabels()[0].set_horizontalalignment("left")
        bar.get_xticklabels()[1].set_horizontalalignment("right")
    return figure


def _row_of_6(axes: Sequence[Any], prediction: Prediction) -> None:
    height, width = prediction.frame.size_hw
    appearance, motion, gate = prediction.appearance, prediction.motion, prediction.gate
    peak = max(float(map_.max()) for map_ in (appearance, motion, prediction.density) if map_ is not None)
    if prediction.starts_shot:
        motion = gate = None
    shares = None if gate is None else 1 - gate
    maps = (appearance, motion, gate, shares, prediction.density)
    axes[0].imshow(prediction.frame.rgb)
    if prediction.flow is not None and not prediction.starts_shot:
        # The fastest hundredth is cut off: single wrong vectors would leave the rest white.
        speed = np.hypot(prediction.flow.flow_pixels[..., 0], prediction.flow.flow_pixels[..., 1])
        axes[1].imshow(
            flow_image(prediction.flow, max(0.5, float(np.quantile(speed, 0.99)))), extent=(0, width, height, 0)
        )
    for panel, values, place in zip(axes[2:], maps, range(5), strict=True):
        table, top = (_WEIGHT_COLOURS, 1.0) if place in (2, 3) else (_MAP_COLOURS, peak)
        if values is not None:
            panel.imshow(values, cmap=colormap(table), vmin=0, vmax=top)
    for panel in axes:
        if not panel.images:
            panel.text(0.5, 0.5, "no motion yet", ha="center", va="center", transform=panel.transAxes)
            panel.set(xlim=(0, width), ylim=(height, 0), aspect="equal")


@dataclass(frozen=True, kw_only=True)
class MotionShares:
    """What Fig. 8 plots."""

    names: tuple[str, ...]
    times: NDArray[np.float64]
    """(T,) seconds."""
    shares: NDArray[np.float64]
    """(areas, T): the mean share of motion inside, 0…1; NaN while an area is not shown, and where a shot starts."""
    keyframe: Prediction
    """The first frame on which all areas that it has are shown, to draw them on."""
    outlines: tuple[Corners | None, ...]
    """(K, 2) pixels on that frame; None if an area is not shown there."""


def motion_shares(
    model: SaliencyModel, clip: Clip, areas: Sequence[Area], *, follow: bool = False, on_frame: OnFrame | None = None
) -> MotionShares:
    """The mean of 1 − gate inside each area, frame by frame.

    Args:
        model: with a gate.
        clip: of what.
        areas: where; see `gfsalnet.areas`.
        follow: whether areas move with what they are drawn on from keyframe to keyframe (`areas.Follower`); one that is
            lost has no share until its next keyframe.
        on_frame: told how far the work is.

    Raises:
        RequestError: if the model has no gate.
        SourceError: if the clip cannot be read.
    """
    times: list[float] = []
    rows: list[list[float]] = []
    shown: tuple[Prediction, tuple[Corners | None, ...]] | None = None
    follower: Follower | None = None
    for prediction, info in predictions(model, clip, on_frame):
        if prediction.map_gate is None:
            raise RequestError(model.name, "has no gate, so no share of motion", "Choose a two-stream model")
        seconds = prediction.time_seconds
        # Every frame goes to the follower, shown or not: it compares neighbours.
        if follow:
            follower = follower or Follower(areas, info.size_wh)
            places = [place.corners for place in follower.push(prediction.frame)]
        else:
            places = [area.corners_at(seconds, info.size_wh) for area in areas]
        outlines = tuple(
            corners if area.is_shown(seconds) else None for area, corners in zip(areas, places, strict=True)
        )
        times.append(seconds)
        rows.append(
            [
                np.nan if corners is None or prediction.starts_shot else _share(prediction, corners)
                for corners in outlines
            ]
        )
        # More, not as many: the first frame of those that show most.
        if shown is None or _count(outlines) > _count(shown[1]):
            shown = replace(prediction, flow=None), outlines
    if shown is None:
        raise SourceError(clip.source, "holds no frame", "Give a video")
    return MotionShares(
        names=tuple(area.name for area in areas),
        times=np.array(times),
        shares=np.array(rows).T,
        keyframe=shown[0],
        outlines=shown[1],
    )


def _count(outlines: Sequence[Corners | None]) -> int:
    return sum(corners is not None for corners in outlines)


def _share(prediction: Prediction, corners: Corners) -> float:
    """The mean of 1 − gate over the area; NaN where it lies outside the frame."""
    assert prediction.map_gate is not None
    height, width = prediction.frame.size_hw
    h, w = prediction.map_gate.shape
    covered = coverage(corners, (width, height), (h, w))
    whole = float(covered.shares.sum())
    return float(covered.of(1 - prediction.map_gate).sum()) / whole if whole > 0 else float("nan")


@styled
def figure_8(found: MotionShares) -> Figure:
    """The frame with the areas drawn on it, and the share of motion inside them over time."""
    height, width = found.keyframe.frame.size_hw
    figure = new_figure(8.4, 2.6)
    picture, plot = figure.subplots(1, 2, width_ratios=[min(1.2, 0.75 * width / height), 2])
    picture.imshow(found.keyframe.frame.rgb)
    without_ticks(picture).set(title=f"{found.keyframe.time_seconds:.2f} s")
    for place, (name, corners) in enumerate(zip(found.names, found.outlines, strict=True)):
        colour, dash = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
        if corners is not None:
            # Closed: the first corner once more at the end.
            x, y = np.vstack([corners, corners[:1]]).T
            # A white rim under the coloured line, to be seen on any picture.
            picture.plot(x, y, color="white", linewidth=3.5)
            picture.plot(x, y, color=colour, linewidth=2, linestyle=dash)
        plot.plot(found.times, found.shares[place], color=colour, linestyle=dash, label=name)
    picture.set(xlim=(0, width), ylim=(height, 0))
    top = float(np.nanmax(found.shares)) if np.isfinite(found.shares).any() else 1.0
    # A little below 0: the line of an area without motion would lie under the axis.
    plot.set(xlabel="seconds", ylabel="mean share of motion", ylim=(-0.03 * max(0.1, top), 1.1 * max(0.1, top)))
    plot.grid(alpha=0.3)
    plot.legend(frameon=False)
    return figure
