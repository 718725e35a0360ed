"""The predictions that a figure shows, of a source of any length."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from gfsalnet.device import threads
from gfsalnet.errors import SourceError
from gfsalnet.gaze import GazeDataset
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import read_ahead
from gfsalnet.types import Prediction
from gfsalnet.video import VideoInfo, VideoReader, open_source, prefetch

OnFrame = Callable[[int, "int | None"], None]
"""Called with the frames that are done and, if known, the frames to do."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A source, or a part of it."""

    source: str
    start_seconds: float | None = None
    end_seconds: float | None = None

    def open(self) -> VideoReader:
        """A reader.

        Raises:
            SourceError: if it cannot be read, or has no end.
        """
        reader = open_source(self.source, start_seconds=self.start_seconds, end_seconds=self.end_seconds)
        if reader.info.is_live and self.end_seconds is None:
            reader.close()
            raise SourceError(self.source, "has no end of its own", "Say where to stop with --end")
        return reader


def predictions(
    model: SaliencyModel, clip: Clip, on_frame: OnFrame | None = None
) -> Generator[tuple[Prediction, VideoInfo], None, None]:
    """All predictions of a clip in order, each with what is known of its source."""
    with clip.open() as reader:
        depth = read_ahead(reader.info.size_wh)
        with (
            # As `predict` runs it: with more threads DIS gives slightly other flow, and so other maps.
            threads(1, torch=False),
            closing(prefetch(reader, depth)) as frames,
            closing(prefetch(model.stream(frames), depth)) as stream,
        ):
            for done, prediction in enumerate(stream, start=1):
                if on_frame is not None:
                    on_frame(done, reader.info.estimated_frames)
                yield prediction, reader.info


def chosen(
    model: SaliencyModel, clip: Clip, seconds: Sequence[float] | int, on_frame: OnFrame | None = None
) -> list[Prediction]:
    """The predictions at some times, in order; those in between are made too, since models remember, but not kept.

    Args:
        model: predicts.
        clip: of what.
        seconds: times of the source, of which each stands for the frame that is nearest to it; or how many frames,
            evenly spread. Fewer come out of a source with fewer frames.
        on_frame: told how far the work is.

    Raises:
        SourceError: if a time lies after the end.
    """
    kept: list[Prediction] = []
    waiting = sorted(seconds) if not isinstance(seconds, int) else []
    last: Prediction | None = None
    with closing(predictions(model, clip, on_frame)) as stream:
        for prediction, info in stream:
            if last is None and isinstance(seconds, int):
                waiting = _spread(seconds, info, prediction.time_seconds)
            last = prediction
            # A frame stands for the times that are nearer to it than to the next one.
            shown_until = prediction.time_seconds + float(1 / (2 * info.rate))
            if waiting and waiting[0] <= shown_until:
                kept.append(prediction)
                # All that this frame stands for: two times close together give one picture.
                waiting = [time for time in waiting if time > shown_until]
            if not waiting and kept:
                break
    if waiting and not isinstance(seconds, int):
        end = last.time_seconds + float(1 / info.rate) if last is not None else 0.0
        ends = "is a single picture" if last is not None and info.kind == "image" else f"ends at {end:.2f} s"
        raise SourceError(clip.source, f"{ends}, before {waiting[0]:g} s", "Choose an earlier --at")
    if waiting and last is not None and (not kept or kept[-1] is not last):
        kept.append(last)  # the header had promised a later end
    return kept


def _spread(count: int, info: VideoInfo, first_seconds: float) -> list[float]:
    """The middles of as many equal parts; without a duration the first frames."""
    if info.duration_seconds is None:
        return [first_seconds + float(step / info.rate) for step in range(count)]
    return [first_seconds + info.duration_seconds * (step + 0.5) / count for step in range(count)]


def chosen_of_dataset(
    model: SaliencyModel, dataset: GazeDataset, video: str, indices: Sequence[int], on_frame: OnFrame | None = None
) -> list[Prediction]:
    """The predictions of some frames of a dataset's video, by index, in order."""
    wanted = set(indices)
    kept = []
    # `closing`: the loop ends at the last wanted frame, and the thread that reads ahead with it.
    with threads(1, torch=False), closing(prefetch(dataset.frames(video), 2)) as frames:
        for done, prediction in enumerate(model.stream(frames), start=1):
            if on_frame is not None:
                on_frame(done, max(wanted) + 1)
            if prediction.frame_index in wanted:
                kept.append(prediction)
            if len(kept) == len(wanted):
                break
    return kept
