"""What the verbs share that make something of each source by what a model predicts for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.choices import BackendName
from gfsalnet.cli.console import SOME_FAILED, print_error, say
from gfsalnet.cli.options import OUTPUT, checked, completed
from gfsalnet.cli.progress import Progress, at_work
from gfsalnet.urls import without_secrets

if TYPE_CHECKING:
    from gfsalnet.models import SaliencyModel
    from gfsalnet.video import VideoReader


def check_aspect(text: str) -> None:
    """Refuse what is no aspect."""
    from gfsalnet.apply.reframe import Aspect

    Aspect.parse(text)


def aspect_option(flag: str, words: str) -> typer.models.OptionInfo:
    """An option that takes an aspect; `words` are its help."""
    option: typer.models.OptionInfo = typer.Option(
        flag,
        metavar="W:H",
        callback=checked(check_aspect),
        autocompletion=completed(lambda: ("9:16", "1:1", "4:5", "16:9")),
        rich_help_panel=OUTPUT,
        help=words,
    )
    return option


AppliedOutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        rich_help_panel=OUTPUT,
        help="Folder of the results: a folder in SOURCE for each source. Maps that `predict` has left there are used.",
    ),
]


def for_each_source(
    sources: list[str],
    model: str,
    device: str,
    backend: BackendName,
    work: Callable[[str, SaliencyModel, Progress], bool],
) -> None:
    """Load a model, and do the work on one source after the other.

    Args:
        sources: as they were typed.
        model: its name or folder.
        device: where it runs.
        backend: what runs it.
        work: gives whether all of a source was done; what it raises is printed, and the rest goes on.

    Raises:
        RequestError: if the request is wrong for every source.
        typer.Exit: 1 if some source failed.
    """
    from gfsalnet.device import settle_memory
    from gfsalnet.errors import RequestError
    from gfsalnet.models import load_model
    from gfsalnet.unexpected import one_line
    from gfsalnet.video import expand_sources

    expanded = expand_sources(sources)
    settle_memory()  # here and not in the library: the setting is the whole process's
    with at_work(f"loading {model}"):
        loaded = load_model(model, device=device, backend=backend)
    failed = 0
    with Progress("frames") as progress:
        for source in expanded:
            try:
                failed += not work(source, loaded, progress)
            except RequestError:  # which is wrong for all of them
                raise
            except Exception as error:  # one bad source must not stop the others
                print_error(one_line(source, error))
                failed += 1
    if failed:
        raise typer.Exit(SOME_FAILED)


@dataclass(frozen=True, kw_only=True)
class Work:
    """One source, opened, and where its results go."""

    source: str
    reader: VideoReader
    model: SaliencyModel
    folder: Path
    record: Mapping[str, Any]
    """Everything that determines the results, as JSON values."""
    progress: Progress

    def show(self, done: int, stage: str = "") -> None:
        """Say how far the work is, in frames of a stage."""
        name = Path(without_secrets(self.source)).name
        total = self.reader.info.estimated_frames
        self.progress.show(f"{name} {stage}".strip(), done, total, stage=f"{self.source} {stage}")


def unless_made(
    verb: str,
    output: Path,
    part: tuple[float | None, float | None],
    overwrite: bool,
    settings: Callable[[VideoReader], Mapping[str, Any]],
    make: Callable[[Work], None],
) -> Callable[[str, SaliencyModel, Progress], bool]:
    """The work of `for_each_source` that makes something in `output/NAME/VERB`, unless the same is there already.

    Args:
        verb: the name of the folder.
        output: the folder of all results.
        part: the seconds of --start and --end.
        overwrite: whether other results are replaced.
        settings: what was asked for of a source, for the record.
        make: makes the results, and says what they are.
    """

    def work(source: str, model: SaliencyModel, progress: Progress) -> bool:
        from gfsalnet.errors import SourceError
        from gfsalnet.predict import identity
        from gfsalnet.store import is_made
        from gfsalnet.video import open_source

        with open_source(source, start_seconds=part[0], end_seconds=part[1]) as reader:
            info = reader.info
            if info.is_live:
                raise SourceError(source, "has no end of its own", "Record it to a file first")
            folder = output / info.name / verb
            asked = {**settings(reader), "part_seconds": part}
            record = {"source": identity(info), "model": model.describe(), "settings": asked}
            if is_made(folder, record, overwrite):
                say(f"{source}: already in {folder}")
                return True
            make(Work(source=source, reader=reader, model=model, folder=folder, record=record, progress=progress))
            if damage := reader.report.damage:
                print_error(f"{source}: {reader.report.loss_in_words()} ({damage}); the rest is in {folder}")
            return not damage

    return work
