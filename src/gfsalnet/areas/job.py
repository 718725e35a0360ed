"""One video: its areas measured frame by frame, in the prediction and in the gaze of viewers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.area import Area, Corners
from gfsalnet.areas.drawing import draw_areas
from gfsalnet.areas.following import Follower, Place
from gfsalnet.areas.paths import AreaPath, DrawnPath, FollowedPath
from gfsalnet.areas.prediction import Attention, Level, Summary, attention_in
from gfsalnet.areas.shapes import widened
from gfsalnet.areas.tables import Table, open_table
from gfsalnet.choices import OverlapRule
from gfsalnet.files import write_png
from gfsalnet.render import overlay
from gfsalnet.render.stack import MapStack
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoInfo, VideoWriter
from gfsalnet.words import counted

Saved = Callable[[Frame, "Prediction | None", Sequence["Corners | None"]], None]
FRAME_COLUMNS: Mapping[str, type] = {
    "area": str,
    "frame_index": int,
    "time_seconds": float,
    "duration_seconds": float,
    "state": str,
    "centre_x": float,
    "centre_y": float,
    "follow_error_pixels": float,
    "area_share": float,
    "attention_share": float,
    "lift": float,
    "peak_lift": float,
    "holds_peak": int,
    "motion_share": float,
}
"""Column of frames.csv → kind."""


@dataclass(frozen=True, kw_only=True)
class AreaSettings:
    """How areas are measured and what is written."""

    overlap: OverlapRule = "all"
    level: Level = field(default_factory=lambda: Level(value=2.0, is_lift=True))
    margin_pixels: float = 0.0
    """Width by which areas are enlarged on all sides, in pixels of the frame."""
    follow: bool = False
    """Whether areas move with the optical flow from their keyframes on."""
    save: tuple[str, ...] = ("csv", "video", "plots")


@dataclass(kw_only=True)
class Measured:
    """What was found, frame by frame, of one video."""

    summaries: list[Summary]
    """One for each area, of the prediction."""
    paths: list[AreaPath]
    starts: NDArray[np.float64]
    """(T,) when each frame is shown."""
    end_seconds: float
    """When the last frame ends."""
    indices: NDArray[np.int64]
    """(T,) number of each frame in the video."""
    lost: list[str] = field(default_factory=list)
    """A remark on each area that was lost."""


class _Now:
    """The frame that waits for the next one, which says how long it lasted."""

    def __init__(self) -> None:
        self.frame: tuple[int, float] | None = None
        self.found: list[Attention | None] = []
        self.places: list[Place] = []


def measure(
    frames: Iterable[tuple[Frame, Prediction | None]],
    info: VideoInfo,
    areas: Sequence[Area],
    settings: AreaSettings,
    folder: Path,
    on_frame: Callable[[int], None] = lambda done: None,
) -> Measured:
    """Measure the areas in every frame, and write what is written frame by frame.

    Args:
        frames: of the video, each with what is predicted for it; None: nothing is.
        info: of the source.
        areas: as they were read.
        settings: how they are measured.
        folder: to write to.
        on_frame: called with the number of frames that are done.

    Raises:
        OutputError: if a file cannot be written.
    """
    drawn = [DrawnPath(area, info.size_wh, settings.margin_pixels) for area in areas]
    # The margin is put on afterwards: what it takes in belongs to the surroundings and would mislead the follower.
    follower = Follower(areas, info.size_wh) if settings.follow else None
    summaries = [Summary(level=settings.level) for _ in areas]
    followed: list[list[Corners | None]] = [[] for _ in areas]
    starts: list[float] = []
    indices: list[int] = []
    waiting = _Now()
    with ExitStack() as stack:
        table = stack.enter_context(_frames_table(folder, settings))
        outputs = [stack.enter_context(output) for output in _outputs(info, areas, settings, folder)]
        for frame, prediction in frames:
            places = _places(frame, areas, drawn, follower, settings.margin_pixels)
            # Hidden areas are followed on, or they could not appear at their place; but nothing counts for them.
            corners = [place.corners if shown else None for place, shown in places]
            _finish(waiting, frame.time_seconds, areas, summaries, table)
            waiting.frame, waiting.places = (frame.index, frame.time_seconds), [place for place, _ in places]
            waiting.found = _attention(corners, info, prediction, settings.overlap)
            for one, (place, _) in zip(followed, places, strict=True):
                one.append(place.corners)
            for output in outputs:
                output(frame, prediction, corners)
            starts.append(frame.time_seconds)
            indices.append(frame.index)
            on_frame(len(starts))
        end = (starts[-1] if starts else 0.0) + float(1 / info.rate)
        _finish(waiting, end, areas, summaries, table)
    times = np.array(starts)
    paths: list[AreaPath] = list(drawn)
    if follower is not None:
        paths = [FollowedPath(area, times, one) for area, one in zip(areas, followed, strict=True)]
    return Measured(
        summaries=summaries,
        paths=paths,
        starts=times,
        end_seconds=end,
        indices=np.array(indices, np.int64),
        lost=[note for area, one in zip(areas, followed, strict=True) for note in _lost(area, times, one)],
    )


def _places(
    frame: Frame, areas: Sequence[Area], drawn: Sequence[DrawnPath], follower: Follower | None, margin: float
) -> list[tuple[Place, bool]]:
    """Where each area is, the margin in it, and whether it is shown."""
    shown = [area.is_shown(frame.time_seconds) for area in areas]
    if follower is None:
        now = np.array([frame.time_seconds])
        held = [Place(state="drawn", corners=path.at(now)[0][0]) for path in drawn]
        return list(zip(held, shown, strict=True))
    places = [
        Place(
            state=place.state,
            corners=None if place.corners is None else widened(place.corners, margin),
            error_pixels=place.error_pixels,
        )
        for place in follower.push(frame)
    ]
    return list(zip(places, shown, strict=True))


def _attention(
    corners: list[Corners | None], info: VideoInfo, prediction: Prediction | None, overlap: OverlapRule
) -> list[Attention | None]:
    if prediction is None:
        return [None] * len(corners)
    return attention_in(corners, info.size_wh, prediction.map_density, prediction.map_gate, overlap)


def _finish(
    waiting: _Now, next_seconds: float, areas: Sequence[Area], summaries: Sequence[Summary], table: Table
) -> None:
    """Count the frame that was waiting, now that its end is known."""
    if waiting.frame is None:
        return
    index, seconds = waiting.frame
    lasts = next_seconds - seconds
    for area, place, found, summary in zip(areas, waiting.places, waiting.found, summaries, strict=True):
        if not area.is_shown(seconds):
            continue
        # A place without a prediction is neither measured nor lost; a lost area is counted as such, predicted or not.
        if found is not None or place.corners is None:
            summary.add(found, seconds, lasts)
        centre = (None, None) if place.corners is None else place.corners.mean(axis=0).tolist()
        table(
            {
                "area": area.name,
                "frame_index": index,
                "time_seconds": seconds,
                "duration_seconds": lasts,
                "state": place.state,
                "centre_x": centre[0],
                "centre_y": centre[1],
                "follow_error_pixels": place.error_pixels,
                "area_share": None if found is None else found.area_share,
                "attention_share": None if found is None else found.attention_share,
                "lift": None if found is None else found.lift,
                "peak_lift": None if found is None else found.peak_lift,
                "holds_peak": None if found is None else int(found.holds_peak),
                "motion_share": None if found is None else found.motion_share,
            }
        )


def _lost(area: Area, times: NDArray[np.float64], corners: Sequence[Corners | None]) -> list[str]:
    """A remark if an area is lost while it is shown."""
    shown = np.array([area.is_shown(seconds) for seconds in times], np.bool_)
    gone = shown & np.array([one is None for one in corners], np.bool_)
    if not gone.any():
        return []
    at = f"{area.name} was lost at {float(times[int(gone.argmax())]):.2f} s"
    return [f"{at} and is missing in {gone.sum()} of {counted(int(shown.sum()), 'frame')}; draw it again there"]


def _frames_table(folder: Path, settings: AreaSettings) -> AbstractContextManager[Table]:
    return open_table(folder / "frames.csv", FRAME_COLUMNS, "parquet" in settings.save)


def _outputs(
    info: VideoInfo, areas: Sequence[Area], settings: AreaSettings, folder: Path
) -> Iterator[AbstractContextManager[Saved]]:
    yield _still([area.name for area in areas], folder / "areas.png")
    if "video" in settings.save:
        yield _drawn(info, [area.name for area in areas], folder)
    if "npz" in settings.save:
        yield _maps(folder)


@contextmanager
def _still(names: Sequence[str], path: Path) -> Iterator[Saved]:
    """The first of the frames that show most areas, drawn: a video does not go into a page or a paper."""
    most, view = 0, None

    def keep(frame: Frame, prediction: Prediction | None, corners: Sequence[Corners | None]) -> None:
        nonlocal most, view
        count = sum(one is not None for one in corners)
        # More, not as many: the first of equals is kept, so that few frames are drawn.
        if count > most:
            most, view = count, _view(frame, prediction, names, corners)

    yield keep
    if view is not None:
        write_png(path, view)


@contextmanager
def _drawn(info: VideoInfo, names: Sequence[str], folder: Path) -> Iterator[Saved]:
    """aoi.mp4, or aoi.png of a picture: the areas over the heat map, or over the frame where nothing is predicted."""
    if info.kind == "image":

        def draw(frame: Frame, prediction: Prediction | None, corners: Sequence[Corners | None]) -> None:
            write_png(folder / "aoi.png", _view(frame, prediction, names, corners))

        yield draw
        return
    with VideoWriter(
        folder / "aoi.mp4",
        size_wh=info.size_wh,
        rate=info.rate,
        time_base=info.time_base,
        audio_from=info.path if info.has_audio else None,
        pixel_aspect=info.pixel_aspect,
    ) as writer:

        def write(frame: Frame, prediction: Prediction | None, corners: Sequence[Corners | None]) -> None:
            writer.write(_view(frame, prediction, names, corners), frame.time_seconds)

        yield write


def _view(
    frame: Frame, prediction: Prediction | None, names: Sequence[str], corners: Sequence[Corners | None]
) -> NDArray[np.uint8]:
    under = frame.rgb if prediction is None else overlay(frame.rgb, prediction.map_density)
    return draw_areas(under, names, corners)


@contextmanager
def _maps(folder: Path) -> Iterator[Saved]:
    """maps.npz and, of a model with two streams, gate.npz: what the numbers were computed from."""
    # On the disk of the results, which has to hold the maps anyway; /tmp may be small, or memory.
    with TemporaryFile(dir=folder) as body, TemporaryFile(dir=folder) as gates:
        density, gate = MapStack(body), MapStack(gates, "gate")
        # Only predictions say whether the model has a gate.
        has_gate = False

        def save(frame: Frame, prediction: Prediction | None, corners: Sequence[Corners | None]) -> None:
            nonlocal has_gate
            if prediction is not None:
                density.append(prediction.map_density, frame.time_seconds)
                if prediction.map_gate is not None:
                    has_gate = True
                    gate.append(prediction.map_gate, frame.time_seconds)

        yield save
        density.save(folder / "maps.npz")
        if has_gate:
            gate.save(folder / "gate.npz")
