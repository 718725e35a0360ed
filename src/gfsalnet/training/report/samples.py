"""Sample sheets: what the network sees and says of a few validation frames, side by side, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from gfsalnet.device import threads
from gfsalnet.files import output_errors, write_png, written_whole
from gfsalnet.maps import to_density
from gfsalnet.render import gate_view, overlay
from gfsalnet.render.colours import APPEARANCE_RGB, MOTION_RGB
from gfsalnet.training.data.examples import Example, Source
from gfsalnet.training.validation import PredictedMaps
from gfsalnet.types import RGB, Frame, Prediction

_ROWS = 4
_CELL_WIDTH, _GAP, _TITLE_HEIGHT = 240, 4, 22
_FONT, _INK = cv2.FONT_HERSHEY_SIMPLEX, (60, 60, 60)
_PAPER = 228
"""Grey, so that a white flow image shows its borders."""
_LEGENDS = {"gate": ((MOTION_RGB, "motion"), (APPEARANCE_RGB, "appearance"))}
"""Title → what its colours mean, beside it."""


def write_samples(path: Path, sources: Sequence[Source], predict: Callable[[Example], PredictedMaps]) -> None:
    """Write a PNG with a row for each of the same few frames; none where nothing is validated on.

    The columns are the frame, where people looked and where the network expects it; of two streams also the flow
    image, what either stream expects, and the gate between them (`gfsalnet.render.gate_view`), whose title says which
    colour stands for which stream.

    Args:
        path: of the PNG.
        sources: what is validated on.
        predict: asks a network in evaluation mode.

    Raises:
        OutputError: if it cannot be written.
    """
    rows = []
    for source, index in chosen_frames(sources):
        with threads(1, torch=False):  # as in validation: with more, DIS gives slightly other flow
            example, _ = source.eval_example(index)
        rows.append(_cells(example, predict(example)))
    if rows:
        with output_errors(path):
            path.parent.mkdir(exist_ok=True)
            with written_whole(path) as partial:
                write_png(partial, sheet(rows))


def chosen_frames(sources: Sequence[Source]) -> list[tuple[Source, int]]:
    """Frames from all sources in turn, evenly spread over each."""
    # In turn, so that a few rows show every source; always the same frames, so that epochs can be compared.
    # Rounded up; what is too much is cut off at the end.
    each = -(-_ROWS // max(len(sources), 1))
    spread = [[(s, (2 * i + 1) * len(s) // (2 * each)) for s in sources if i < len(s)] for i in range(each)]
    return [frame for turn in spread for frame in turn][:_ROWS]


def _cells(example: Example, maps: PredictedMaps) -> dict[str, RGB]:
    """Title → cell (h, w, 3), all at the network's size."""
    rgb = example.rgb
    cells = {
        "frame": rgb,
        "people": overlay(rgb, example.density),
        "network": overlay(rgb, to_density(maps.saliency)),
    }
    if maps.appearance is not None and maps.motion is not None:
        # White is no motion, which is what the network was given where there is no flow.
        cells["flow"] = np.full_like(rgb, 255) if example.flow_image is None else example.flow_image
        cells["appearance"] = overlay(rgb, to_density(maps.appearance))
        cells["motion"] = overlay(rgb, to_density(maps.motion))
    if maps.gate is not None:
        cells["gate"] = gate_view(
            Prediction(frame=Frame(rgb), map_density=to_density(maps.saliency), map_gate=maps.gate)
        )
    return cells


def sheet(rows: Sequence[Mapping[str, RGB]]) -> RGB:
    """Titles and one row of cells each, (H, W, 3) uint8; all rows have the titles of the first."""
    width = len(rows[0]) * (_CELL_WIDTH + _GAP) - _GAP
    title = np.full((_TITLE_HEIGHT, width, 3), _PAPER, np.uint8)
    for column, text in enumerate(rows[0]):
        _add_title(title, column * (_CELL_WIDTH + _GAP) + 2, text)
    return np.vstack([title, *(_row(list(row.values())) for row in rows)])


def _add_title(line: RGB, left: int, text: str) -> None:
    """The text, and behind it a square of each colour of its legend with what it means."""
    baseline, side = _TITLE_HEIGHT - 7, 10
    for colour, word in ((None, text), *_LEGENDS.get(text, ())):
        if colour is not None:
            line[baseline - side + 1 : baseline + 1, left : left + side] = colour
            left += side + 4
        cv2.putText(line, word, (left, baseline), _FONT, 0.45, _INK, 1, cv2.LINE_AA)
        left += cv2.getTextSize(word, _FONT, 0.45, 1)[0][0] + 10


def _row(cells: Sequence[RGB]) -> RGB:
    height = round(_CELL_WIDTH * cells[0].shape[0] / cells[0].shape[1])
    row = np.full((height + _GAP, len(cells) * (_CELL_WIDTH + _GAP) - _GAP, 3), _PAPER, np.uint8)
    for column, cell in enumerate(cells):
        left = column * (_CELL_WIDTH + _GAP)
        shrinks = cell.shape[1] > _CELL_WIDTH
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        row[:height, left : left + _CELL_WIDTH] = cv2.resize(cell, (_CELL_WIDTH, height), interpolation=interpolation)
    return row
