"""Which processes do the work: this one, more of this machine, or those of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import tell
from gfsalnet.cli.options import SPEED, checked

if TYPE_CHECKING:
    from gfsalnet.models import SaliencyModel
    from gfsalnet.predict import Listed, Outcome, Settings
    from gfsalnet.predict.job import OnFrame
    from gfsalnet.store import TakenError


def _check_address(address: str) -> object:
    from gfsalnet.scale.ray_address import host_and_port

    return host_and_port(address)


RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        callback=checked(_check_address),
        metavar="local|auto|HOST:PORT",
        rich_help_panel=SPEED,
        help="Let processes of a Ray cluster do the work: HOST:PORT of one that this machine is a node of, or auto, "
        "which finds it; local starts Ray on this machine. All nodes must see the same files. --workers is how many "
        "processes; default: one per core of the cluster.",
    ),
]


MOST_A_CORE = 8
"""More processes than this for each core only wait for one another, and take the memory that others need."""


def check_workers(workers: int | None, ray: str | None = None) -> None:
    """Refuse more processes than this machine can keep busy; of a cluster, its owner knows.

    Raises:
        typer.BadParameter: for so many.
    """
    from gfsalnet.device import cores

    most = MOST_A_CORE * cores()
    if ray is None and workers is not None and workers > most:
        problem = f"{workers} is too many for {cores()} cores, where more than {most} only wait for one another"
        raise typer.BadParameter(problem, param_hint="--workers")


@dataclass(frozen=True)
class Processes:
    """What predicts."""

    load: Callable[[], SaliencyModel] | None = None
    """The model for another process; it can be pickled. None: only this process predicts."""
    workers: int | None = None
    """Number of processes; None: as many as are worth it, or as the cluster has cores."""
    ray: str | None = None
    """Address of a cluster, as `RayPool` takes it; None: processes of this machine."""
    on_gpu: bool = False
    """Whether the model runs on one, which one process keeps busy."""

    def predict(
        self,
        model: SaliencyModel,
        sources: Iterable[str | Listed],
        settings: Settings,
        on_frame: OnFrame,
        first: Sequence[str],
        made_in: Path,
    ) -> Generator[Outcome, None, None]:
        """Predict sources: the same results, whichever processes there are.

        Args:
            model: in this process, the same as `load` gives.
            sources: as they are opened.
            settings: how.
            on_frame: called after frames.
            first: some of the sources, by which the default number of processes is chosen; where there is none, there
                is nothing to do, and none is started.
            made_in: the folder of all results.
        """
        from gfsalnet.predict import default_workers, predict_in_pool, predict_sources

        if self.load is not None and self.ray is not None and first:
            from gfsalnet.scale.ray_pool import RayPool

            pool = partial(RayPool, address=self.ray, folder=made_in, on_gpu=self.on_gpu)
            count = self.workers or 0
            return predict_in_pool(model, self.load, sources, settings, count, on_frame, _tell_of_waiting, pool)
        count = self.workers or (1 if self.on_gpu or not first else default_workers(model, first, settings))
        if self.load is None or count == 1 or not first:
            return predict_sources(model, sources, settings, on_frame, _tell_of_waiting)
        return predict_in_pool(model, self.load, sources, settings, count, on_frame, _tell_of_waiting)


def _tell_of_waiting(taken: TakenError) -> None:
    tell(f"{taken.where}: {taken.problem}, which is waited for")
