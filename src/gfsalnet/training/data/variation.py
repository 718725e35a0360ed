"""How examples are varied: a random view for picture and gaze alike, random colours for the picture."""

from __future__ import annotations

import numpy as np

from gfsalnet.gaze import View
from gfsalnet.training.recipe import Augmentation
from gfsalnet.types import RGB, Fixations

_FEWEST = 3
"""A crop with fewer fixations than this says too little about where people look."""


def random_view(fixations: Fixations, how: Augmentation, rng: np.random.Generator) -> View:
    """A crop that keeps some of the gaze, or the whole picture; mirrored or not."""
    mirrored = how.mirror and bool(rng.random() < 0.5)
    if how.crop:
        kept = 1 - how.crop * rng.random()
        left, top = rng.random(2) * (1 - kept)
        view = View(left, top, kept, kept, mirrored)
        if view.of_fixations(fixations).inside.sum() >= _FEWEST:
            return view
    return View(mirrored=mirrored)


def recoloured(rgb: RGB, amount: float, rng: np.random.Generator) -> RGB:
    """The picture with brightness, contrast and saturation changed at random.

    Args:
        rgb: (h, w, 3).
        amount: the largest relative change of brightness and contrast; saturation changes by twice as much.
        rng: decides.
    """
    image = rgb.astype(np.float32) / 255
    brightness, contrast, saturation = 1 + amount * rng.uniform(-1, 1, 3) * (1, 1, 2)
    image *= brightness
    mean = image.mean()
    image = (image - mean) * contrast + mean
    grey = image.mean(2, keepdims=True)
    image = (image - grey) * saturation + grey
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), dtype=np.uint8)
