"""Dense inverse search (Kroeger, Timofte, Dai and Van Gool, ECCV 2016), as OpenCV has it: fast on a CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError
from gfsalnet.flow.estimator import check_pair
from gfsalnet.flow.evidence import evident_flow
from gfsalnet.flow.working_size import checked_size_wh, grey_at
from gfsalnet.types import RGB, FlowField
from gfsalnet.video.geometry import working_size_hw

PRESETS: Mapping[str, int] = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
"""Name → OpenCV's constant, from the fastest to the most accurate."""

SMALLEST_SIDE = 32
"""Pixels. Below this OpenCV's choice of pyramid may fail, give NaN or crash the process, by preset and shape."""


class DISFlow:
    """Optical flow on the grey frames.

    Args:
        preset: `medium`, `fast` or `ultrafast`.
        size_wh: how large the frames are made for the estimation. A frame keeps its own shape, so that directions stay
            true, and gets the number of pixels of a `size_wh` picture: 320x240 for 4:3, 370x208 for 16:9. Small frames
            are enlarged, so a length in the field means the same part of the picture in every video of one shape.
            None: the frame's own size.
        needs_evidence: drop motion that explains nothing (`evident_flow`); DIS invents such motion where a picture is
            smooth and coded.

    No side gets smaller than `SMALLEST_SIDE`; the shape gives way where it must.

    Raises:
        GFSalNetError: if the preset is unknown or the size is not two positive numbers.
    """

    name = "dis"
    version = f"opencv {cv2.__version__}"

    def __init__(
        self, preset: str = "medium", size_wh: Sequence[int] | None = (320, 240), needs_evidence: bool = False
    ) -> None:
        if preset not in PRESETS:
            raise GFSalNetError(f"flow preset {preset!r}", "is unknown", f"Use one of: {', '.join(PRESETS)}.")
        self.preset, self.needs_evidence = preset, bool(needs_evidence)
        self.size_wh = checked_size_wh(size_wh)

    @property
    def settings(self) -> dict[str, Any]:
        """`preset`, `size_wh` and `needs_evidence`."""
        return {"preset": self.preset, "size_wh": self.size_wh, "needs_evidence": self.needs_evidence}

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        """The height and width at which frames of this size are worked on.

        >>> DISFlow().field_size_hw((1080, 1920)), DISFlow(size_wh=None).field_size_hw((8, 100))
        ((208, 370), (32, 100))
        """
        return working_size_hw(frame_size_hw, self.size_wh, SMALLEST_SIDE)

    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        """The motion from `previous_rgb` to `current_rgb`, at the working size.

        Raises:
            ValueError: if the frames are not (H, W, 3) uint8 of one size.
        """
        check_pair(previous_rgb, current_rgb)
        return self.between(self.grey(previous_rgb), self.grey(current_rgb))

    def grey(self, rgb: RGB) -> NDArray[np.uint8]:
        """(h, w): what it sees of a frame, at the working size."""
        return grey_at(rgb, self.field_size_hw((rgb.shape[0], rgb.shape[1])))

    def between(self, previous: NDArray[np.uint8], current: NDArray[np.uint8]) -> FlowField:
        """The motion between two pictures that `grey` gave: a stream of frames needs each only once."""
        # Made anew for every pair: one small frame changes the pyramid of a DISOpticalFlow for all later calls.
        estimator = cv2.DISOpticalFlow.create(PRESETS[self.preset])
        flow_pixels = estimator.calc(previous, current, None)  # type: ignore[call-overload]  # the stub knows no None
        field = FlowField(np.asarray(flow_pixels, dtype=np.float32))
        return evident_flow(field, previous, current) if self.needs_evidence else field
