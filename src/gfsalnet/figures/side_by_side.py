"""Fig. 7 of the paper for any video, models beside each other; and a strip of a whole video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gfsalnet.figures.canvas import new_figure, panels, row_label, styled
from gfsalnet.maps import Map
from gfsalnet.render import overlay
from gfsalnet.types import RGB, Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANEL_WIDTH_INCHES = 1.6


@styled
def figure_7(
    shown: Mapping[str, Sequence[Prediction]], truth: Mapping[int, Map] | None = None, truth_name: str = "viewers"
) -> Figure:
    """A column for each frame; a row for the frames, one for the truth where there is one, one for each model.

    Maps are drawn over the frame on the absolute scale, the same for all of them.

    Args:
        shown: model → its predictions of the same frames.
        truth: frame index → density (h, w) of recorded looks.
        truth_name: the label of their row.
    """
    first = next(iter(shown.values()))
    rows: dict[str, list[RGB]] = {"frame": [prediction.frame.rgb for prediction in first]}
    if truth:
        rows[truth_name] = [
            # White where nobody's gaze was recorded: a frame without a map would say that nobody looked.
            overlay(p.frame.rgb, truth[p.frame_index]) if p.frame_index in truth else np.full_like(p.frame.rgb, 255)
            for p in first
        ]
    for name, predictions in shown.items():
        rows[name] = [overlay(prediction.frame.rgb, prediction.map_density) for prediction in predictions]
    height, width = first[0].frame.size_hw
    inches = _PANEL_WIDTH_INCHES * height / width
    figure = new_figure(_PANEL_WIDTH_INCHES * len(first) + 1.0, inches * len(rows) + 0.3)
    grid = panels(figure, len(rows), len(first))
    for axes, (name, pictures) in zip(grid, rows.items(), strict=True):
        row_label(axes[0], name)
        for panel, picture in zip(axes, pictures, strict=True):
            panel.imshow(picture)
    for panel, prediction in zip(grid[0], first, strict=True):
        panel.set_title(f"{prediction.time_seconds:.2f} s")
    return figure


@styled
def figure_strip(shown: Sequence[Prediction]) -> Figure:
    """The frames of a whole video in a row, and the overlays under them."""
    height, width = shown[0].frame.size_hw
    inches = _PANEL_WIDTH_INCHES * height / width
    figure = new_figure(_PANEL_WIDTH_INCHES * len(shown), 2 * inches + 0.25)
    frames, overlays = panels(figure, 2, len(shown))
    for upper, lower, prediction in zip(frames, overlays, shown, strict=True):
        upper.imshow(prediction.frame.rgb)
        upper.set_title(f"{prediction.time_seconds:.1f} s")
        lower.imshow(overlay(prediction.frame.rgb, prediction.map_density))
    return figure
