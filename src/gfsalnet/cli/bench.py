"""`gfsalnet bench`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.cli.console import out, say
from gfsalnet.cli.options import (
    AllowPlaylistsOption,
    BackendOption,
    EndOption,
    SaveOption,
    StartOption,
    check_network,
    checked,
    completed,
    examples,
    network_names,
    time_range,
)
from gfsalnet.cli.processes import check_workers
from gfsalnet.cli.progress import ProgressOption, at_work
from gfsalnet.files import refuse_folder
from gfsalnet.words import counted

if TYPE_CHECKING:
    from gfsalnet.bench import NetworkReport, StageSpeed, VideoSpeed

VIDEO_MODEL = "gfsalnet-mobile"


BENCH_EXAMPLES = examples(
    "gfsalnet bench --models gfsalnet-mobile",
    "gfsalnet bench --video street.mp4 --save npz --backend onnxruntime --output figures.json",
)


def _check_models(text: str) -> None:
    for name in text.split(","):
        check_network(name)


OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        callback=checked(refuse_folder),
        help="JSON file to write the figures to.",
    ),
]


def bench(
    models: Annotated[
        str,
        typer.Option(
            callback=checked(_check_models),
            autocompletion=completed(network_names, commas=True),
            help="GFSalNets to time, separated by commas: names or folders; gfsalnet has random weights if none are "
            "available.",
        ),
    ] = "gfsalnet-mobile,gfsalnet",
    video: Annotated[
        Path | None, typer.Option(help="Video to time the prediction of. Default: a small one that is drawn.")
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
    allow_playlists: AllowPlaylistsOption = False,
    save: SaveOption = "overlay",
    backend: BackendOption = "auto",
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that predict the video; several share one that is over a minute long.")
    ] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Number of timings of each backend.")] = 15,
    output: OutputOption = None,
    progress: ProgressOption = "bar",
) -> None:
    """Measure this machine: every backend beside eager PyTorch, each stage of a prediction, speed and memory.

    Times are CPU times of one thread each, interleaved, so that other programs hardly change them. Frames per second
    are by the clock: let other programs rest for those. The video is predicted by the shipped model with --backend.
    """
    part = time_range(start, end)
    check_workers(workers)
    from gfsalnet.bench import Clip, describe_machine, measure_network, measure_stages, measure_video, require_frames
    from gfsalnet.demo import draw_clip
    from gfsalnet.files import write_json
    from gfsalnet.render import parse_save

    words = parse_save(save)
    figures: dict[str, Any] = {"when": datetime.now(timezone.utc).isoformat(), "machine": describe_machine()}
    say(f"{figures['machine']['processor']}, {figures['machine']['cores']} cores")
    with TemporaryDirectory() as folder:
        # Before any network is timed, which takes minutes: a video too short for a rate is refused at once.
        source = str(video or draw_clip(Path(folder) / "demo.mp4"))
        clip = Clip(source=source, start_seconds=part[0], end_seconds=part[1], allow_playlists=allow_playlists)
        require_frames(clip)
        figures["networks"] = {}
        for name in models.split(","):
            with at_work(f"timing {name}; the paper's network takes some minutes"):
                report = measure_network(name, rounds)
            _print_network(name, report)
            figures["networks"][name] = asdict(report)
        with at_work("timing a video"):
            stages = measure_stages(clip, VIDEO_MODEL, backend, words)
            speed = measure_video(clip, VIDEO_MODEL, backend, words, workers)
        _print_video(stages, speed)
        figures["video"] = {"stages": {stage.stage: stage.cpu_ms for stage in stages}, **asdict(speed)}
        if output is not None:
            write_json(output, figures)
            say("")
            say(f"figures: {output}")


def _print_network(name: str, report: NetworkReport) -> None:
    from rich.table import Table

    width, height = report.size_wh
    say("")
    say(
        f"{name}, {width}x{height}: {report.gflops:.1f} GFLOP per frame; one core multiplies matrices at "
        f"{report.peak_gflops_per_second:.0f} GFLOP per second"
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("backend", "CPU ms per frame", "speedup", "of the peak", "largest difference"):
        table.add_column(heading, justify="left" if heading == "backend" else "right")
    for row in report.backends:
        share = "–" if row.share_of_peak is None else f"{row.share_of_peak:.0%}"
        table.add_row(row.backend, f"{row.cpu_ms:.1f}", f"{row.speedup:.2f}", share, f"{row.max_rel_diff:.1e}")
    out.print(table)
    for remark in report.remarks:
        say(f"missing: {remark}")


def _print_video(stages: list[StageSpeed], speed: VideoSpeed) -> None:
    whole = sum(stage.cpu_ms for stage in stages)
    say("")
    say("a video, each stage alone, CPU ms per frame:")
    for stage in stages:
        say(f"  {stage.stage:20} {stage.cpu_ms:6.2f}  {stage.cpu_ms / whole:4.0%}")
    say(
        f"all stages beside each other: {speed.frames_per_second:.1f} frames per second over "
        f"{counted(speed.frames, 'frame')}, {speed.cpu_ms:.1f} CPU ms each, at most {speed.peak_megabytes:.0f} MB; "
        f"one frame from start to end: {speed.start_seconds:.1f} s"
    )
