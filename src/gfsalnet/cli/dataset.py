"""`gfsalnet dataset check`, `prepare`, `compose` and `shard`; `import` has a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import SOME_FAILED, App, out, print_error, say
from gfsalnet.cli.dataset_import import IMPORT_EXAMPLES, import_gaze
from gfsalnet.cli.options import (
    OUTPUT,
    DatasetArgument,
    DatasetOption,
    SplitOption,
    check_flow,
    check_split,
    checked,
    completed,
    examples,
    flow_names,
)
from gfsalnet.cli.processes import check_workers
from gfsalnet.cli.progress import Progress, ProgressOption, tell_failures
from gfsalnet.words import counted

if TYPE_CHECKING:
    from gfsalnet.gaze import SplitCheck

app = App(help="Check gaze datasets, and make them quick to read.", no_args_is_help=True)

SHOWN_MESSAGES = 10
"""Most messages of each kind and split; a dataset that is half there would fill the screen."""

CHECK_EXAMPLES = examples("gfsalnet dataset check dhf1k DHF1K", "gfsalnet dataset check folder my-recordings")
PREPARE_EXAMPLES = examples(
    "gfsalnet dataset prepare hollywood-2 Hollywood2 --workers 8",
    "gfsalnet dataset prepare folder my-recordings --frames --flow none",
)
COMPOSE_EXAMPLES = examples(
    "gfsalnet dataset compose clips photographs --clips 100",
    "gfsalnet dataset compose clips OSIE --dataset osie --seed 1",
)

SHARD_EXAMPLES = examples(
    "gfsalnet dataset shard folder photographs shards",
    "gfsalnet dataset shard dhf1k DHF1K shards --split train --size-mb 1000",
)


def _check_flow(text: str) -> None:
    if text != "none":
        check_flow(text)


RootArgument = Annotated[
    Path, typer.Argument(metavar="ROOT", help="Folder of the dataset, as its authors distribute it.")
]


@app.command(epilog=CHECK_EXAMPLES)
def check(name: DatasetArgument, root: RootArgument) -> None:
    """Report what a dataset folder holds, what is missing or damaged, and whether its gaze can be right.

    Gaze is doubted where too many fixations lie outside the picture or after the end, at one point or at (0, 0), or
    between 0 and 1 (docs/evaluation.md).

    Exit status: 0 the dataset is whole, 1 something is missing, damaged or wrong.
    """
    from gfsalnet.gaze import check_dataset

    with Progress("videos") as progress:
        checks = check_dataset(name, root, progress.show)
    _print_table(checks)
    for split in checks:
        _print_messages(split.split, "problem", split.problems)
        _print_messages(split.split, "note", split.notes)
    if not all(split.is_whole for split in checks):
        raise typer.Exit(SOME_FAILED)


@app.command(epilog=PREPARE_EXAMPLES)
def prepare(
    name: DatasetArgument,
    root: RootArgument,
    frames: Annotated[
        bool, typer.Option("--frames", help="Also extract the frames of videos to ROOT/frames, for training.")
    ] = False,
    flow: Annotated[
        str,
        typer.Option(
            callback=checked(_check_flow),
            autocompletion=completed(lambda: ["none", *flow_names()]),
            help="Optical flow estimator whose fields are cached: dis, dis-fast, dis-ultrafast, dis-evident, "
            "farneback, pwcnet:WEIGHTS; or none.",
        ),
    ] = "dis",
    cache: Annotated[Path | None, typer.Option(help="Folder of the cached flow. Default: ROOT/flow-cache.")] = None,
    split: Annotated[str | None, typer.Option(help="Split to prepare. Default: all.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that prepare videos. Default: one per core.")
    ] = None,
    progress: ProgressOption = "bar",
) -> None:
    """Extract frames and cache optical flow, for quick reading and for training.

    Where the dataset's layout has a place for frames, as that of DHF1K, they are always extracted.

    A run that was stopped goes on where it was. Exit status: 0 all done, 1 some video failed (each is named).
    """
    check_split(name, split)
    check_workers(workers)
    from gfsalnet.device import cores
    from gfsalnet.flow import make_estimator
    from gfsalnet.prepare import prepare_dataset

    videos = extracted = flows = 0
    failures = {}
    with Progress("videos") as shown:
        estimator = None if flow == "none" else make_estimator(flow)
        count = workers or cores()
        results = prepare_dataset(name, root, split=split, frames=frames, flow=estimator, cache=cache, workers=count)
        for done, total in results:
            videos += 1
            extracted, flows = extracted + done.frames, flows + done.flows
            if done.problem is not None:
                failures[done.video] = done.problem
                print_error(f"{done.video}: {done.problem}")
            shown.show("preparing", videos, total)
    if not videos:
        say("nothing to prepare: pictures are read as they are, videos are extracted with --frames")
        return
    counts = f"{counted(extracted, 'frame')} extracted, {flows} flow fields in the cache"
    say(f"{videos - len(failures)} of {counted(videos, 'video')} prepared: {counts}")
    if videos > 1:
        tell_failures(failures)
    if failures:
        raise typer.Exit(SOME_FAILED)


@app.command(epilog=COMPOSE_EXAMPLES)
def compose(
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="Folder to write the clips and their gaze to.")],
    roots: Annotated[list[Path], typer.Argument(metavar="ROOT", help="One or more folders of photographs with gaze.")],
    dataset: DatasetOption = "folder",
    split: SplitOption = None,
    clips: Annotated[int, typer.Option(min=1, rich_help_panel=OUTPUT, help="Number of clips to write.")] = 60,
    frames: Annotated[
        int, typer.Option(min=2, rich_help_panel=OUTPUT, help="Frames of each clip, at 30 frames per second.")
    ] = 48,
    seed: Annotated[int, typer.Option(min=0, rich_help_panel=OUTPUT, help="Seed of the scenes.")] = 0,
) -> None:
    """Write moving scenes made of photographs, with the gaze that they were made with.

    The fixations on scenery and objects are real; how they are shared between what moves and what does not is an
    assumption (docs/training.md). The clips are read as --dataset folder.
    """
    check_split(dataset, split)
    from gfsalnet.composed import Stock, write_clips
    from gfsalnet.gaze import open_dataset

    with Progress("clips") as progress:
        datasets = [open_dataset(dataset, root, split) for root in roots]
        samples = (sample for data in datasets for video in data.videos for sample in data.samples(video))
        stock = Stock((sample.frame.rgb, sample.fixations) for sample in samples)
        for done in write_clips(stock, output, clips=clips, frames=frames, seed=seed):
            progress.show("composing", done, clips)
    say(f"{counted(clips, 'clip')} of {counted(frames, 'frame')}: gfsalnet evaluate --dataset folder --root {output} …")


@app.command(epilog=SHARD_EXAMPLES)
def shard(
    name: DatasetArgument,
    root: RootArgument,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="Folder to write the tar files to.")],
    split: Annotated[str | None, typer.Option(help="Split to write. Default: all.")] = None,
    size_mb: Annotated[
        int,
        typer.Option("--size-mb", min=1, rich_help_panel=OUTPUT, help="Megabytes of pictures in a tar file, about."),
    ] = 500,
) -> None:
    """Write pictures and their gaze to tar files in the layout of WebDataset, for training from few large files.

    The pictures' own bytes are kept. Of videos the extracted frames are written: dataset prepare … --frames. Training
    and evaluation read the folder as the dataset shards.

    A run that was stopped goes on where it was.
    """
    check_split(name, split)
    from gfsalnet.gaze import dataset_class, open_dataset, write_shards

    cls = dataset_class(name)
    pictures = written = 0
    with Progress("tar files") as progress:
        for part in [split] if split else cls.separate_splits():
            dataset = open_dataset(name, root, part)
            for done, (one, total) in enumerate(write_shards(dataset, output, shard_bytes=size_mb * 1_000_000), 1):
                pictures, written = pictures + one.pictures, written + one.is_new
                progress.show(f"writing {part}", done, total)
    made = f"{counted(pictures, 'picture')}, {counted(written, 'tar file')}"
    say(f'{made} written: dataset = "shards", root = "{output}"')


app.command(name="import", epilog=IMPORT_EXAMPLES)(import_gaze)


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
