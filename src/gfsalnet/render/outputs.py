"""The words of `--save`, and what each of them writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gfsalnet.files import output_errors
from gfsalnet.render.drawn import Draw, draw_flow, draw_gate, draw_overlay, still_sink, video_sink
from gfsalnet.render.sinks import FileSink, Sink, csv_sink, npz_sink, png_sink
from gfsalnet.types import Prediction
from gfsalnet.video import VideoInfo

SizeHW = tuple[int, int]


@dataclass(frozen=True)
class Output:
    """One file or folder among the results."""

    name: str
    """The name in the folder of the source."""
    still_name: str
    """The name for a source that is a picture."""
    open: Callable[[Path, VideoInfo, SizeHW | None], FileSink]
    """(path, source, size of the stored maps or None for the model's own) → the sink."""

    def name_for(self, kind: str) -> str:
        """The name for a source of this `VideoInfo.kind`."""
        return self.still_name if kind == "image" else self.name


def _drawn(name: str, draw: Draw) -> Output:
    def open_drawn(path: Path, info: VideoInfo, map_size_hw: SizeHW | None) -> FileSink:
        return still_sink(path, draw) if info.kind == "image" else video_sink(path, info, draw)

    return Output(f"{name}.mp4", f"{name}.png", open_drawn)


_PNG = Output("maps", "maps", lambda path, info, map_size_hw: png_sink(path))
_NPZ = Output("maps.npz", "maps.npz", lambda path, info, map_size_hw: npz_sink(path, map_size_hw))
_CSV = Output("frames.csv", "frames.csv", lambda path, info, map_size_hw: csv_sink(path))

SINKS: dict[str, tuple[Output, ...]] = {
    "overlay": (_drawn("overlay", draw_overlay),),
    "maps": (_PNG, _NPZ),
    "png": (_PNG,),
    "npz": (_NPZ,),
    "gate": (_drawn("gate", draw_gate),),
    "flow": (_drawn("flow", draw_flow),),
    "csv": (_CSV,),
}
"""What each word of `--save` writes."""


def parse_save(text: str) -> tuple[str, ...]:
    """Split `overlay,maps,csv` into words of `SINKS`, each once, in the order given.

    Raises:
        ValueError: if a word is unknown or none is given; the message lists the known ones.
    """
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    unknown = [word for word in words if word not in SINKS]
    if unknown or not words:
        what = f"unknown: {', '.join(unknown)}" if unknown else "nothing to save"
        raise ValueError(f"{what}; known are {', '.join(SINKS)}")
    return words


def output_names(words: Sequence[str], kind: str) -> list[str]:
    """Names of the files and folders that these words write for a source of this `VideoInfo.kind`, each once."""
    return [output.name_for(kind) for output in _outputs(words)]


@contextmanager
def open_sinks(
    words: Sequence[str], folder: Path, info: VideoInfo, *, map_size_hw: SizeHW | None = None
) -> Iterator[Sink]:
    """Open everything that the words of `--save` ask for as one sink; the folder is made if necessary.

    Args:
        words: from `parse_save`.
        folder: for the results of this source.
        info: of the source.
        map_size_hw: size of the maps in maps.npz; None: the model's own.

    Raises:
        OutputError: if something cannot be written; then nothing unfinished is left.
        ValueError: if the maps change in size.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # One ExitStack: if one sink cannot be opened, those opened before it are closed and leave nothing.
        paths = [(folder / output.name_for(info.kind), output) for output in _outputs(words)]
        yield _AllSinks([stack.enter_context(output.open(path, info, map_size_hw)) for path, output in paths])


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
    return list(dict.fromkeys(output for word in words for output in SINKS[word]))
