"""Which two frames the flow of a frame is made from."""

from __future__ import annotations

from gfsalnet.flow.estimator import FlowEstimator, zero_flow
from gfsalnet.flow.precomputed import PrecomputedFlow
from gfsalnet.types import RGB, FlowField, Frame


class FlowStream:
    """Flow for every frame of a stream as it comes: from the frame before to this one.

    The paper says only "between two consecutive frames"; its likely reading pairs a frame with the next one (t → t+1),
    the last frame repeating the flow before it. This pairs it with the previous one (t-1 → t): a live stream has
    no next frame, and a prediction should not wait for it. Where there is no frame before (the first one, the first
    after a cut, and one of another size) nothing is known to move: the flow is zero, its picture white.

    Args:
        estimator: of the flow between two frames, or flow that was computed elsewhere and goes by the frame's index.
    """

    def __init__(self, estimator: FlowEstimator) -> None:
        self.estimator = estimator
        self._previous_rgb: RGB | None = None

    def push(self, frame: Frame, starts_shot: bool) -> FlowField:
        """The flow that leads to this frame, at the estimator's size.

        Args:
            frame: the next of the stream; its pixels must not be written to before the following call.
            starts_shot: whether it has nothing to do with the frame before.

        Raises:
            GFSalNetError: if the estimator cannot read its weights, or precomputed flow has none for this frame.
        """
        previous_rgb, self._previous_rgb = self._previous_rgb, frame.rgb
        if starts_shot or previous_rgb is None or previous_rgb.shape != frame.rgb.shape:
            return zero_flow(self.estimator.field_size_hw(frame.size_hw))
        if isinstance(self.estimator, PrecomputedFlow):
            return self.estimator.leading_to(frame.index)
        return self.estimator(previous_rgb, frame.rgb)

    def skip(self, frame: Frame) -> None:
        """Take note of a frame whose flow nobody needs; that of the next starts from it."""
        self._previous_rgb = frame.rgb
