"""Random views that student and teachers see alike: a box of the picture, and hard colours for the student's eyes."""

from __future__ import annotations

import math

import cv2
import numpy as np

from gfsalnet.gaze import View
from gfsalnet.types import RGB


def random_view(
    picture_hw: tuple[int, int], aspect: float, rng: np.random.Generator, *, whole: float, tolerance: float = 0.2
) -> View:
    """A box of about the wanted aspect, its side 0.55 to 1 of the largest such box, or the whole; mirrored or not.

    Args:
        picture_hw: of the picture, in pixels.
        aspect: width / height.
        rng: decides.
        whole: how often the whole is shown where its aspect is about the wanted one.
        tolerance: what is about: the largest logarithm of their ratio.
    """
    mirrored = bool(rng.random() < 0.5)
    own = picture_hw[1] / picture_hw[0]
    if abs(math.log(own / aspect)) < tolerance and rng.random() < whole:
        return View(mirrored=mirrored)
    # Up to 13 % wider or narrower: views of one picture are not all alike.
    wanted = aspect * math.exp(rng.uniform(-0.12, 0.12))
    # The largest box of that aspect, as shares of the picture.
    width, height = (1.0, own / wanted) if wanted > own else (wanted / own, 1.0)
    share = 1 - 0.45 * rng.random()
    width, height = width * share, height * share
    return View(rng.random() * (1 - width), rng.random() * (1 - height), width, height, mirrored)


def hard_colours(rgb: RGB, rng: np.random.Generator) -> RGB:
    """The picture (H, W, 3) uint8 in other brightness, contrast and saturation; now and then grey, soft or grainy."""
    image = rgb.astype(np.float32) / 255
    brightness, contrast, saturation = 1 + rng.uniform(-1, 1, 3) * (0.3, 0.3, 0.5)
    image *= brightness
    # Contrast around the picture's own mean, or it would be a second brightness.
    mean = image.mean()
    image = (image - mean) * contrast + mean
    grey = image.mean(2, keepdims=True)
    image = grey + (image - grey) * (0 if rng.random() < 0.05 else saturation)
    if rng.random() < 0.1:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5))
    if rng.random() < 0.1:
        image = image + rng.normal(0, rng.uniform(0.01, 0.05), image.shape)
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
