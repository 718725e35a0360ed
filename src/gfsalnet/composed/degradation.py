"""What cameras and codecs do to frames: noise, and the loss of a video codec, which flow estimators take for motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from gfsalnet.types import RGB


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """What happens to frames between the sensor and the file."""

    noise: float
    """Standard deviation of the sensor's noise in brightness, in grey levels."""
    codec: str | None
    """FFmpeg's name of the encoder that the frames went through; None: none."""
    quantiser: int
    """The quantiser of the codec: the larger, the coarser."""
    seed: int

    def __call__(self, frames: Sequence[RGB]) -> list[RGB]:
        """The frames (H, W, 3), in order, as they come out of a video file."""
        rng = np.random.default_rng(self.seed)
        noisy = [_noisy(rgb, self.noise, rng) for rgb in frames] if self.noise else list(frames)
        return noisy if self.codec is None else _recoded(noisy, self.codec, self.quantiser)


def random_degradation(rng: np.random.Generator) -> Degradation:
    """A degradation with no to much noise, and no codec, H.264 or MPEG-4 (as in XviD files), from fine to coarse."""
    codec = rng.choice(("none", "libx264", "mpeg4"), p=(0.2, 0.5, 0.3))
    return Degradation(
        noise=float(max(rng.normal(0, 2.5), 0)),
        codec=None if codec == "none" else str(codec),
        quantiser=int(rng.integers(18, 36) if codec == "libx264" else rng.integers(2, 14)),
        seed=int(rng.integers(2**31)),
    )


def _noisy(rgb: RGB, sigma: float, rng: np.random.Generator) -> RGB:
    # One value per pixel for all three channels: noise in brightness alone.
    noise = rng.standard_normal((*rgb.shape[:2], 1), dtype=np.float32) * np.float32(sigma)
    return np.asarray(np.clip(np.rint(rgb + noise), 0, 255), dtype=np.uint8)


def _recoded(frames: Sequence[RGB], codec: str, quantiser: int) -> list[RGB]:
    """Encode and decode in memory; the first frame is a key frame, the others are predicted from those before."""
    height, width = frames[0].shape[:2]
    encoder = cast(VideoCodecContext, VideoCodecContext.create(codec, "w"))
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.thread_count = 1  # several threads delay frames, and the callers are threads already
    if codec == "libx264":
        # A fixed quantiser instead of a bit rate: two frames are too few for a rate control to settle.
        encoder.options = {"preset": "veryfast", "tune": "zerolatency", "qp": str(quantiser)}
    else:
        encoder.options = {"qmin": str(quantiser), "qmax": str(quantiser), "bf": "0"}
    packets = [p for rgb in frames for p in encoder.encode(VideoFrame.from_ndarray(rgb, format="rgb24"))]
    packets += encoder.encode(None)  # what the encoder still holds
    decoder = VideoCodecContext.create("h264" if codec == "libx264" else "mpeg4", "r")
    decoder.thread_count = 1
    decoder.extradata = encoder.extradata
    decoded = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in decoded]
