"""PQFT: the phase of a quaternion Fourier transform of intensity, two colours and motion.

Guo and Zhang, "A Novel Multiresolution Spatiotemporal Saliency Detection Model and Its Applications in Image and Video
Compression", IEEE TIP 19(1), 2010. A frame is one picture of quaternions; where only the phase of its spectrum is kept,
what repeats cancels out, and what does not stands out.

As published: the colours, the quaternion, the transform, its phase, the latency. Approximate: SIGMA_PIXELS, and the
limits of the width. Their program differs from their paper: it takes the frame two before, transforms along (1, 1, 1),
and smooths with a disc.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter

from gfsalnet.models.classical.base import ClassicalModel, FloatArray, Shot, min_max
from gfsalnet.types import RGB, FlowField
from gfsalnet.video import Resize

ROWS = 64
"""Every frame is brought to this height."""
MAX_ASPECT = 4
"""No frame gets wider or narrower than this."""
LATENCY_FRAMES = 3
"""Motion is the change of intensity since so many frames ago."""
SIGMA_PIXELS = 8.0
"""The sigma of the last smoothing, in pixels of a map of 64 rows."""

_NOTHING = 1e-10
"""The share of the largest coefficient below which one is rounding and has no phase."""

Planes: TypeAlias = tuple[NDArray[np.complex128], NDArray[np.complex128]]
"""(H, W) each: a, b of the quaternions a + b·μ2, where a and b are complex with μ1 for i."""


class PQFT(ClassicalModel):
    """Phase spectrum of the quaternion Fourier transform."""

    name = "pqft"
    reach_frames = LATENCY_FRAMES
    input_size_hw = (ROWS, 85)
    constants: ClassVar[Mapping[str, Any]] = {
        "rows": ROWS,
        "max_aspect": MAX_ASPECT,
        "latency_frames": LATENCY_FRAMES,
        "sigma_pixels": SIGMA_PIXELS,
    }

    def start_shot(self, size_hw: tuple[int, int]) -> Shot:
        """What remembers the intensity of the last frames."""
        return _Shot(size_hw)


class _Shot:
    def __init__(self, size_hw: tuple[int, int]) -> None:
        columns = round(ROWS * size_hw[1] / size_hw[0])
        self._resize = Resize(size_hw, (ROWS, min(max(columns, ROWS // MAX_ASPECT), ROWS * MAX_ASPECT)))
        self._intensities: deque[FloatArray] = deque(maxlen=LATENCY_FRAMES)

    def __call__(self, rgb: RGB, field: FlowField | None) -> FloatArray:
        colour = self._resize.apply(rgb) / 255
        intensity = colour.mean(axis=2)
        # The first frames of a shot have nothing to compare with, and count as still.
        is_known = len(self._intensities) == LATENCY_FRAMES
        motion = np.abs(intensity - self._intensities[0]) if is_known else np.zeros_like(intensity)
        self._intensities.append(intensity)
        first, second = phase_only(quaternions(colour, motion))
        energy = np.abs(first) ** 2 + np.abs(second) ** 2
        return min_max(gaussian_filter(energy, SIGMA_PIXELS))


def quaternions(colour_HW3: FloatArray, motion_HW: FloatArray) -> Planes:
    """Motion + red-green·μ1 + blue-yellow·μ2 + intensity·μ3, where μ3 = μ1·μ2.

    Args:
        colour_HW3: (H, W, 3) in 0…1.
        motion_HW: (H, W) in 0…1.
    """
    red_green, blue_yellow = opponent_colours(colour_HW3)
    return motion_HW + 1j * red_green, blue_yellow + 1j * colour_HW3.mean(axis=2)


def opponent_colours(colour_HW3: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(H, W) each: red against green, and blue against yellow, of broadly tuned channels held above 0.

    Args:
        colour_HW3: (H, W, 3) in 0…1.
    """
    r, g, b = np.moveaxis(colour_HW3, 2, 0)
    red, green, blue = r - (g + b) / 2, g - (r + b) / 2, b - (r + g) / 2
    yellow = (r + g) / 2 - np.abs(r - g) / 2 - b
    # Broadly tuned channels answer to their own colour alone.
    red, green, blue, yellow = (np.maximum(channel, 0) for channel in (red, green, blue, yellow))
    return red - green, blue - yellow


def phase_only(planes: Planes) -> Planes:
    """The quaternions whose spectrum has the same phase and modulus 1 everywhere.

    With the axis μ1 on the left, the quaternion transform is one complex transform of either plane; the modulus of a
    coefficient is that of both together. Coefficients that are only rounding become 0.
    """
    spectra = [fft.fft2(plane) for plane in planes]
    modulus = np.sqrt(np.abs(spectra[0]) ** 2 + np.abs(spectra[1]) ** 2)
    is_something = modulus > _NOTHING * modulus.max()
    gain = np.divide(1, modulus, out=np.zeros_like(modulus), where=is_something)
    return fft.ifft2(spectra[0] * gain), fft.ifft2(spectra[1] * gain)
