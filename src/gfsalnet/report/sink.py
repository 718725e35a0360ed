"""The page as a sink: what is predicted anyway is recorded, and the page written at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gfsalnet.models import SaliencyModel
from gfsalnet.render.sinks import FileSink, Write
from gfsalnet.report.about import about, limits_of
from gfsalnet.report.page import Entry, write_page
from gfsalnet.report.recording import Recorder
from gfsalnet.video import VideoInfo

Part = tuple[float | None, float | None]


def page_sink(path: Path, info: VideoInfo, model: SaliencyModel, part_seconds: Part = (None, None)) -> FileSink:
    """An HTML page about one source, as `gfsalnet report` writes it.

    Args:
        path: of the page.
        info: of the source.
        model: that predicts.
        part_seconds: the part of the source that is predicted; None: where it begins or ends.
    """
    notes: list[str] = []
    return FileSink(path, _page(path, info, model, part_seconds, notes), notes)


@contextmanager
def _page(path: Path, info: VideoInfo, model: SaliencyModel, part_seconds: Part, notes: list[str]) -> Iterator[Write]:
    with TemporaryDirectory(dir=path.parent, prefix=".report-") as scratch:
        with Recorder(Path(scratch) / "recording.mp4", info) as recorder:
            yield recorder.write
        recorded = recorder.finish()
        notes += recorded.notes
        entry = Entry(
            title=info.name,
            recorded=recorded,
            about=about(recorded, model, part_seconds),
            limits=limits_of(model),
        )
        write_page(path, info.name, [(entry,)])
