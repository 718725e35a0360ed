"""What encodes are judged by: PSNR and SSIM, weighted by a map or not, and the Bjøntegaard delta of the rate.

Bjøntegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001; by piecewise cubic Hermite
interpolation, as JCT-VC's later sheets have it. SSIM: Wang, Bovik, Sheikh, Simoncelli, 2004.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(luma: NDArray[np.uint8], reference: NDArray[np.uint8], weights: Array | None = None) -> float:
    """Decibels of luma (H, W), its squared errors averaged with weights (H, W) ≥ 0; without, evenly."""
    error = np.average((luma.astype(np.float64) - reference) ** 2, weights=weights)
    return float(10 * np.log10(255**2 / max(error, 1e-10)))


def ssim_map(luma: NDArray[np.uint8], reference: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W): the structural similarity around each pixel."""
    a, b = luma.astype(np.float32), reference.astype(np.float32)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.GaussianBlur(values, (SSIM_WINDOW, SSIM_WINDOW), SSIM_SIGMA)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    return alike / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))


def in_decibels(ssim: float) -> float:
    """SSIM on the scale on which it goes about linearly with the logarithm of the rate."""
    return float(-10 * np.log10(max(1 - ssim, 1e-10)))


def bd_rate(rates: Array, qualities: Array, other_rates: Array, other_qualities: Array) -> float:
    """How much more rate, in percent, the other encodes need for the same quality, on average over what both reach.

    Args:
        rates: (N,) of the encodes that are compared with, N ≥ 2.
        qualities: (N,) of them, all different.
        other_rates: (M,) of the others.
        other_qualities: (M,).

    Raises:
        ValueError: if no quality is reached by both.
    """
    low = max(min(qualities), min(other_qualities))
    high = min(max(qualities), max(other_qualities))
    if low >= high:
        raise ValueError("the curves reach no common quality")
    mean = _integral(other_qualities, np.log(other_rates), low, high) - _integral(qualities, np.log(rates), low, high)
    return float((np.exp(mean / (high - low)) - 1) * 100)


def _integral(x: Array, y: Array, low: float, high: float) -> float:
    """Of the piecewise cubic through the points, between two places; exact for each of its pieces."""
    from scipy.interpolate import PchipInterpolator

    order = np.argsort(x)
    return float(PchipInterpolator(np.asarray(x)[order], np.asarray(y)[order]).integrate(low, high))
