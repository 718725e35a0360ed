"""How focused looks are over a source: from what `predict` has left, else predicted now."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from gfsalnet.apply.marks.finding import Course, second_place
from gfsalnet.errors import OutputError, SourceError
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.formats.texts import read_csv_rows
from gfsalnet.models import SaliencyModel
from gfsalnet.predict import predictions, stored_folder
from gfsalnet.render import area_holding
from gfsalnet.video import VideoInfo, VideoReader


def course_of(
    reader: VideoReader,
    model: SaliencyModel,
    output: Path | None = None,
    part_seconds: tuple[float | None, float | None] = (None, None),
    on_frame: Callable[[int], None] = lambda done: None,
) -> Course:
    """The course of a source, or of a part of it.

    Args:
        reader: of the source; read only where nothing is stored.
        model: predicts.
        output: the folder of results, in which an earlier `predict` of the same source and model may lie.
        part_seconds: the part of the source that is read.
        on_frame: called with the number of frames that are done.

    Raises:
        SourceError: if no frame can be read.
    """
    stored = None if output is None else stored_folder(reader.info, model, output, part_seconds)
    if stored is not None:
        return _read_back(stored, reader.info)
    rows: list[tuple[float, float, float, bool]] = []
    # `closing` ends the threads that read ahead at once, also when `on_frame` raises.
    with closing(predictions(reader, model, None, part_seconds)) as made:
        for number, p in enumerate(made):
            density = p.map_density
            # Three numbers of each map are kept, not the map; the first frame begins a shot without a cut.
            rows.append((p.time_seconds, area_holding(density), second_place(density), p.starts_shot and number > 0))
            on_frame(number + 1)
    if not rows:
        raise SourceError(reader.info.source, "no frame of it can be read", "Copy or export it again")
    times, area, split, cuts = (np.array(column) for column in zip(*rows, strict=True))
    end = _end(times, reader.info)
    return Course(times_seconds=times, end_seconds=end, area=area, split=split, cuts=cuts.astype(bool))


def _read_back(folder: Path, info: VideoInfo) -> Course:
    rows = read_csv_rows(folder / "frames.csv", OutputError)
    times = np.array([float(row["time_seconds"]) for row in rows])
    densities = ArrayArchive(folder / "maps.npz", OutputError).mapped("density")
    return Course(
        times_seconds=times,
        end_seconds=_end(times, info),
        area=np.array([float(row["area_50_percent"]) for row in rows]),
        # One map at a time: the array lies on the disk, perhaps in half precision.
        split=np.array([second_place(np.array(density, np.float32)) for density in densities]),
        cuts=np.array([row["shot_cut"] == "1" for row in rows]),
    )


def _end(times: np.typing.NDArray[np.float64], info: VideoInfo) -> float:
    """When the last frame ends: it lasts as long as the others usually do."""
    last = float(np.median(np.diff(times))) if times.size > 1 else float(1 / info.rate)
    return float(times[-1]) + last
