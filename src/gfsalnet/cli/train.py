"""`gfsalnet train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import errors_to_status, progress_bar, say

if TYPE_CHECKING:
    from gfsalnet.training import Epoch


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="What to train, on what, and how.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the run; runs/NAME if not given.")
    ] = None,
) -> None:
    """Train a stream on photographs with gaze. A run that was stopped goes on where it was."""
    from gfsalnet.training import Step, read_recipe
    from gfsalnet.training import train as run

    with errors_to_status(), progress_bar("batches") as bar:
        plan = read_recipe(recipe, changes or ())
        folder = output or Path("runs") / plan.name
        task = bar.add_task("reading photographs", total=None, rate="–")
        for event in run(plan, folder):
            if isinstance(event, Step):
                text = f"epoch {event.epoch + 1}/{plan.epochs}, loss {event.loss:.3f}"
                bar.update(task, description=text, total=event.steps_per_epoch, completed=event.step + 1)
            else:
                say(_line(event))
        say(f"the averaged weights are in {folder / 'model'}: gfsalnet predict --model {folder / 'model'} …")


def _line(epoch: Epoch) -> str:
    scores = "  ".join(f"{name} {value:.3f}" for name, value in epoch.scores["mean"].items())
    trained = f"epoch {epoch.epoch + 1}: {epoch.seconds:.0f} s, train KL {epoch.kl:.3f}, NSS {epoch.nss:.3f}"
    return f"{trained}; validation {scores}"
