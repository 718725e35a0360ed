"""A prediction from start to end: a video is drawn, encoded, decoded, predicted, written, read again and compared."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.demo import FRAMES, draw_clip
from gfsalnet.doctor.finding import Finding
from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.formats.texts import read_toml
from gfsalnet.models import DEFAULT_MODEL, SaliencyModel, load_model
from gfsalnet.predict import Settings, predict_source
from gfsalnet.video import count_frames
from gfsalnet.words import counted

EXPECTED_FILE = Path(__file__).with_name("expected.toml")
COMPARED_FRAMES = (0, 12, 24)
GRID_HW = (6, 8)
TOLERANCE = 0.02
"""Of the share of looks that falls on a cell of the grid: .009 lies between the oldest and the newest PyAV and OpenCV,
.044 between right and swapped colours, .047 between full and limited range."""
_SAVE = ("overlay", "gate", "maps", "csv")


def self_test() -> Iterator[Finding]:
    """Predict the first second of a drawn video with the shipped model, and compare its maps with recorded ones."""
    with tempfile.TemporaryDirectory(prefix="gfsalnet-doctor-") as name:
        folder, began = Path(name), time.perf_counter()
        # Drawn, not shipped: encoder and decoder of this machine are part of the test.
        clip = draw_clip(folder / "clip.mp4")
        yield _counted("drawn and encoded", clip, FRAMES, began)
        began, frames = time.perf_counter(), COMPARED_FRAMES[-1] + 1
        model = load_model(DEFAULT_MODEL, device="cpu")
        settings = Settings(output=folder / "out", save=_SAVE, max_frames=frames)
        outcome = predict_source(model, str(clip), settings)
        assert outcome.folder is not None
        yield _counted("predicted", outcome.folder / "overlay.mp4", frames, began)
        yield compared(grids(outcome.folder / "maps.npz"), identity(model))


def _counted(what: str, video: Path, expected: int, began: float) -> Finding:
    seconds, found = time.perf_counter() - began, count_frames(video)
    if found != expected:
        return Finding("self-test", what, f"{counted(found, 'frame')} instead of {expected}", "wrong")
    return Finding("self-test", what, f"{counted(found, 'frame')} in {seconds:.1f} s")


def grids(maps: Path) -> dict[int, NDArray[np.float64]]:
    """Number of each of `COMPARED_FRAMES` → share of looks on each cell of a coarse grid, (6, 8), summing to 1."""
    densities = ArrayArchive(maps, GFSalNetError).mapped("density")[list(COMPARED_FRAMES)]
    return dict(zip(COMPARED_FRAMES, map(_grid, densities), strict=True))


def _grid(density_hw: NDArray[np.float32]) -> NDArray[np.float64]:
    # Parts of nearly one size: sides of maps need not be multiples of the grid's.
    rows, columns = (
        np.array_split(np.arange(side), cells) for side, cells in zip(density_hw.shape, GRID_HW, strict=True)
    )
    return np.array([[density_hw[np.ix_(row, column)].sum(dtype=np.float64) for column in columns] for row in rows])


def identity(model: SaliencyModel) -> str:
    """What decides a model's maps: its weights, and the numbers of its gate and memory."""
    about = model.describe()
    return f"{about['name']} {about['weights']} {about.get('over_time', '')}".strip()


def compared(found: Mapping[int, NDArray[np.float64]], model: str) -> Finding:
    """How far maps are from the recorded ones."""
    recorded = read_toml(EXPECTED_FILE, GFSalNetError)
    if recorded["model"] != model:
        return Finding(
            "self-test", "maps", f"recorded of another model ({recorded['model']}), so not compared", "wrong"
        )
    difference = float(np.max([np.abs(found[frame] - recorded["shares"][str(frame)]) for frame in COMPARED_FRAMES]))
    text = f"largest difference of a share of looks from the recorded: {difference:.5f}"
    if not difference <= TOLERANCE:  # NaN too
        return Finding("self-test", "maps", f"not as recorded: {text}, more than {TOLERANCE}", "wrong")
    return Finding("self-test", "maps", f"as recorded; {text}")


def record() -> None:
    """Write `EXPECTED_FILE` anew, by what this machine predicts: after new weights in the package."""
    with tempfile.TemporaryDirectory() as name:
        model = load_model(DEFAULT_MODEL, device="cpu")
        clip = draw_clip(Path(name) / "clip.mp4")
        settings = Settings(output=Path(name), save=("npz",), max_frames=COMPARED_FRAMES[-1] + 1)
        outcome = predict_source(model, str(clip), settings)
        assert outcome.folder is not None
        found = grids(outcome.folder / "maps.npz")
    lines = ["# What the self-test of `gfsalnet doctor` should find: shares of looks on a grid, by frame."]
    lines += [f'model = "{identity(model)}"', "", "[shares]"]
    for frame, shares in found.items():
        rows = [f"    [{', '.join(f'{share:.5f}' for share in row)}]," for row in shares]
        lines += [f"{frame} = [", *rows, "]"]
    EXPECTED_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
