"""Lightness only grows, in the eyes of everybody."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from gfsalnet.choices import Colormap
from gfsalnet.render.colours import APPEARANCE_RGB, BOTH_RGB, COLORMAPS, MOTION_RGB, colour_table

# Machado, Oliveira and Fernandes (2009), severity 1, in linear RGB.
SEEN_BY = {
    "everybody": np.eye(3),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopes": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = XYZ_OF_RGB @ np.ones(3)


def lab(rgb: np.ndarray, eyes: str) -> np.ndarray:
    """(N, 3) CIELAB of (N, 3) sRGB bytes, as these people see them."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = (linear @ SEEN_BY[eyes].T).clip(0, 1) @ XYZ_OF_RGB.T / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def test_the_words_are_those_of_the_table():
    assert get_args(Colormap) == tuple(COLORMAPS)
    with pytest.raises(ValueError, match="known are plasma"):
        colour_table("jet")


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("name", COLORMAPS)
def test_lightness_only_grows_and_in_even_steps(name, eyes):
    table = colour_table(name)
    assert table.shape == (256, 3)
    lightness = lab(table, eyes)[::15, 0]
    steps = np.diff(lightness)
    assert steps.min() > 0
    assert lightness[-1] - lightness[0] > 55
    if eyes == "everybody":
        distances = np.linalg.norm(np.diff(lab(table, eyes)[::15], axis=0), axis=1)
        assert distances.max() / distances.min() < 3  # of Turbo: 6


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_the_sides_of_the_gate_are_told_apart_by_everybody(eyes):
    motion, both, appearance = lab(np.array([MOTION_RGB, BOTH_RGB, APPEARANCE_RGB]), eyes)
    assert np.linalg.norm(motion - appearance) > 60
    assert min(np.linalg.norm(motion - both), np.linalg.norm(appearance - both)) > 30
