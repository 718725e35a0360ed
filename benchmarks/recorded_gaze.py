"""Maps against recorded gaze, frame by frame: what `benchmarks/accuracy.py` scores by.

Video: CLIPS/<set>/<clip>/ holds video.mp4 and fixations.npz (frame, subject, x, y in 0-based pixels of the original,
fps, width, height, n_frames, n_subjects). Every tenth frame with points of at least five viewers counts, 320 pixels
wide, the density of gaze blurred with 3.5 % of the width. In the set `ved100` points lie 4.7 % of the height too low,
the title bar of the player, and viewers begin at its bottom: they are moved up, and the first half second is left out.
Clips with fewer than five such frames are left out.

Photographs: 400 wide, blurred with 12 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.metrics import auc_judd, cc, kldiv, nss, sim

Array = NDArray[np.float64]
COLUMNS = ("AUC", "CC", "NSS", "SIM", "KL")
VIDEO_WIDTH, VIDEO_SIGMA = 320, 0.035 * 320
PHOTOGRAPH_WIDTH, PHOTOGRAPH_SIGMA = 400, 12.0
EVERY, FEWEST_VIEWERS, FEWEST_FRAMES = 10, 5, 5
CENTRE_SHARE = 0.05
"""Of the centred Gaussian in the maps that viewers make for others."""
SETS = ("osie", "crowd", "scene")


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame or photograph and the points on it, in pixels of the map that is scored."""

    place: str
    """`set/clip` or `set`: what intervals are drawn over."""
    index: int
    """Of the frame; of a photograph, its place in the set."""
    seconds: float
    size_hw: tuple[int, int]
    sigma: float
    x: NDArray[np.intp]
    y: NDArray[np.intp]
    subject: NDArray[np.intp]
    second_half: NDArray[np.bool_]
    """Which points are those of the second half of the viewers."""
    path: Path

    def density(self, chosen: NDArray[np.bool_] | None = None) -> Array:
        """(H, W): the blurred points; all of them, or those chosen."""
        counts = self.counts(chosen)
        return cv2.GaussianBlur(counts, (0, 0), self.sigma, borderType=cv2.BORDER_CONSTANT)

    def counts(self, chosen: NDArray[np.bool_] | None = None) -> Array:
        """(H, W): how many points lie on a pixel."""
        counts = np.zeros(self.size_hw)
        rows = slice(None) if chosen is None else chosen
        np.add.at(counts, (self.y[rows], self.x[rows]), 1)
        return counts


def video_frames(clips: Path) -> Iterator[Shown]:
    """Every scored frame, clip by clip in the order of their names."""
    rng = np.random.default_rng(0)
    for folder in sorted(file.parent for file in clips.glob("*/*/fixations.npz")):
        shown = list(_clip_frames(folder, rng))
        if len(shown) >= FEWEST_FRAMES:
            yield from shown


def _clip_frames(folder: Path, rng: np.random.Generator) -> Iterator[Shown]:
    with np.load(folder / "fixations.npz") as table:
        width, height, fps = (float(table[name]) for name in ("width", "height", "fps"))
        frame, subject, x, y = (table[name] for name in ("frame", "subject", "x", "y"))
        count, viewers = int(table["n_frames"]), int(table["n_subjects"])
    is_ved100 = folder.parent.name == "ved100"
    size_hw = round(VIDEO_WIDTH * height / width), VIDEO_WIDTH
    column = np.floor(x * VIDEO_WIDTH / width).astype(int)
    row = np.floor((y - (0.047 * height if is_ved100 else 0)) * size_hw[0] / height).astype(int)
    inside = (column >= 0) & (column < size_hw[1]) & (row >= 0) & (row < size_hw[0])
    half = rng.permutation(int(subject.max()) + 1) % 2
    first = int(np.ceil(0.5 * fps / EVERY) * EVERY) if is_ved100 else 0
    for index in range(first, count, EVERY):
        on = inside & (frame == index)
        second = half[subject[on]] == 1
        if len(np.unique(subject[on])) < min(FEWEST_VIEWERS, viewers) or min(second.sum(), (~second).sum()) < 2:
            continue
        place = f"{folder.parent.name}/{folder.name}"
        points = column[on], row[on], subject[on].astype(int)
        yield Shown(place, index, index / fps, size_hw, VIDEO_SIGMA, *points, second, folder / "video.mp4")


def photographs(data: Path) -> Iterator[Shown]:
    """The 100 photographs of osie, crowd and scene that are kept to validate on (`teacher_maps.npz` names them)."""
    with np.load(data / "teacher_maps/teacher_maps.npz") as maps:
        chosen = {str(source) for source in maps["source"][maps["validation"]]}
    for name in SETS:
        with np.load(data / name / "fixations.npz") as table:
            files, sizes = table["image_names"], table["original_sizes_wh"]
            image, x, y, subject = (table[key] for key in ("image_index", "x", "y", "subject"))
        for index, file in enumerate(files):
            if f"{name}/images/{file}" not in chosen:
                continue
            (width, height), on = sizes[index], image == index
            size_hw = round(PHOTOGRAPH_WIDTH * height / width), PHOTOGRAPH_WIDTH
            column = np.floor(x[on] * size_hw[1] / width).astype(int)
            row = np.floor(y[on] * size_hw[0] / height).astype(int)
            inside = (column >= 0) & (column < size_hw[1]) & (row >= 0) & (row < size_hw[0])
            viewer = subject[on][inside].astype(int)
            points = column[inside], row[inside], viewer, viewer % 2 == 1
            path = data / name / "images" / str(file)
            yield Shown(name, index, 0.0, size_hw, PHOTOGRAPH_SIGMA, *points, path)


def scores(saliency_HW: Array, shown: Shown, density_HW: Array, chosen: NDArray[np.bool_] | None = None) -> Array:
    """(5,): `COLUMNS` of a map ≥ 0 of the scored size against the points, or those chosen, and their density."""
    counts = shown.counts(chosen)
    return np.array(
        (
            auc_judd(saliency_HW, counts),
            cc(saliency_HW, density_HW),
            nss(saliency_HW, counts, ddof=0, per_fixation=True),
            sim(saliency_HW, density_HW),
            kldiv(saliency_HW, density_HW),
        )
    )


def scored_size(map_hw: NDArray[np.floating], size_hw: tuple[int, int]) -> Array:
    """A model's map at the scored size, without empty places."""
    return np.maximum(cv2.resize(np.asarray(map_hw, np.float64), size_hw[::-1]), 0) + 1e-12


def centred_gaussian(size_hw: tuple[int, int]) -> Array:
    """(H, W): sigma a quarter of each side, in the picture's middle."""
    height, width = size_hw
    y, x = np.mgrid[0:height, 0:width]
    return np.exp(-(((x - width / 2) / (width / 4)) ** 2 + ((y - height / 2) / (height / 4)) ** 2) / 2)


def of_viewers(shown: Shown, chosen: NDArray[np.bool_]) -> Array:
    """What some viewers say of the others: their density with a little of the centre."""
    density, centre = shown.density(chosen), centred_gaussian(shown.size_hw)
    return (1 - CENTRE_SHARE) * density / density.sum() + CENTRE_SHARE * centre / centre.sum()


def set_means(rows: Mapping[str, Array]) -> dict[str, Array]:
    """Means of places → means of their sets, sets of one clip together as `single`, and the `mean` of the sets."""
    sets: dict[str, list[Array]] = {}
    for place, mean in rows.items():
        sets.setdefault(place.split("/")[0], []).append(mean)
    single = [means[0] for means in sets.values() if len(means) == 1]
    if len(sets) > 1 and single and any("/" in place for place in rows):
        sets = {name: means for name, means in sets.items() if len(means) > 1} | {"single": single}
    found = {name: np.mean(means, 0) for name, means in sets.items()}
    return found | {"mean": np.mean(list(found.values()), 0)}
