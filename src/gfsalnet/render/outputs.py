"""The words of `--save`, and what each of them writes: one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gfsalnet.choices import SaveWord
from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors
from gfsalnet.render.deferred import Reopen, deferred_sink
from gfsalnet.render.drawn import (
    Draw,
    Rendering,
    draw_contours,
    draw_flow,
    draw_focus,
    draw_gate,
    draw_grey,
    draw_overlay,
    draw_side,
    still_sink,
    video_sink,
)
from gfsalnet.render.look import Look, MapForm
from gfsalnet.render.sinks import FileSink, Sink, csv_sink, ffv1_sink, npz_sink, png_sink
from gfsalnet.types import Prediction
from gfsalnet.video import VideoInfo


@dataclass(frozen=True)
class Output:
    """One file or folder among the results."""

    name: str
    """The name in the folder of the source."""
    still_name: str
    """The name for a source that is a picture."""
    open: Callable[[Path, VideoInfo, Rendering], FileSink]
    """(path, source, how) → the sink."""
    scaled_by: Callable[[Look, MapForm], bool] = lambda look, maps: False
    """Whether it is scaled by the maximum of the whole video, given how things are drawn and stored."""

    def name_for(self, kind: str) -> str:
        """The name for a source of this `VideoInfo.kind`."""
        return self.still_name if kind == "image" else self.name


def _drawn(name: str, draw: Draw, *, scaled: bool = False, widened: int = 1) -> Output:
    def open_drawn(path: Path, info: VideoInfo, rendering: Rendering) -> FileSink:
        if info.kind == "image":
            return still_sink(path, draw, rendering)
        return video_sink(path, info, draw, rendering, widened)

    return Output(f"{name}.mp4", f"{name}.png", open_drawn, lambda look, maps: scaled and look.scale == "video")


def _by_video(look: Look, maps: MapForm) -> bool:
    return maps.values == "video"


def _pngs(name: str, bits: int) -> Output:
    def open_pngs(path: Path, info: VideoInfo, rendering: Rendering) -> FileSink:
        return png_sink(path, rendering.maps.values or "frame", bits, rendering.video_peak)

    return Output(name, name, open_pngs, _by_video)


_PNG, _PNG16 = _pngs("maps", 8), _pngs("maps16", 16)
_NPZ = Output("maps.npz", "maps.npz", lambda path, info, how: npz_sink(path, how.maps, how.video_peak), _by_video)
_GREY = Output("grey.mp4", "grey.png", _drawn("grey", draw_grey).open, _by_video)
_FFV1 = Output(
    "maps.mkv", "maps.mkv", lambda path, info, how: ffv1_sink(path, info, how.maps, how.video_peak), _by_video
)


def _open_page(path: Path, info: VideoInfo, rendering: Rendering) -> FileSink:
    if rendering.page is None:
        raise OutputError(path.name, "is about a model and its settings", "`gfsalnet predict` makes it")
    return rendering.page(path, info)


_PAGE = Output("report.html", "report.html", _open_page)
_CSV = Output("frames.csv", "frames.csv", lambda path, info, how: csv_sink(path))

SINKS: dict[SaveWord, tuple[Output, ...]] = {
    "overlay": (_drawn("overlay", draw_overlay, scaled=True),),
    "focus": (_drawn("focus", draw_focus, scaled=True),),
    "contours": (_drawn("contours", draw_contours),),
    "side": (_drawn("side", draw_side, scaled=True, widened=2),),
    "gate": (_drawn("gate", draw_gate, scaled=True),),
    "flow": (_drawn("flow", draw_flow),),
    "maps": (_PNG, _NPZ),
    "png": (_PNG,),
    "png16": (_PNG16,),
    "npz": (_NPZ,),
    "grey": (_GREY,),
    "ffv1": (_FFV1,),
    "csv": (_CSV,),
    "report": (_PAGE,),
}
"""What each word of `--save` writes; `choices.SAVE_WORDS` says it to people."""


def parse_save(text: str) -> tuple[SaveWord, ...]:
    """Split `overlay,maps,csv` into words of `SINKS`, each once, in the order given.

    Raises:
        ValueError: if a word is unknown or none is given; the message lists the known ones.
    """
    given = dict.fromkeys(word.strip() for word in text.split(",") if word.strip())
    unknown = [word for word in given if word not in SINKS]
    if unknown or not given:
        what = f"unknown: {', '.join(unknown)}" if unknown else "nothing to save"
        raise ValueError(f"{what}; known are {', '.join(SINKS)}")
    # The words of SINKS rather than the given texts: the type checker knows them.
    return tuple(word for name in given for word in SINKS if word == name)


def output_names(words: Sequence[str], kind: str) -> list[str]:
    """Names of the files and folders that these words write for a source of this `VideoInfo.kind`, each once."""
    return [output.name_for(kind) for output in _outputs(words)]


@contextmanager
def open_sinks(
    words: Sequence[str],
    folder: Path,
    info: VideoInfo,
    *,
    look: Look | None = None,
    maps: MapForm | None = None,
    reopen: Reopen | None = None,
    page: Callable[[Path, VideoInfo], FileSink] | None = None,
) -> Iterator[Sink]:
    """Open everything that the words of `--save` ask for as one sink; the folder is made if necessary.

    Args:
        words: from `parse_save`.
        folder: for the results of this source.
        info: of the source.
        look: how maps are drawn; None: as usual.
        maps: how they are stored; None: as usual.
        reopen: reads the source again, for what is scaled by the maximum of the whole video, which is known only at its
            end; None for a source that cannot be read twice.
        page: opens the sink of the word `report`; None: that word is refused.

    Raises:
        OutputError: if something cannot be written; then nothing unfinished is left.
        SourceError: if something is scaled by the whole video and the source cannot be read twice.
        ValueError: if the maps change in size.
    """
    rendering = Rendering(look=look or Look(), maps=maps or MapForm(), page=page)
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    outputs = _outputs(words)
    later = [output for output in outputs if output.scaled_by(rendering.look, rendering.maps)]
    with ExitStack() as stack:
        # One ExitStack: if one sink cannot be opened, those opened before it are closed and leave nothing.
        sinks = [
            stack.enter_context(output.open(folder / output.name_for(info.kind), info, rendering))
            for output in outputs
            if output not in later
        ]
        if later:

            def open_later(final: Rendering) -> list[FileSink]:
                return [output.open(folder / output.name_for(info.kind), info, final) for output in later]

            sinks.append(stack.enter_context(deferred_sink(folder, info, rendering, reopen, open_later)))
        yield _AllSinks(sinks)


@dataclass(frozen=True)
class _AllSinks:
    sinks: list[Sink]

    @property
    def notes(self) -> list[str]:
        return list(dict.fromkeys(note for sink in self.sinks for note in sink.notes))

    def write(self, prediction: Prediction) -> None:
        for sink in self.sinks:
            sink.write(prediction)


def _outputs(words: Sequence[str]) -> list[Output]:
    # `maps` and `png` share one Output: it is written once.
    return list(dict.fromkeys(output for word in words for output in SINKS[word]))  # type: ignore[index]  # parsed
