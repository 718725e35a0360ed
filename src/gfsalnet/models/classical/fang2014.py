"""Fang et al. 2014: spatial and temporal saliency, each trusted where it is certain. A re-implementation.

Fang, Wang, Lin and Fang, "Video Saliency Incorporating Spatiotemporal Cues and Uncertainty Weighting", IEEE TIP 23(9),
2014. Their program was never published; this follows the published description.

As published: contrast between 8x8 blocks in the DCT domain, the near ones counting more; speed against the background
through the prior of human speed perception; uncertainty by proximity, continuity, background motion and contrast;
weights by the other map's uncertainty. Approximate: every constant below but BLOCK_PIXELS and CONTRAST_SIGMA_BLOCKS.
The authors fitted those of proximity and continuity to gaze; here they are guesses. Each uncertainty is taken as a
share of the greatest it can be, since one is in bits and the other is not. The flow is not that of Sun, Roth and Black
(2010), but whichever estimator is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import correlate
from scipy.spatial.distance import cdist
from scipy.special import entr

from gfsalnet.maps import resize_map
from gfsalnet.models.classical.base import ClassicalModel, FloatArray, Shot, min_max
from gfsalnet.types import RGB, FlowField
from gfsalnet.video import Resize
from gfsalnet.video.geometry import working_size_hw

BLOCK_PIXELS = 8
GRID_WH = (60, 45)
"""Blocks of a 4:3 frame, 480x360 pixels; other shapes get as many."""
TEXTURE_ORDER = 3
"""Texture is the nine AC coefficients of luminance whose two frequencies add up to at most this."""
CONTRAST_SIGMA_BLOCKS = 5.0
SPEED_GAIN, SPEED_OFFSET = 0.2, 0.09
"""α and β of −log p(v) = α log v + β; v in pixels of the flow per frame interval."""
CONTRAST_GAIN, MOTION_OFFSET = 2.5, 2.25
"""γ and δ of the temporal uncertainty log(1 + v) − γ log c + δ."""
CONTRAST_SATURATION, CONTRAST_POWER = 0.05, 2.0
"""c = 1 − exp(−(deviation / mean / saturation) ^ power): contrast as it is perceived."""
LEAST_CONTRAST, GREATEST_SPEED = 0.05, 20.0
"""The speed at which the temporal uncertainty stops growing."""
PROXIMITY_SCALE = 0.25
"""Share of the diagonal at which the probability that a place belongs to what is salient has fallen to 1/e."""
CONTINUITY_SCALE = 0.5
"""Share of salient neighbours at which the probability that it does not has fallen to 1/e."""

_AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])


class Fang2014(ClassicalModel):
    """Uncertainty-weighted spatiotemporal saliency, re-implemented after the published description."""

    name = "fang2014"
    reach_frames = 1
    needs_flow = True
    # Where a picture is smooth, plain DIS sees motion that is not there; here every speed counts.
    default_flow = "dis-evident"
    input_size_hw = (GRID_WH[1] * BLOCK_PIXELS, GRID_WH[0] * BLOCK_PIXELS)
    constants: ClassVar[Mapping[str, Any]] = {
        "block_pixels": BLOCK_PIXELS,
        "grid_wh": GRID_WH,
        "texture_order": TEXTURE_ORDER,
        "contrast_sigma_blocks": CONTRAST_SIGMA_BLOCKS,
        "speed_gain": SPEED_GAIN,
        "speed_offset": SPEED_OFFSET,
        "contrast_gain": CONTRAST_GAIN,
        "motion_offset": MOTION_OFFSET,
        "contrast_saturation": CONTRAST_SATURATION,
        "contrast_power": CONTRAST_POWER,
        "least_contrast": LEAST_CONTRAST,
        "greatest_speed": GREATEST_SPEED,
        "proximity_scale": PROXIMITY_SCALE,
        "continuity_scale": CONTINUITY_SCALE,
    }

    def start_shot(self, size_hw: tuple[int, int]) -> Shot:
        """What knows how far the blocks lie apart; it remembers no frame, the flow does."""
        return _Shot(size_hw)


class _Shot:
    def __init__(self, size_hw: tuple[int, int]) -> None:
        self._grid_hw = working_size_hw(size_hw, GRID_WH)
        height, width = self._grid_hw
        self._resize = Resize(size_hw, (height * BLOCK_PIXELS, width * BLOCK_PIXELS))
        self._nearness = nearness(self._grid_hw)

    def __call__(self, rgb: RGB, field: FlowField | None) -> FloatArray:
        ycrcb = cv2.cvtColor(self._resize.apply(rgb), cv2.COLOR_RGB2YCrCb)
        blocks = in_blocks(np.asarray(ycrcb, np.float64))
        contrasts = [min_max(contrast(feature, self._nearness)) for feature in block_features(blocks)]
        spatial = np.asarray(np.mean(contrasts, axis=0), np.float64)
        if field is None or not field.flow_pixels.any():  # no second map whose doubt could weigh the first
            return min_max(spatial)
        relative, background_speed = relative_speed(field)
        speed = np.asarray(resize_map(relative.astype(np.float32), self._grid_hw), np.float64)
        temporal = min_max(speed_surprise(speed))
        doubt_spatial = spatial_uncertainty(spatial)
        doubt_temporal = temporal_uncertainty(blocks[..., 0], background_speed)
        # Each map by the doubt about the other one, as in the paper.
        fused = (doubt_temporal * spatial + doubt_spatial * temporal) / (doubt_spatial + doubt_temporal)
        return min_max(fused)


def in_blocks(picture: FloatArray) -> FloatArray:
    """(h·8, w·8, C) as (h, w, 8, 8, C): row and column of the block, row and column in it."""
    height, width, channels = picture.shape
    cut = picture.reshape(height // BLOCK_PIXELS, BLOCK_PIXELS, width // BLOCK_PIXELS, BLOCK_PIXELS, channels)
    return np.swapaxes(cut, 1, 2)


def block_features(blocks: FloatArray) -> tuple[FloatArray, ...]:
    """Luminance, two colours and texture of each block: (h, w, 1) three times, and (h, w, 9).

    Args:
        blocks: (h, w, 8, 8, 3), luminance and two colours, 0…255.
    """
    # Without rounding, blocks that are the same might differ in the last digit, and that alone would stand out.
    coefficients = fft.dctn(blocks, axes=(2, 3), norm="ortho").round(6)
    order = np.add.outer(np.arange(BLOCK_PIXELS), np.arange(BLOCK_PIXELS))
    texture = coefficients[:, :, (order > 0) & (order <= TEXTURE_ORDER), 0]
    return *(coefficients[:, :, 0, 0, channel, None] for channel in range(3)), texture


def contrast(feature: FloatArray, nearness_NN: NDArray[np.float32]) -> FloatArray:
    """(h, w): how much a block's feature differs from those of all others, the near ones counting more.

    Args:
        feature: (h, w, C).
        nearness_NN: of the N = h·w blocks.
    """
    flat = feature.reshape(-1, feature.shape[2])
    # (N, N) for a few thousand blocks: distances between all of them at once.
    difference = cdist(flat, flat)
    return np.asarray((nearness_NN * difference).sum(axis=1).reshape(feature.shape[:2]))


def nearness(grid_hw: tuple[int, int]) -> NDArray[np.float32]:
    """(N, N) for the N blocks of a grid, row by row: a Gaussian of their distance in blocks."""
    places = np.argwhere(np.ones(grid_hw))
    weights = np.exp(-cdist(places, places, "sqeuclidean") / (2 * CONTRAST_SIGMA_BLOCKS**2))
    return np.asarray(weights, np.float32)


def relative_speed(field: FlowField) -> tuple[FloatArray, float]:
    """How fast each pixel moves against the background, (H, W), and how fast that moves; pixels per frame interval.

    The background's motion is the commonest: the mean of the vectors in the fullest bin, one pixel wide.
    """
    vectors = np.ascontiguousarray(field.flow_pixels.reshape(-1, 2), np.float64)
    # As complex numbers, which are sorted several times as fast as rows.
    # Rounded to whole pixels: bins of one pixel.
    _, bins, counts = np.unique(np.rint(vectors).view(np.complex128)[:, 0], return_inverse=True, return_counts=True)
    background = vectors[bins == counts.argmax()].mean(axis=0)
    relative = np.linalg.norm(vectors - background, axis=1).reshape(field.size_hw)
    return relative, float(np.linalg.norm(background))


def speed_surprise(speed: FloatArray) -> FloatArray:
    """−log of the prior of human speed perception, p(v) ∝ v^−α; 0 where it would be negative.

    Args:
        speed: pixels per frame interval, ≥ 0.
    """
    # The speed at which the logarithm and its offset cancel out: below it the surprise stays 0.
    floor = np.exp(-SPEED_OFFSET / SPEED_GAIN)
    return np.asarray(SPEED_GAIN * np.log(np.maximum(speed, floor)) + SPEED_OFFSET)


def spatial_uncertainty(spatial: FloatArray) -> FloatArray:
    """(h, w) in 0…1: how unsure it is whether a block belongs to what is salient, by two laws of Gestalt.

    Proximity: it does if it is near the centroid of saliency. Continuity: it does if its neighbours do.

    Args:
        spatial: (h, w) ≥ 0.
    """
    y, x = np.indices(spatial.shape)
    # A map without saliency has its centroid in the middle.
    weights = spatial / spatial.sum() if spatial.any() else np.full(spatial.shape, 1 / spatial.size)
    distance = np.hypot(y - (weights * y).sum(), x - (weights * x).sum()) / np.hypot(*spatial.shape)
    is_salient = (spatial > spatial.mean()).astype(np.float64)
    neighbours = correlate(is_salient, _AROUND, mode="nearest") / _AROUND.sum()
    by_proximity = np.exp(-distance / PROXIMITY_SCALE)
    by_continuity = 1 - np.exp(-neighbours / CONTINUITY_SCALE)
    return (entropy_bits(by_proximity) + entropy_bits(by_continuity)) / 2


def temporal_uncertainty(luminance_blocks: FloatArray, background_speed: float) -> FloatArray:
    """(h, w) in 0…1: how unsure perceived speed is; more for a fast background and low contrast.

    Args:
        luminance_blocks: (h, w, 8, 8) in 0…255.
        background_speed: pixels per frame interval.
    """
    # Divided by no less than one grey level, or black blocks would have all the contrast.
    contrast = luminance_blocks.std(axis=(2, 3)) / np.maximum(luminance_blocks.mean(axis=(2, 3)), 1)
    perceived = 1 - np.exp(-((contrast / CONTRAST_SATURATION) ** CONTRAST_POWER))
    return np.asarray(_speed_noise(perceived, background_speed) / _speed_noise(np.zeros(1), GREATEST_SPEED))


def _speed_noise(contrast: FloatArray, speed: float) -> FloatArray:
    """Entropy of the internal noise with which a speed is seen."""
    noise = np.log1p(min(speed, GREATEST_SPEED)) - CONTRAST_GAIN * np.log(np.maximum(contrast, LEAST_CONTRAST))
    return np.asarray(noise + MOTION_OFFSET)


def entropy_bits(probability: FloatArray) -> FloatArray:
    """The entropy, in bits, of a choice between two of which one has this probability: 0 for 0 and 1, 1 for ½."""
    return np.asarray((entr(probability) + entr(1 - probability)) / np.log(2))
