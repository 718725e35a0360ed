"""Centre bias: a Gaussian of the published width, whatever the frame shows."""

from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.models.classical.centre_bias import CentreBias, central_gaussian
from gfsalnet.types import Frame


def test_two_points_by_hand() -> None:
    gaussian = central_gaussian((101, 201))
    assert gaussian[50, 100] == 1
    assert gaussian[50, 0] == pytest.approx(np.exp(-((200 / 201) ** 2) / (2 * 0.23)))
    assert gaussian[0, 100] == pytest.approx(np.exp(-((100 / 201) ** 2) / (2 * 0.23 * 0.45)))


def test_it_is_symmetric_and_wider_than_high_in_any_frame() -> None:
    for size_hw in ((90, 160), (96, 128), (160, 90)):
        gaussian = central_gaussian(size_hw)
        assert np.allclose(gaussian, gaussian[::-1, ::-1])
        across, down = gaussian[size_hw[0] // 2], gaussian[:, size_hw[1] // 2]
        assert (across > 0.5).sum() / (down > 0.5).sum() == pytest.approx(0.45**-0.5, rel=0.05)


def test_the_picture_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    clip = [Frame(rng.integers(0, 255, (36, 64, 3), dtype=np.uint8), index=index) for index in range(3)]
    first, *others = (p.map_density for p in CentreBias().stream(clip))
    assert all(np.array_equal(first, other) for other in others)
    assert first.shape == (83, 148)
