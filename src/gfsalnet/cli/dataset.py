"""`gfsalnet dataset check` and `gfsalnet dataset prepare`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import SOME_FAILED, fail, out, progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from gfsalnet.gaze import SplitCheck

app = typer.Typer(help="Look at gaze datasets, and make them quick to read.", no_args_is_help=True)

SHOWN_MESSAGES = 10
"""Of each kind and split; a dataset that is half there would fill the screen."""

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="salicon, ucf-sports, hollywood-2, dhf1k, dhf1k-viewers, diem, ledov, diem-meta, ledov-meta, avimos, "
        "osie, or folder for your own.",
    ),
]
RootArgument = Annotated[Path, typer.Argument(metavar="ROOT", help="Its folder, as its authors distribute it.")]


@app.command()
def check(name: NameArgument, root: RootArgument) -> None:
    """Say what is there, what is missing or damaged, how large each split is, and whether its gaze can be right.

    Gaze is doubted where too many fixations lie outside the picture or after the end, at one point or at (0, 0), or
    between 0 and 1 (docs/evaluation.md). Exit status: 0 the dataset is whole, 1 something is missing, damaged or wrong.
    """
    from gfsalnet.gaze import check_dataset

    with progress_bar("videos") as bar:
        checks = check_dataset(name, root, _follow(bar))
    _print_table(checks)
    for split in checks:
        _print_messages(split.split, "problem", split.problems)
        _print_messages(split.split, "note", split.notes)
    if not all(split.is_whole for split in checks):
        raise typer.Exit(SOME_FAILED)


@app.command()
def prepare(
    name: NameArgument,
    root: RootArgument,
    frames: Annotated[
        bool, typer.Option("--frames", help="Also extract films to ROOT/frames, where training needs them.")
    ] = False,
    flow: Annotated[
        str,
        typer.Option(
            help="Optical flow to cache: dis, dis-fast, dis-ultrafast, dis-evident, farneback, pwcnet:WEIGHTS; or none."
        ),
    ] = "dis",
    cache: Annotated[Path | None, typer.Option(help="Folder of the flow; ROOT/flow-cache if not given.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this split.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one a core if not given.")] = None,
) -> None:
    """Extract frames and cache optical flow, for quick reading and for training.

    Where the layout has a place for frames (DHF1K) they are always extracted.

    A run that was stopped goes on where it was. Exit status: 0 all done, 1 some video failed (each is named).
    """
    from gfsalnet.device import cores
    from gfsalnet.flow import make_estimator
    from gfsalnet.prepare import prepare_dataset

    videos = extracted = flows = failed = 0
    with progress_bar("videos") as bar:
        estimator = None if flow == "none" else make_estimator(flow)
        follow = _follow(bar)
        count = workers or cores()
        results = prepare_dataset(name, root, split=split, frames=frames, flow=estimator, cache=cache, workers=count)
        for done, total in results:
            videos += 1
            extracted, flows = extracted + done.frames, flows + done.flows
            if done.problem is not None:
                failed += 1
                fail(f"{done.video}: {done.problem}")
            follow("preparing", videos, total)
    if not videos:
        say("nothing to prepare: pictures are read as they are, films are extracted with --frames")
        return
    counts = f"{extracted} frames extracted, {flows} flow fields in the cache"
    say(f"{videos - failed} of {videos} videos prepared: {counts}")
    if failed:
        raise typer.Exit(SOME_FAILED)


@app.command()
def compose(
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="A folder for the clips and their gaze.")],
    roots: Annotated[list[Path], typer.Argument(metavar="ROOT...", help="Photographs with gaze, one folder or more.")],
    name: Annotated[
        str, typer.Option("--dataset", help="What the photographs are: osie, salicon or folder.")
    ] = "folder",
    split: Annotated[str | None, typer.Option(help="Of the photographs.")] = None,
    clips: Annotated[int, typer.Option(min=1, help="How many.")] = 60,
    frames: Annotated[int, typer.Option(min=2, help="Of each clip, at 30 a second.")] = 48,
    seed: Annotated[int, typer.Option(min=0, help="Of the scenes.")] = 0,
) -> None:
    """Write moving scenes made of photographs, with the gaze they were made with.

    Real are the fixations on scenery and objects; how looks are shared between what moves and what does not is an
    assumption (docs/training.md). Read them with --dataset folder.
    """
    from gfsalnet.composed import Stock, write_clips
    from gfsalnet.gaze import open_dataset

    with progress_bar("clips") as bar:
        follow = _follow(bar)
        datasets = [open_dataset(name, root, split) for root in roots]
        samples = (sample for dataset in datasets for video in dataset.videos for sample in dataset.samples(video))
        stock = Stock((sample.frame.rgb, sample.fixations) for sample in samples)
        for done in write_clips(stock, output, clips=clips, frames=frames, seed=seed):
            follow("composing", done, clips)
    say(f"{clips} clips of {frames} frames: gfsalnet evaluate --dataset folder --root {output} …")


def _follow(bar: Progress) -> Callable[[str, int, int], None]:
    """Show videos as they are done, one bar for what is at hand."""
    task = bar.add_task("", total=None, rate="–", visible=False)
    began = time.monotonic()

    def on_video(what: str, done: int, total: int) -> None:
        nonlocal began
        if done == 1:
            bar.reset(task, total=total, description=what, visible=True)
            began = time.monotonic()
        rate = f"{(done - 1) / (time.monotonic() - began):.1f}" if done > 1 else "–"
        bar.update(task, completed=done, rate=rate)

    return on_video


def _print_table(checks: list[SplitCheck]) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("split")
    for heading in ("videos", "official", "frames", "official", "with gaze", "fixations", "outside"):
        table.add_column(heading, justify="right")
    for split in checks:
        table.add_row(split.split, *_cells(split))
    out.print(table)


def _cells(split: SplitCheck) -> list[str]:
    official = split.official
    frames = official.frames if official is not None else None
    gaze = (split.frames_with_gaze, split.fixations, split.fixations_outside)
    return [
        f"{split.videos}",
        f"{official.videos}" if official is not None else "–",
        f"{split.frames}",
        f"{frames}" if frames is not None else "–",
        *(["hidden", "–", "–"] if split.gaze_is_hidden else [f"{number}" for number in gaze]),
    ]


def _print_messages(split: str, kind: str, messages: list[str]) -> None:
    for message in messages[:SHOWN_MESSAGES]:
        say(f"{split}, {kind}: {message}")
    if len(messages) > SHOWN_MESSAGES:
        say(f"{split}, {kind}: and {len(messages) - SHOWN_MESSAGES} more")
