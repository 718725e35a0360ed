"""Predict what a page shows, and write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from gfsalnet.device import threads
from gfsalnet.errors import GFSalNetError, SourceError
from gfsalnet.files import output_errors, refuse_folder, refuse_source
from gfsalnet.models import SaliencyModel
from gfsalnet.models.base import read_ahead
from gfsalnet.report.about import about, limits_of
from gfsalnet.report.areas import areas_drawn, areas_section
from gfsalnet.report.page import Entry, write_page
from gfsalnet.report.recording import Recorded, Recorder
from gfsalnet.unexpected import one_line
from gfsalnet.video import open_source, prefetch

OnFrame = Callable[[str, int, "int | None"], None]
"""Called with what is predicted, its frames that are done and, if known, the frames to do."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """What is shown once: a source as a model sees it."""

    source: str
    model: SaliencyModel
    part_seconds: tuple[float | None, float | None] = (None, None)
    allow_playlists: bool = False
    """Whether a playlist is read, with the files and addresses that it names."""
    aoi: Path | None = None
    """The folder that `gfsalnet aoi` wrote to, whose results for this source are added."""


def make_report(
    groups: Sequence[tuple[Version, ...]], path: Path, *, title: str | None = None, on_frame: OnFrame | None = None
) -> list[str]:
    """Predict every version, and write one self-contained HTML page about them.

    A version that fails is left out, as long as another one is left.

    Args:
        groups: versions that stand alone, or two that are compared.
        path: of the HTML file.
        title: of the page; None: the names of the sources.
        on_frame: told how far the work is.

    Returns:
        a line for each source that failed, and for each note on one.

    Raises:
        GFSalNetError: if nothing is left, or the page cannot be written, or would be written over a source.
    """
    refuse_folder(path)
    refuse_source(path, *(version.source for group in groups for version in group))
    share = 1 / sum(len(group) for group in groups)
    problems: list[str] = []
    done: list[tuple[Entry, ...]] = []
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the page: /tmp may be small, or in memory.
        folder = TemporaryDirectory(dir=path.parent, prefix=".report-")
    with folder as scratch:
        for number, group in enumerate(groups):
            entries = []
            for place, version in enumerate(group):
                try:
                    recorded = _recorded(version, Path(scratch) / f"{number}-{place}.mp4", share, on_frame)
                except Exception as error:  # one bad source must not cost the others
                    if len(groups) == len(group) == 1:
                        raise
                    problems.append(one_line(version.source, error))
                else:
                    entries.append(_entry(version, recorded, group))
            if entries:
                done.append(tuple(entries))
        if not done:
            raise GFSalNetError(path, "there is nothing to report on", problems[0] if problems else "Give a video")
        write_page(path, title or _title(done), done)
    return problems


def _recorded(version: Version, path: Path, share: float, on_frame: OnFrame | None) -> Recorded:
    start, end = version.part_seconds
    playlists = version.allow_playlists
    with open_source(version.source, allow_playlists=playlists, start_seconds=start, end_seconds=end) as reader:
        if reader.info.is_live and end is None:
            raise SourceError(version.source, "has no end of its own", "Say where to stop with --end")
        depth = read_ahead(reader.info.size_wh)
        with (
            threads(1, torch=False),
            Recorder(path, reader.info, share) as recorder,
            closing(prefetch(reader, depth)) as frames,
            closing(prefetch(version.model.stream(frames), depth)) as predictions,
        ):
            for done, prediction in enumerate(predictions, start=1):
                recorder.write(prediction)
                if on_frame is not None:
                    on_frame(version.source, done, reader.info.estimated_frames)
        return recorder.finish()


def _entry(version: Version, recorded: Recorded, group: tuple[Version, ...]) -> Entry:
    info, title = recorded.info, recorded.info.name
    if len(group) > 1 and len({other.source for other in group}) == 1:
        title = version.model.name  # one source as two models see it
    entry = Entry(
        title=title,
        recorded=recorded,
        about=about(recorded, version.model, version.part_seconds),
        limits=limits_of(version.model),
    )
    if version.aoi is None:
        return entry
    folder = version.aoi / info.name / "aoi"
    return replace(entry, areas=areas_section(folder), drawn=areas_drawn(folder))


def _title(done: list[tuple[Entry, ...]]) -> str:
    names = list(dict.fromkeys(entry.recorded.info.name for group in done for entry in group))
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
