"""`gfsalnet train` and `gfsalnet ablate`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from math import isnan
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import err, out, say
from gfsalnet.cli.options import RecipeArgument, checked, examples
from gfsalnet.cli.progress import Progress, ProgressOption
from gfsalnet.errors import RecipeError
from gfsalnet.stopping import handled_by

if TYPE_CHECKING:
    from gfsalnet.training import AblationRun, Epoch, Event
    from gfsalnet.training.recipe import Recipe

TRAIN_EXAMPLES = examples(
    "gfsalnet train tiny",
    "gfsalnet train mobile-stage1 --data-root gaze --set epochs=20 --set optimiser.learning_rate=3e-4",
)
ABLATE_EXAMPLES = examples("gfsalnet ablate --data-root gaze", "gfsalnet ablate tiny --seeds 1 --output runs/study")


def _check_change(text: str) -> None:
    if not text.partition("=")[1]:
        raise ValueError(f"{text} is not KEY=VALUE, such as optimiser.learning_rate=3e-4")


ChangesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        callback=checked(_check_change),
        help="Key of the recipe to change, and its value in TOML; may be repeated.",
    ),
]
DataRootOption = Annotated[
    Path | None,
    typer.Option("--data-root", metavar="DIR", help="Folder of the datasets, in place of the recipe's data_root."),
]


def train(
    recipe: RecipeArgument,
    changes: ChangesOption = None,
    data_root: DataRootOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the run. Default: runs/NAME.")
    ] = None,
    progress: ProgressOption = "bar",
) -> None:
    """Train the network on photographs or video with gaze. A run that was stopped goes on where it was.

    With several processes: torchrun --nproc-per-node N -m gfsalnet train RECIPE.
    """
    from gfsalnet.training import is_main_process
    from gfsalnet.training import train as run

    plan = _plan(recipe, changes or [], data_root)
    folder = output or Path("runs") / plan.name
    epochs = _follow(lambda on_clip: run(plan, folder, on_clip), plan.epochs)
    if is_main_process():
        if not epochs:
            say(f"{folder} holds this run, finished; another --output starts it anew")
        say(f"the weights are in {folder / 'best'}: gfsalnet predict --model {folder / 'best'} …")


def ablate(
    recipe: RecipeArgument = "mobile-ablation",
    changes: ChangesOption = None,
    data_root: DataRootOption = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of runs per variant, with the seeds 0, 1 and so on.")] = 2,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the study. Default: runs/NAME.")
    ] = None,
    progress: ProgressOption = "bar",
) -> None:
    """Train the network without each of its blocks, as for Table VII of the paper, and compare.

    A study that was stopped goes on where it was. The table is also written to ablation.md in its folder.
    """
    from gfsalnet.files import output_errors, written_whole
    from gfsalnet.training import ablate as run
    from gfsalnet.training import is_main_process

    plan = _plan(recipe, changes or [], data_root)
    folder = output or Path("runs") / plan.name
    _follow(lambda on_clip: _announced(run(plan, folder, range(seeds))), plan.epochs)
    if is_main_process():
        table = _ablation_table(folder, seeds)
        with output_errors(folder / "ablation.md"), written_whole(folder / "ablation.md") as partial:
            partial.write_text(table, encoding="utf-8")
        out.print(table)


def _plan(recipe: str, changes: list[str], data_root: Path | None) -> Recipe:
    """The recipe with its changes; where it is fine without them, they are to blame, and the command was wrong."""
    from gfsalnet.training import read_recipe

    try:
        return read_recipe(recipe, changes, data_root)
    except RecipeError as error:
        # Where the recipe alone is wrong too, the first error stands.
        with suppress(RecipeError):
            read_recipe(recipe, (), data_root)
            raise typer.BadParameter(str(error), param_hint="--set") from error
        raise


def _announced(runs: Generator[tuple[AblationRun, Event], None, None]) -> Generator[Event, None, None]:
    """The events of all runs; the name of each run is printed before its first event."""
    current = None
    with closing(runs):
        for run, event in runs:
            if run != current:
                current = run
                say(f"{run.variant}, seed {run.seed}")
            yield event


def _ablation_table(folder: Path, seeds: int) -> str:
    from gfsalnet.evaluation.tables import Table
    from gfsalnet.metrics import PAPER_METRICS
    from gfsalnet.training import ablation_rows

    rows = [
        [variant, *(_with_spread(middle, spread) for middle, spread in scores.values())]
        for variant, scores in ablation_rows(folder)
    ]
    note = f"Mean over {seeds} seeds, ± half of their range: a difference that is not larger says nothing."
    if seeds == 1:
        note = "One seed: how far a network differs from itself by chance is not known; --seeds 2 or more tells."
    return Table(caption="Ablation", columns=["network", *PAPER_METRICS], rows=rows, notes=[note]).markdown()


def _with_spread(middle: float, spread: float) -> str:
    return f"{middle:.3f}" if isnan(spread) else f"{middle:.3f} ± {spread:.3f}"


def _follow(begin: Callable[[Callable[[int, int], None]], Generator[Event, None, None]], epochs: int) -> int:
    """Show the events of one run or several; returns the number of finished epochs.

    Args:
        begin: gives the events; what it is given may be called with the numbers of clips that are ready and of all.
        epochs: of each run.
    """
    with Progress("images") as progress, _interrupts() as interrupted:

        def on_clip(done: int, total: int) -> None:
            progress.show("reading the data: clips", done, total, stage="clips")

        progress.show("reading the data", 0, None)
        with closing(begin(on_clip)) as events:
            return _shown(events, epochs, progress, interrupted)


def _shown(events: Iterator[Event], epochs: int, progress: Progress, interrupted: Callable[[], bool]) -> int:
    """Show the events until they end, or somebody interrupts; returns the number of finished epochs."""
    from gfsalnet.training import Epoch, Step

    finished = 0
    for event in events:
        if isinstance(event, Step):
            epoch = f"epoch {event.epoch + 1}/{epochs}"
            text, done = f"{epoch}, loss {event.loss:.3f}", event.step + 1
            progress.show(text, done, event.steps_per_epoch, stage=epoch, rate=event.images_per_second)
        elif isinstance(event, Epoch):
            finished += 1
            _tell(event)
        else:
            say(event.text)
        if interrupted():
            raise KeyboardInterrupt
    return finished


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Tells whether Ctrl-C was pressed, asked between steps, where nothing is half done; a second one stops at once."""
    asked: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt
        err.print("stopping after this step; Ctrl-C again stops at once, from the last checkpoint on")

    with handled_by(note):
        yield lambda: bool(asked)


def _tell(epoch: Epoch) -> None:
    speed = f"{epoch.seconds:.0f} s, {epoch.images_per_second:.1f} images/s"
    say(f"epoch {epoch.epoch + 1}: {speed}, train KL {epoch.kl:.3f}, NSS {epoch.nss:.3f}")
    for name, scores in epoch.scores.items():
        best = " (best so far)" if epoch.is_best and name == "saliency" else ""
        say(f"    {name:<10}  " + "  ".join(f"{metric} {value:.3f}" for metric, value in scores["mean"].items()) + best)
    if epoch.motion_share is not None:
        say(f"    share of motion {epoch.motion_share:.2f}")
