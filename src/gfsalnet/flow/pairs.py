"""Chooses the two frames from which the flow of a frame is computed."""

from __future__ import annotations

from gfsalnet.flow.estimator import FlowEstimator, zero_flow
from gfsalnet.flow.precomputed import PrecomputedFlow
from gfsalnet.types import RGB, FlowField, Frame


class FlowStream:
    """Flow for every frame of a stream as it comes: from the frame before to this one.

    The paper says only "between two consecutive frames"; its likely reading pairs a frame with the next one (t → t+1),
    the last frame repeating the flow before it. Here a frame is paired with the previous one (t-1 → t): a live
    stream has no next frame yet, and a prediction should not wait for it. Without a previous frame (at the start, after
    a cut, and where the size changes) nothing is known to move: the flow is zero and its picture white.

    Args:
        estimator: computes the flow between two frames; or `PrecomputedFlow`, looked up by the frame's index.
    """

    def __init__(self, estimator: FlowEstimator) -> None:
        self.estimator = estimator
        self._previous_rgb: RGB | None = None

    def push(self, frame: Frame, starts_shot: bool) -> FlowField:
        """The flow that leads to this frame, at the estimator's size.

        Args:
            frame: the next of the stream; its pixels must not be written to before the following call.
            starts_shot: whether the frame starts a new shot.

        Raises:
            GFSalNetError: if the estimator cannot read its weights, or precomputed flow has none for this frame.
        """
        # A reference and no copy: frames are not written to after they are decoded.
        previous_rgb, self._previous_rgb = self._previous_rgb, frame.rgb
        if starts_shot or previous_rgb is None or previous_rgb.shape != frame.rgb.shape:
            return zero_flow(self.estimator.field_size_hw(frame.size_hw))
        if isinstance(self.estimator, PrecomputedFlow):
            return self.estimator.leading_to(frame.index)
        return self.estimator(previous_rgb, frame.rgb)

    def skip(self, frame: Frame) -> None:
        """Remember a frame whose flow is not needed: the flow of the next frame starts from it."""
        self._previous_rgb = frame.rgb
