"""`gfsalnet bench`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.cli.console import at_work, out, say
from gfsalnet.cli.options import BackendOption

if TYPE_CHECKING:
    from gfsalnet.bench import FilmSpeed, NetworkReport, StageSpeed

FILM_MODEL = "gfsalnet-mobile"


def bench(
    models: Annotated[
        str, typer.Option(help="Networks to time, separated by commas; `gfsalnet` has random weights if none are here.")
    ] = "gfsalnet-mobile,gfsalnet",
    video: Annotated[Path | None, typer.Option(help="The film to time; a small one is drawn, if not given.")] = None,
    save: Annotated[str, typer.Option(help="What the film is turned into, as for `gfsalnet predict`.")] = "overlay",
    backend: BackendOption = "auto",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each backend.")] = 15,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write the figures as JSON.")] = None,
) -> None:
    """Measure this machine: every backend beside eager PyTorch, every stage of a film, speed and memory of the whole.

    Times are those of the processor, one thread each, in turns: what else runs here hardly counts. Frames a second are
    by the clock: give other programs a rest for those. The film is predicted by the shipped model with --backend.
    """
    from gfsalnet.bench import describe_machine, measure_film, measure_network, measure_stages, require_frames
    from gfsalnet.demo import draw_clip
    from gfsalnet.files import write_json
    from gfsalnet.render import parse_save

    try:
        words = parse_save(save)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--save") from error
    figures: dict[str, Any] = {"when": datetime.now(timezone.utc).isoformat(), "machine": describe_machine()}
    say(f"{figures['machine']['processor']}, {figures['machine']['cores']} cores")
    with TemporaryDirectory() as folder:
        film = str(video or draw_clip(Path(folder) / "demo.mp4"))
        require_frames(film)
        figures["networks"] = {}
        for name in models.split(","):
            with at_work(f"timing {name}; the paper's network takes some minutes"):
                report = measure_network(name, rounds)
            _print_network(name, report)
            figures["networks"][name] = asdict(report)
        with at_work("timing a film"):
            stages = measure_stages(film, FILM_MODEL, backend, words)
            speed = measure_film(film, FILM_MODEL, backend, words)
        _print_film(stages, speed)
        figures["film"] = {"stages": {stage.stage: stage.milliseconds for stage in stages}, **asdict(speed)}
        if output is not None:
            write_json(output, figures)
            say(f"\nfigures: {output}")


def _print_network(name: str, report: NetworkReport) -> None:
    from rich.table import Table

    width, height = report.size_wh
    say(
        f"\n{name}, {width}x{height}: {report.giga_operations:.1f} GFLOP a frame; one core multiplies matrices at "
        f"{report.peak_gflops:.0f} GFLOP a second"
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("backend", "ms a frame", "times as fast", "of the peak", "largest difference"):
        table.add_column(heading, justify="left" if heading == "backend" else "right")
    for row in report.backends:
        share = "–" if row.share_of_peak is None else f"{row.share_of_peak:.0%}"
        table.add_row(
            row.backend, f"{row.milliseconds:.1f}", f"{row.times_as_fast:.2f}", share, f"{row.share_that_moves:.1e}"
        )
    out.print(table)
    for remark in report.remarks:
        say(f"not here: {remark}")


def _print_film(stages: list[StageSpeed], speed: FilmSpeed) -> None:
    whole = sum(stage.milliseconds for stage in stages)
    say("\na film, each stage alone, milliseconds of the processor a frame:")
    for stage in stages:
        say(f"  {stage.stage:20} {stage.milliseconds:6.2f}  {stage.milliseconds / whole:4.0%}")
    say(
        f"all stages beside each other: {speed.frames_per_second:.1f} frames a second over {speed.frames} frames, "
        f"{speed.processor_milliseconds:.1f} ms of the processor each, at most {speed.megabytes:.0f} MB; "
        f"one frame from start to end: {speed.start_seconds:.1f} s"
    )
