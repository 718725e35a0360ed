"""What the student looks at: photographs with gaze, frames of openly licensed clips, and random views of both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
SETS = ("osie", "crowd", "scene")
SIGMA = 0.03
"""Of the human density, as a share of the view's width: one degree in OSIE."""
ROBOTS = ("bridge_", "droid_", "opencv_", "intel_bottle", "winui_")
"""Clips that show little of what people look at; drawn less often."""


class View(NamedTuple):
    """A box of the picture in shares of its sides, mirrored or not."""

    left: float
    top: float
    width: float
    height: float
    mirrored: bool


@dataclass(frozen=True)
class Photograph:
    """A picture with the fixations on it, in shares of its sides."""

    path: Path
    xy_N2: NDArray[np.float64]


def photographs(data: Path, validation: bool) -> list[Photograph]:
    """The 1,360 that are learned from, or the 100 that no teacher saw, in the order of the teacher maps."""
    maps = np.load(data / "teacher_maps/teacher_maps.npz")
    chosen = {str(source) for source in maps["source"][(maps["frame"] < 0) & (maps["validation"] == validation)]}
    found = []
    for name in SETS:
        table = np.load(data / name / "fixations.npz")
        sizes = table["original_sizes_wh"].astype(float)
        for index, file in enumerate(table["image_names"]):
            if f"{name}/images/{file}" in chosen:
                rows = table["image_index"] == index
                xy = np.stack((table["x"][rows], table["y"][rows]), 1) / sizes[index]
                found.append(Photograph(data / name / "images" / str(file), xy))
    return found


def read_rgb(path: Path) -> RGB:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1])


def random_view(picture_hw: tuple[int, int], aspect: float, rng: np.random.Generator, whole: float = 0.5) -> View:
    """A box of about the wanted aspect (width / height), its side 0.55 to 1 of the largest such box."""
    mirrored = bool(rng.random() < 0.5)
    own = picture_hw[1] / picture_hw[0]
    if abs(np.log(own / aspect)) < 0.2 and rng.random() < whole:
        return View(0, 0, 1, 1, mirrored)
    wanted = aspect * np.exp(rng.uniform(-0.12, 0.12))
    width, height = (1.0, own / wanted) if wanted > own else (wanted / own, 1.0)
    share = 1 - 0.45 * rng.random()
    width, height = width * share, height * share
    return View(rng.random() * (1 - width), rng.random() * (1 - height), width, height, mirrored)


def seen(rgb: RGB, view: View, size_hw: tuple[int, int]) -> RGB:
    """The box of the picture at that size."""
    rows, columns = rgb.shape[:2]
    x0, y0 = int(view.left * columns), int(view.top * rows)
    x1, y1 = max(round((view.left + view.width) * columns), x0 + 8), max(round((view.top + view.height) * rows), y0 + 8)
    box = rgb[y0:y1, x0:x1]
    shrinks = box.shape[1] > size_hw[1]
    resized = cv2.resize(box, size_hw[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized[:, ::-1] if view.mirrored else resized


def map_seen(log_map_HW: NDArray[np.float32], view: View, grid_hw: tuple[int, int]) -> NDArray[np.float32]:
    """The part of a log map that a view shows, at the size of a grid."""
    rows, columns = log_map_HW.shape
    x = (view.left + (np.arange(grid_hw[1], dtype=np.float32) + 0.5) / grid_hw[1] * view.width) * columns - 0.5
    y = (view.top + (np.arange(grid_hw[0], dtype=np.float32) + 0.5) / grid_hw[0] * view.height) * rows - 0.5
    if view.mirrored:
        x = x[::-1]
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    mapped = cv2.remap(log_map_HW, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(mapped, np.float32)


def fixations_seen(xy_N2: NDArray[np.float64], view: View, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """How many fixations each cell of a grid over the view has."""
    x, y = (xy_N2[:, 0] - view.left) / view.width, (xy_N2[:, 1] - view.top) / view.height
    if view.mirrored:
        x = 1 - x
    inside = (x >= 0) & (x < 1) & (y >= 0) & (y < 1)
    counts = np.zeros(size_hw, np.float32)
    np.add.at(counts, ((y[inside] * size_hw[0]).astype(int), (x[inside] * size_hw[1]).astype(int)), 1)
    return counts


def blurred(counts_HW: NDArray[np.float32]) -> NDArray[np.float32]:
    """The density of fixations; all zero where there are none."""
    density = cv2.GaussianBlur(counts_HW, (0, 0), SIGMA * counts_HW.shape[1], borderType=cv2.BORDER_CONSTANT)
    return density / max(float(density.sum()), 1e-12)


def recoloured(rgb: RGB, rng: np.random.Generator) -> RGB:
    """Brightness, contrast and saturation changed; now and then grey, soft or grainy."""
    image = rgb.astype(np.float32) / 255
    brightness, contrast, saturation = 1 + rng.uniform(-1, 1, 3) * (0.3, 0.3, 0.5)
    image *= brightness
    mean = image.mean()
    image = (image - mean) * contrast + mean
    grey = image.mean(2, keepdims=True)
    image = grey + (image - grey) * (0 if rng.random() < 0.05 else saturation)
    if rng.random() < 0.1:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5))
    if rng.random() < 0.1:
        image = image + rng.normal(0, rng.uniform(0.01, 0.05), image.shape)
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
