"""The predictions of a source for what is built on them: read back where `predict` has left them, else made now."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.device import threads
from gfsalnet.errors import OutputError
from gfsalnet.files import as_stored
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.formats.texts import read_csv_rows
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import read_ahead
from gfsalnet.predict.description import identity
from gfsalnet.predict.folders import folder_for
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoInfo, VideoReader, prefetch


def predictions(
    reader: VideoReader,
    model: SaliencyModel,
    output: Path | None = None,
    part_seconds: tuple[float | None, float | None] = (None, None),
) -> Generator[Prediction, None, None]:
    """One prediction for every frame of a source, decoded and predicted in threads of their own.

    Args:
        reader: of the source; it is read to its end.
        model: predicts.
        output: the folder of results, in which an earlier `predict --save maps,csv` of the same source and model may
            have left its maps: then they are read, and have no gate and no streams.
        part_seconds: the part of the source that is read.
    """
    depth = read_ahead(reader.info.size_wh)
    stored = None if output is None else stored_folder(reader.info, model, output, part_seconds)
    with ExitStack() as stack:
        stack.enter_context(threads(1, torch=False))
        frames = stack.enter_context(closing(prefetch(reader, depth)))
        if stored is not None:
            yield from _read_back(frames, stored)
        else:
            yield from stack.enter_context(closing(prefetch(model.stream(frames), depth)))


def stored_folder(
    info: VideoInfo, model: SaliencyModel, output: Path, part_seconds: tuple[float | None, float | None]
) -> Path | None:
    """The folder that holds the same predictions, with a map for every frame in maps.npz and a row in frames.csv.

    Args:
        info: of the source.
        model: that would predict.
        output: the folder of results.
        part_seconds: the part of the source.
    """
    if not info.can_be_recognised:
        return None
    source = identity(info)
    folder = folder_for(output, info.name, source)
    summary = folder.summary() or {}
    # The look does not matter, and of the form of maps only whether they are densities.
    settings: dict[str, Any] = summary.get("settings", {})
    fits = (
        summary.get("source") == source
        and summary.get("model") == as_stored(model.describe())
        and settings.get("part_seconds") == list(part_seconds)
        and settings.get("max_frames") is None
        and settings.get("maps", {}).get("values") in (None, "density")
        and not summary.get("damage")
    )
    return folder.path if fits and {"maps.npz", "frames.csv"} <= set(folder.names()) else None


def _read_back(frames: Iterable[Frame], folder: Path) -> Iterator[Prediction]:
    densities = ArrayArchive(folder / "maps.npz", OutputError).mapped("density")
    rows = read_csv_rows(folder / "frames.csv", OutputError)
    for frame, density, row in zip(frames, densities, rows, strict=True):
        stored = np.array(density, np.float32)  # off the disk
        yield Prediction(frame=frame, map_density=stored, starts_shot=row["starts_shot"] == "1")
