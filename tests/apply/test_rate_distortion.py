"""What `benchmarks/roi.py` judges by, against known values."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")
sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
from rate_distortion import bd_rate, psnr, ssim_map

RATES, PSNRS = [686.76, 309.58, 157.11, 85.95], [40.28, 37.18, 34.24, 31.42]
OTHER_RATES, OTHER_PSNRS = [893.34, 407.8, 204.93, 112.75], [40.39, 37.21, 34.17, 31.24]


def test_the_delta_of_the_rate_is_bjontegaards():
    # By the package bjontegaard 1.3.0, method pchip, whose cubic of VCEG-M33 gives 31.397.
    assert bd_rate(RATES, PSNRS, OTHER_RATES, OTHER_PSNRS) == pytest.approx(31.379878202397627, rel=1e-9)
    assert bd_rate(RATES, PSNRS, np.multiply(RATES, 2), PSNRS) == pytest.approx(100)
    assert bd_rate(RATES, PSNRS, np.multiply(RATES[::-1], 0.8), PSNRS[::-1]) == pytest.approx(-20)
    with pytest.raises(ValueError, match="no common quality"):
        bd_rate(RATES, PSNRS, RATES, np.add(PSNRS, 20))


def test_weights_choose_what_counts():
    reference = np.random.default_rng(0).integers(0, 255, (40, 60), np.uint8)
    luma = reference.copy()
    luma[:, 30:] = 255 - luma[:, 30:]
    left = np.zeros((40, 60))
    left[:, :20] = 1
    assert psnr(luma, reference, left) == 10 * np.log10(255**2 / 1e-10)
    assert psnr(luma, reference, np.fliplr(left)) < psnr(luma, reference) < 15
    assert psnr(reference + np.uint8(0), np.zeros_like(reference) + reference) > 100
    alike = ssim_map(luma, reference)
    assert alike[:, :20] == pytest.approx(1, abs=1e-3)
    assert alike[:, 40:].mean() < 0


def test_ssim_of_flat_pictures_is_its_term_of_luminance():
    a, b = np.full((20, 20), 100, np.uint8), np.full((20, 20), 120, np.uint8)
    expected = (2 * 100 * 120 + 2.55**2) / (100**2 + 120**2 + 2.55**2)
    assert ssim_map(a, b) == pytest.approx(expected, abs=1e-3)
