"""AWS-D: what is far from the mean once colours, scales and motions are decorrelated. A re-implementation.

Leboran, Garcia-Diaz, Fdez-Vidal and Pardo, "Dynamic Whitening Saliency", IEEE TPAMI 39(5), 2017, on the adaptive
whitening saliency (AWS) of Garcia-Diaz et al., Image and Vision Computing 30(1), 2012. Their program was only published
as sealed code; this follows the published descriptions.

As published for still pictures: whitened colours, a log-Gabor bank of four orientations with seven scales of the first
colour axis and five of the others, whitened over scales, the squared distance summed, and the final smoothing.
Approximate: the angular width, WORKING_SIZE_WH, and all of the motion branch: a bank of one temporal frequency in both
directions, on intensity, over the last MEMORY_FRAMES frames, whose statistics are also those of these frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter

from gfsalnet.models.classical.base import ClassicalModel, FloatArray, Shot, min_max
from gfsalnet.types import RGB, FlowField
from gfsalnet.video import Resize
from gfsalnet.video.geometry import working_size_hw

WORKING_SIZE_WH = (320, 240)
"""The working size of a 4:3 frame, pixels; other shapes get as many pixels."""
ORIENTATIONS_DEGREES = (0, 45, 90, 135)
SHORTEST_WAVELENGTH_PIXELS = 6.0
"""Each next scale doubles it."""
SCALES_PER_AXIS = (7, 5, 5)
"""Scales of each colour axis, the axis with the most variance first."""
RADIAL_RATIO = 0.55
"""Standard deviation over centre frequency, of the logarithm: a bandwidth of two octaves."""
ANGULAR_SIGMA_DEGREES = 37.5
MOTION_SCALES = 5
MEMORY_FRAMES = 8
"""How far back motion and its statistics reach, this frame included."""
PERIOD_FRAMES = 8.0
"""The period of the temporal frequency that the motion bank is tuned to."""
MEMORY_SIGMA_FRAMES = 3.0
"""How fast the past fades in the motion bank."""
SMOOTHING = 0.01 * 2.1
"""Sigma of the final smoothing as a share of the longer side."""

_NOTHING = 1e-6
"""The share of the greatest variance below which an axis carries only rounding."""
_LEAST_VARIANCE = 1e-10
"""The variance, of pictures in 0…1, below which nothing varies at all."""

Spectrum = NDArray[np.complex64]
Features = NDArray[np.float32]
"""(C, N): C features of N pixels."""


class AWSD(ClassicalModel):
    """Dynamic adaptive whitening saliency, re-implemented after the published descriptions."""

    name = "aws-d"
    reach_frames = 2 * (MEMORY_FRAMES - 1)  # the statistics of frames whose responses look back themselves
    input_size_hw = WORKING_SIZE_WH[::-1]
    constants: ClassVar[Mapping[str, Any]] = {
        "working_size_wh": WORKING_SIZE_WH,
        "orientations_degrees": ORIENTATIONS_DEGREES,
        "shortest_wavelength_pixels": SHORTEST_WAVELENGTH_PIXELS,
        "scales_per_axis": SCALES_PER_AXIS,
        "radial_ratio": RADIAL_RATIO,
        "angular_sigma_degrees": ANGULAR_SIGMA_DEGREES,
        "motion_scales": MOTION_SCALES,
        "memory_frames": MEMORY_FRAMES,
        "period_frames": PERIOD_FRAMES,
        "memory_sigma_frames": MEMORY_SIGMA_FRAMES,
        "smoothing": SMOOTHING,
    }

    def start_shot(self, size_hw: tuple[int, int]) -> Shot:
        """What remembers the spectra of the last frames and the statistics of their motion."""
        return _Shot(size_hw)


class _Shot:
    def __init__(self, size_hw: tuple[int, int]) -> None:
        self._size_hw = working_size_hw(size_hw, WORKING_SIZE_WH)
        self._resize = Resize(size_hw, self._size_hw)
        self._bank = [log_gabor(self._size_hw, degrees, max(SCALES_PER_AXIS)) for degrees in ORIENTATIONS_DEGREES]
        self._spectra: deque[Spectrum] = deque(maxlen=MEMORY_FRAMES)
        self._moments: list[deque[Moments]] = [deque(maxlen=MEMORY_FRAMES) for _ in self._bank]

    def __call__(self, rgb: RGB, field: FlowField | None) -> FloatArray:
        colour = (self._resize.apply(rgb) / np.float32(255)).reshape(-1, 3).T
        # Each to 0…1 before they are added: the two have no common unit.
        saliency = self._smooth(self._still(colour)) + self._smooth(self._moving(colour.mean(axis=0)))
        return min_max(saliency)

    def _smooth(self, distance: FloatArray) -> FloatArray:
        return min_max(gaussian_filter(distance, SMOOTHING * max(self._size_hw)))

    def _still(self, colour_3N: Features) -> FloatArray:
        """(h, w): how far each pixel of this frame is from the others, over its scales."""
        # The widest axis first, as SCALES_PER_AXIS wants them.
        # Three axes without correlation, each with variance 1.
        axes = whiten(colour_3N, [Moments.of(colour_3N)])
        total = np.zeros(self._size_hw)
        for axis, scales in zip(axes, SCALES_PER_AXIS, strict=False):  # a grey picture has one axis
            spectrum = fft.fft2(axis.reshape(self._size_hw))
            for bank in self._bank:
                responses = self._energy(spectrum * bank[:scales])
                total += self._distance(responses, [Moments.of(responses)])
        return total

    def _moving(self, intensity_N: Features) -> FloatArray:
        """(h, w): how far each pixel's motion is from the others', in this frame and those before."""
        self._spectra.append(fft.fft2(intensity_N.reshape(self._size_hw)))
        newest_first = np.stack(list(self._spectra)[::-1])
        # The conjugate taps see motion in the opposite direction. Linear in the frames, so that their spectra are
        # weighted instead of the filtered pictures.
        onward = np.tensordot(temporal_taps(len(newest_first)), newest_first, axes=1)
        back = np.tensordot(temporal_taps(len(newest_first)).conj(), newest_first, axes=1)
        total = np.zeros(self._size_hw)
        for bank, moments in zip(self._bank, self._moments, strict=True):
            spectra = np.concatenate([spectrum * bank[:MOTION_SCALES] for spectrum in (onward, back)])
            responses = self._energy(spectra)
            moments.append(Moments.of(responses))
            # By the statistics of the last frames together: of one frame alone, all that moves would be usual.
            total += self._distance(responses, moments)
        return total

    def _energy(self, spectra: Spectrum) -> Features:
        """(C, N) local energy of C responses, whose spectra are (C, h, w)."""
        return np.asarray(np.abs(fft.ifft2(spectra)).reshape(len(spectra), -1), np.float32)

    def _distance(self, features: Features, moments: Sequence[Moments]) -> FloatArray:
        """(h, w) squared distance from the mean where all directions vary alike: Hotelling's T²."""
        squares = np.square(whiten(features, moments))
        return np.asarray(squares.sum(axis=0).reshape(self._size_hw), np.float64)


@dataclass(frozen=True, eq=False)
class Moments:
    """The statistics of the pixels of one frame."""

    mean: FloatArray
    """(C,)"""
    square: FloatArray
    """(C, C) mean of the products of any two features."""

    @classmethod
    def of(cls, features: Features) -> Moments:
        """The moments of (C, N) features."""
        # A covariance is the difference of nearly equal numbers, for which float32 has too few digits.
        values = features.astype(np.float64)
        return cls(values.mean(axis=1), values @ values.T / values.shape[1])


def whiten(features: Features, moments: Sequence[Moments]) -> Features:
    """(K, N), K ≤ C: the features along the principal axes, each with mean 0 and variance 1, the widest first.

    Axes along which there is only rounding are left out.

    Args:
        features: (C, N).
        moments: of the frames, of equal weight, over which mean and variance are to be 0 and 1.
    """
    # Moments of single frames are kept and averaged, because covariances of single frames do not add up where the means
    # differ.
    mean = np.mean([m.mean for m in moments], axis=0)
    covariance = np.mean([m.square for m in moments], axis=0) - np.outer(mean, mean)
    # In ascending order, hence the turn below.
    variances, axes = np.linalg.eigh(covariance)
    is_something = variances > max(_NOTHING * variances[-1], _LEAST_VARIANCE)
    projection = (axes[:, is_something] / np.sqrt(variances[is_something])).T[::-1].astype(np.float32)
    return np.asarray(projection @ (features - mean[:, None].astype(np.float32)))


def log_gabor(size_hw: tuple[int, int], degrees: float, scales: int) -> NDArray[np.float32]:
    """(scales, H, W): filters for a Fourier transform, finest first, for waves that travel along one direction.

    They are 0 at no frequency, 1 at their centre, and nearly blind on the other side of it, so that the modulus of the
    response is local energy.

    Args:
        size_hw: of the picture, pixels.
        degrees: the direction, 0 to the right, 90 down.
        scales: how many.
    """
    y, x = fft.fftfreq(size_hw[0])[:, None], fft.fftfreq(size_hw[1])
    radius = np.hypot(x, y)
    radius[0, 0] = 1  # its logarithm must be finite; the value there is put right below
    # By way of the unit circle, so that 359° and 0° are one degree apart.
    apart = np.angle(np.exp(1j * (np.arctan2(y, x) - np.radians(degrees))))
    angular = np.exp(-(apart**2) / (2 * np.radians(ANGULAR_SIGMA_DEGREES) ** 2))
    wavelengths = SHORTEST_WAVELENGTH_PIXELS * 2.0 ** np.arange(scales)[:, None, None]
    bank = angular * np.exp(-(np.log(radius * wavelengths) ** 2) / (2 * np.log(RADIAL_RATIO) ** 2))
    # Blind to the mean brightness, as a log-Gabor filter is.
    bank[:, 0, 0] = 0
    return np.asarray(bank, np.float32)


def temporal_taps(count: int) -> Spectrum:
    """(count,) weights of the frames, newest first: a fading wave of sum 0, blind to what stands still."""
    age = np.arange(count)
    window = np.exp(-(age**2) / (2 * MEMORY_SIGMA_FRAMES**2))
    wave = np.exp(2j * np.pi * age / PERIOD_FRAMES)
    return np.asarray(window * (wave - np.average(wave, weights=window)), np.complex64)
