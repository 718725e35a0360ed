"""A data root with photographs, a clip and stored maps, all made by code, and a recipe that learns from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.network.config import light
from gfsalnet.training.distillation.config import Distillation, Exponents, InputSize
from gfsalnet.training.recipe import Optimiser, Part, Recipe

PHOTOGRAPHS, FRAMES, HELD_OUT = 8, (0, 2, 4, 6), (3, 7)
SIZE_WH = (96, 64)


def bump(x: float, y: float) -> np.ndarray:
    """(15, 20) uint8: a stored map with its peak there, in shares of the sides."""
    rows, columns = (np.arange(15) + 0.5) / 15, (np.arange(20) + 0.5) / 20
    log_map = -(((columns - x) ** 2 + (rows[:, None] - y) ** 2) / 0.05)
    return np.rint((np.maximum(log_map - log_map.max(), -12) / 12 + 1) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("taught")
    rng = np.random.default_rng(0)
    (root / "people" / "images").mkdir(parents=True)
    (root / "clips" / "one").mkdir(parents=True)
    places = rng.uniform(0.3, 0.7, (PHOTOGRAPHS, 2))
    rows = []
    for number, place in enumerate(places):
        picture = rng.integers(60, 120, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
        cv2.circle(picture, tuple(int(v) for v in place * SIZE_WH), 9, (30, 30, 240), -1)
        cv2.imwrite(str(root / "people" / "images" / f"{number}.png"), picture)
        rows += [(number, viewer, *(place * SIZE_WH + rng.normal(0, 2, 2))) for viewer in range(6)]
    image_index, subject, x, y = zip(*rows, strict=True)
    np.savez(
        root / "people" / "fixations.npz",
        image_index=np.array(image_index, np.int32),
        subject=np.array(subject, np.int16),
        x=np.array(x, np.float32),
        y=np.array(y, np.float32),
        image_names=np.array([f"{number}.png" for number in range(PHOTOGRAPHS)]),
        original_sizes_wh=np.array([SIZE_WH] * PHOTOGRAPHS, np.int32),
    )
    for number in range(max(FRAMES) + 1):
        picture = rng.integers(60, 120, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
        cv2.circle(picture, (20 + 8 * number, 32), 9, (30, 30, 240), -1)
        cv2.imwrite(str(root / "clips" / "one" / f"{number:04d}.png"), picture)
    of_frames = [bump((20 + 8 * number) / SIZE_WH[0], 0.5) for number in FRAMES]
    np.savez(
        root / "maps.npz",
        source=np.array([*(f"people/images/{n}.png" for n in range(PHOTOGRAPHS)), *["clips/one"] * len(FRAMES)]),
        frame=np.array([*[-1] * PHOTOGRAPHS, *FRAMES]),
        validation=np.array([n in HELD_OUT for n in range(PHOTOGRAPHS)] + [False] * len(FRAMES)),
        static=np.stack([*(bump(*place) for place in places), *of_frames]),
        video=np.stack(of_frames),
    )
    return root


@pytest.fixture
def settings() -> Distillation:
    sizes = (InputSize(64, 96, 0.5), InputSize(96, 64, 0.5))
    return Distillation(
        stored_maps=Path("maps.npz"),
        stored=Exponents(still={"static": 1.0}, video={"static": 0.5, "video": 0.4}),
        steps_per_epoch=2,
        still_sizes=sizes,
        video_sizes=(*sizes[:1], InputSize(64, 64, 0.5)),
    )


@pytest.fixture
def student_recipe(taught: Path, settings: Distillation) -> Recipe:
    part = Part(dataset="folder", root=Path("people"), split="all", sigma=0.1)
    return Recipe(
        name="student",
        data_root=taught,
        train=(part,),
        validate=(part,),
        network=replace(light(), input_size_hw=(64, 96)),
        freeze_batch_norm=True,
        epochs=2,
        batch_size=4,
        device="cpu",
        precision="float32",
        select="kldiv",
        optimiser=Optimiser(learning_rate=1e-3, factors={"centre": 50.0, "log_temperature": 50.0}, ema_decay=0.5),
        distillation=settings,
    )
