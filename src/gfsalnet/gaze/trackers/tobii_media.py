"""Where on the display Tobii showed a stimulus: by its position columns, or by gaze that stands there twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.trackers.recording import Points
from gfsalnet.gaze.trackers.tobii_columns import Export

FEWEST_POINTS = 10
"""Least number of points on which a position may be based that no column gives."""
LARGEST_MISFIT_PIXELS = 1.5
"""Error of the display coordinates that a position predicts: they and the media's are rounded to pixels each."""
LARGEST_STRETCH = 0.02
"""Share by which a media's pixels may differ from the display's before their positions are no longer trusted."""


def shown_boxes(export: Export, gaze: Points | None, notes: list[str]) -> NDArray[np.float64] | None:
    """(N, 4) x, y, width, height in pixels of the display at each row; NaN where no stimulus was there.

    None where the export does not tell, neither by position columns nor by gaze in both coordinates.
    """
    sides = [export.number(f"media_{side}") for side in ("x", "y", "width", "height")]
    if all(side is not None for side in sides):
        boxes = np.stack([side for side in sides if side is not None], axis=1)
        # "No media" has a size, too, in some versions.
        media = export.text("media")
        nothing = np.zeros(len(boxes), np.bool_) if media is None else media.is_in("", "No media")
        return np.where((nothing | ~(boxes[:, 2:] > 0).all(axis=1))[:, np.newaxis], np.nan, boxes)
    return None if gaze is None else _fitted(export, gaze, notes)


def _fitted(export: Export, gaze: Points, notes: list[str]) -> NDArray[np.float64] | None:
    """The box by gaze in coordinates of the display and of the media, apart for each media.

    Width and height stay NaN where the media's coordinates are pixels: the video shown pixel by pixel has its own size.
    """
    media, everywhere = export.text("media"), np.ones(len(gaze), np.bool_)
    norm = export.point("norm", everywhere)
    on_media = norm if norm is not None else export.point("on_media", everywhere)
    if media is None or on_media is None:
        return None
    boxes = np.full((len(gaze), 4), np.nan)
    for code, name in enumerate(media.values):
        of = media.codes == code
        both = of & np.isfinite(on_media).all(axis=1) & np.isfinite(gaze).all(axis=1)
        if not name or both.sum() < FEWEST_POINTS or np.ptp(on_media[both], axis=0).min() == 0:
            continue
        # A straight line for each axis: display = media · size + place.
        (width, x), (height, y) = (np.polyfit(on_media[both, axis], gaze[both, axis], 1) for axis in (0, 1))
        misfit = np.abs(gaze[both] - [x, y] - on_media[both] * [width, height]).max()
        if misfit > LARGEST_MISFIT_PIXELS:
            continue
        if norm is None:
            if abs(width - 1) > LARGEST_STRETCH or abs(height - 1) > LARGEST_STRETCH:
                continue
            width = height = np.nan
        boxes[of] = np.rint([x, y, width, height])
        place = ", ".join(f"{side:.0f}" for side in (x, y, width, height) if np.isfinite(side))
        notes.append(
            f"{name} is taken to stand at {place} of the display (x, y, width, height), by its gaze in both units"
        )
    return boxes if np.isfinite(boxes).any() else None


def media_boxes(export: Export, space: str, notes: list[str]) -> NDArray[np.float64]:
    """(N, 4) the box of gaze that is in coordinates of the media: 0, 0 and the media's size in those.

    Width and height are NaN where the export does not say: then they are those of the video.
    """
    notes.append("its gaze is on the media alone: what fell beside it is missing there, and counts as lost")
    boxes = np.full((len(export.table), 4), np.nan)
    boxes[:, :2] = 0
    if space == "norm_":
        boxes[:, 2:] = 1
        return boxes
    for axis, side in ((2, "width"), (3, "height")):
        size = export.number(f"original_{side}")
        size = export.number(f"media_{side}") if size is None else size
        if size is not None:
            boxes[:, axis] = np.where(size > 0, size, np.nan)
    return boxes
