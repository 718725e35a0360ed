"""The motion that the model saw, as colours: hue is the direction, saturation the speed."""

from __future__ import annotations

import cv2
import numpy as np

from gfsalnet.flow import flow_image, white_image
from gfsalnet.render.colours import as_bytes
from gfsalnet.types import RGB, FlowField, Prediction

FULL_FLOW = 1 / 32
"""The motion drawn in full colour: this part of the flow field's longer side per frame interval.

Fixed, so that frames compare and the noise of a still scene stays faint; a model may be fed another scale.
"""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GREY, _INK = 235, (40, 40, 40)


def flow_view(prediction: Prediction) -> RGB:
    """The flow image at the frame's size (H, W, 3); white where there is no motion or no flow.

    A model that takes the camera's motion out has two of them, each half as large: the flow to the left, what moves
    against the scene to the right.
    """
    height, width = size_hw = prediction.frame.size_hw
    if prediction.flow is None:
        return white_image(size_hw)
    if prediction.flow_against_scene is None or min(size_hw) < 4:
        return _wheel(prediction.flow, size_hw)
    view = np.full((height, width, 3), _GREY, np.uint8)
    top = (height - height // 2) // 2
    for left, words, field in (
        (0, "flow", prediction.flow),
        (width - width // 2, "camera taken out", prediction.flow_against_scene),
    ):
        view[top : top + height // 2, left : left + width // 2] = _wheel(field, (height // 2, width // 2))
        _caption(view, words, left, top)
    return view


def _wheel(field: FlowField, size_hw: tuple[int, int]) -> RGB:
    picture = flow_image(field, max_pixels=max(field.size_hw) * FULL_FLOW)
    return as_bytes(cv2.resize(picture, size_hw[::-1]))


def _caption(view: RGB, words: str, left: int, bottom: int) -> None:
    """Write words above a picture, where there is room for them."""
    text_height = max(8, view.shape[0] // 40)
    scale = cv2.getFontScaleFromHeight(_FONT, text_height)
    (width, height), _ = cv2.getTextSize(words, _FONT, scale, 1)
    if width < view.shape[1] // 2 and 2 * height < bottom:
        place = left + (view.shape[1] // 2 - width) // 2, bottom - height // 2
        cv2.putText(view, words, place, _FONT, scale, _INK, 1, cv2.LINE_AA)
