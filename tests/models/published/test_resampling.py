"""Pillow's and TensorFlow 1's resampling: against their definitions written out, and Pillow where it is installed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gfsalnet.models.published.resampling import legacy_bilinear, pillow_bilinear, pillow_lanczos
from gfsalnet.types import RGB

LARGE = [((360, 640), (224, 384)), ((360, 640), (256, 416)), ((123, 217), (256, 416)), ((101, 1999), (224, 384))]
SIZES = [((36, 64), (22, 38)), ((10, 15), (22, 38)), ((22, 100), (22, 38)), ((12, 60), (22, 38)), ((1, 1), (3, 2))]


def one_pass(values: np.ndarray, count: int) -> np.ndarray:
    """(N,) resampled to (count,), before rounding: a triangle at every place, as wide as a step is long."""
    step = len(values) / count
    width = max(step, 1.0)
    result = np.zeros(count)
    for place in range(count):
        centre = (place + 0.5) * step
        weights = [max(0.0, 1 - abs(at + 0.5 - centre) / width) for at in range(len(values))]
        result[place] = np.dot(weights, values) / sum(weights)
    return result


@pytest.mark.parametrize(("size_hw", "wanted_hw"), SIZES)
def test_each_value_is_a_triangle_of_its_neighbours(size_hw: tuple[int, int], wanted_hw: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    found = pillow_bilinear(rgb, wanted_hw)
    assert found.dtype == np.uint8
    assert found.shape == (*wanted_hw, 3)
    unrounded = np.apply_along_axis(one_pass, 1, rgb.astype(float), wanted_hw[1])
    is_tie = np.abs(unrounded % 1 - 0.5) < 1e-3  # where the last bit of a weight decides
    rows = np.where(is_tie, np.nan, np.floor(unrounded + 0.5))
    columns = np.apply_along_axis(one_pass, 0, rows, wanted_hw[0])
    decided = ~np.isnan(columns) & (np.abs(columns % 1 - 0.5) > 1e-3)
    assert decided.mean() > 0.3
    assert np.array_equal(found[decided], np.floor(columns[decided] + 0.5))
    assert np.array_equal(pillow_bilinear(found, wanted_hw), found)


def lanczos_by_hand(line: list[int], length: int) -> list[int]:
    """Pillow's filter for one line, term by term."""

    def window(x: float) -> float:
        if x == 0:
            return 1.0
        a, b = math.pi * x, math.pi * x / 3
        return math.sin(a) / a * math.sin(b) / b if -3 <= x < 3 else 0.0

    scale = len(line) / length
    stretch, out = max(scale, 1.0), []
    for target in range(length):
        centre = (target + 0.5) * scale
        near = range(max(int(centre - 3 * stretch + 0.5), 0), min(int(centre + 3 * stretch + 0.5), len(line)))
        weights = [window((source - centre + 0.5) / stretch) for source in near]
        total = sum(weights)
        fixed = [int(math.copysign(0.5, w) + w / total * 2**22) for w in weights]
        value = sum(w * line[source] for w, source in zip(fixed, near, strict=True))
        out.append(min(max((value + 2**21) >> 22, 0), 255))
    return out


@pytest.mark.parametrize("size_hw", [(5, 17), (13, 4), (9, 11), (40, 6)])
def test_lanczos_is_pillows_term_by_term(size_hw: tuple[int, int]) -> None:
    rgb = np.random.default_rng(6).integers(0, 256, (9, 11, 3), np.uint8)
    across = [[lanczos_by_hand(rgb[y, :, c].tolist(), size_hw[1]) for y in range(9)] for c in range(3)]
    down = [[lanczos_by_hand(list(column), size_hw[0]) for column in zip(*plane, strict=True)] for plane in across]
    assert np.array_equal(pillow_lanczos(rgb, size_hw), np.transpose(down, (2, 1, 0)))


@pytest.mark.parametrize(("resize", "name"), [(pillow_bilinear, "BILINEAR"), (pillow_lanczos, "LANCZOS")])
@pytest.mark.parametrize(("size_hw", "wanted_hw"), SIZES + LARGE)
def test_equal_to_pillow(
    resize: Callable[[RGB, tuple[int, int]], RGB], name: str, size_hw: tuple[int, int], wanted_hw: tuple[int, int]
) -> None:
    image = pytest.importorskip("PIL.Image")
    rgb = np.random.default_rng(1).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    theirs = np.asarray(image.fromarray(rgb).resize(wanted_hw[::-1], image.Resampling[name]))
    assert np.array_equal(resize(rgb, wanted_hw), theirs)


@pytest.mark.parametrize("resize", [pillow_bilinear, pillow_lanczos])
def test_a_picture_of_one_colour_keeps_it(resize: Callable[[RGB, tuple[int, int]], RGB]) -> None:
    rgb = np.full((17, 23, 3), (255, 128, 1), np.uint8)
    found = resize(rgb, (224, 384))
    assert np.array_equal(np.unique(found.reshape(-1, 3), axis=0), [[255, 128, 1]])


def by_definition(x: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.float64]:
    (height, width), (new_height, new_width) = x.shape, size_hw
    out = np.zeros(size_hw)
    for i in range(new_height):
        for j in range(new_width):
            y, x_ = i * height / new_height, j * width / new_width
            top, left = int(y), int(x_)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            down, across = y - top, x_ - left
            upper = x[top, left] * (1 - across) + x[top, right] * across
            lower = x[bottom, left] * (1 - across) + x[bottom, right] * across
            out[i, j] = upper * (1 - down) + lower * down
    return out


@pytest.mark.parametrize("size_hw", [(28, 28), (14, 10), (7, 5), (3, 4), (9, 20)])
def test_it_is_what_tensorflow_1_defines(size_hw: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random((7, 5), np.float32)
    resized = legacy_bilinear(torch.from_numpy(x)[None, None], size_hw)
    assert np.allclose(resized[0, 0], by_definition(x, size_hw), atol=1e-6)


def test_half_the_size_is_every_second_pixel() -> None:
    x = torch.rand(2, 3, 8, 6)
    assert torch.allclose(legacy_bilinear(x, (4, 3)), x[:, :, ::2, ::2], atol=1e-6)
