"""Options that several verbs share, how their texts are checked, and what a shell completes them with.

A closed set of words is a `Literal` of `gfsalnet.choices`, which typer checks. An open one (models, flow estimators,
datasets) is looked up here. Both end with exit status 2 before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from gfsalnet.choices import (
    SAVE_WORDS,
    BackendName,
    Colormap,
    MetricName,
    PresetName,
    ProtocolName,
    Scale,
)
from gfsalnet.errors import RequestError

INPUT, MODEL, SPEED = "What is read", "Model and motion", "Where and how fast it runs"
SCORING, OUTPUT, DRAWING = "How it is scored", "What is written", "How it is drawn"
"""Headings of the groups of options in --help."""


def checked(check: Callable[[str], object]) -> Callable[[typer.Context, Any], Any]:
    """A callback that gives a text back as it is if `check` accepts it, and ends with exit status 2 if not.

    Args:
        check: raises ValueError or RequestError for a text that makes no sense.
    """

    def callback(ctx: typer.Context, value: Any) -> Any:
        if value is None or ctx.resilient_parsing:  # while a shell completes, nothing is refused
            return value
        try:
            for text in value if isinstance(value, (list, tuple)) else [value]:
                check(text)
        except RequestError as error:  # of an option its name is said already
            said = f"{error.problem}. {error.remedy.rstrip('.')}." if error.where.startswith("--") else str(error)
            raise typer.BadParameter(said) from error
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        return value

    return callback


def completed(names: Callable[[], Iterable[str]], *, commas: bool = False) -> Callable[[str], list[str]]:
    """A function that completes a word to those of these names that begin with it.

    Args:
        names: of everything there is.
        commas: whether several may be given, separated by commas; then the last one is completed.
    """

    def complete(incomplete: str) -> list[str]:
        # The shell replaces the whole word, so that what stands before the comma is given back.
        before, comma, last = incomplete.rpartition(",") if commas else ("", "", incomplete)
        try:
            return [f"{before}{comma}{name}" for name in names() if name.startswith(last)]
        except Exception:  # whatever a plug-in does wrong, a shell is no place to say it
            return []

    return complete


def model_names() -> list[str]:
    """The names of all models that can be had."""
    from gfsalnet.models import list_models

    return list_models()


def check_model(text: str) -> None:
    """Refuse what can be neither a model's name nor a path."""
    from gfsalnet.models import check_model_name

    check_model_name(text)


def check_network(text: str) -> None:
    """Refuse what can be neither a GFSalNet's name nor a path."""
    from gfsalnet.models.registry import check_network_name

    check_network_name(text)


def network_names() -> list[str]:
    """The names of the GFSalNets."""
    from gfsalnet.models import MODELS

    return [name for name, entry in MODELS.items() if entry.is_gfsalnet]


def flow_names() -> list[str]:
    """The names of all optical flow estimators, with a colon where something follows."""
    from gfsalnet.flow.registry import AFTER_COLON, estimator_names

    return [f"{name}:" if name in AFTER_COLON else name for name in estimator_names()]


def check_flow(text: str) -> None:
    """Refuse an unknown estimator."""
    from gfsalnet.flow import check_estimator_name

    check_estimator_name(text)


def dataset_names() -> list[str]:
    """The names of all datasets with a reader."""
    from gfsalnet.gaze import DATASETS
    from gfsalnet.plugins import plugin_names

    return [*DATASETS, *plugin_names("gfsalnet.datasets")]


def check_dataset_name(text: str) -> None:
    """Refuse a dataset without a reader."""
    from gfsalnet.gaze import dataset_class

    dataset_class(text)


def check_split(dataset: str, split: str | None) -> None:
    """Refuse a split that the dataset does not have.

    Raises:
        typer.BadParameter: if it has no such split.
    """
    from gfsalnet.gaze import dataset_class

    splits = dataset_class(dataset).splits
    if split is not None and split not in splits:
        raise typer.BadParameter(f"{dataset} has no split {split!r}; it has {', '.join(splits)}", param_hint="--split")


def check_device(text: str) -> None:
    """Refuse what is no device anywhere."""
    from gfsalnet.device import check_device_name

    check_device_name(text)


def check_words(text: str) -> None:
    """Refuse a word of --save that there is not."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in SAVE_WORDS]
    if unknown or not words:
        what = f"unknown: {', '.join(unknown)}" if unknown else "nothing to save"
        raise ValueError(f"{what}; known are {', '.join(SAVE_WORDS)}")


def time_seconds(text: str) -> float:
    """Seconds of `90`, `90.5`, `1:30.5` or `0:01:30.5`.

    >>> time_seconds("90.5"), time_seconds("1:30.5"), time_seconds("01:00:00")
    (90.5, 90.5, 3600.0)

    Raises:
        ValueError: if it is no time.
    """
    parts = text.strip().split(":")
    whole, last = parts[:-1], parts[-1]
    numbers = last.partition(".")[0] + last.partition(".")[2]
    right = len(parts) <= 3 and all(part.isdecimal() for part in whole) and numbers.isdecimal() and numbers.isascii()
    if not right or any(float(part) >= 60 for part in parts[1:]):
        raise ValueError(f"{text} is no time: give seconds, such as 90.5, or [hours:]minutes:seconds, such as 1:30.5")
    return float(sum(float(part) * 60**place for place, part in enumerate(reversed(parts))))


def time_range(start: str | None, end: str | None) -> tuple[float | None, float | None]:
    """The seconds of --start and --end.

    Raises:
        typer.BadParameter: if the end does not lie after the start.
    """
    begins, ends = (None if text is None else time_seconds(text) for text in (start, end))
    if ends is not None and ends <= (begins or 0.0):
        raise typer.BadParameter(f"{end} does not lie after the start", param_hint="--end")
    return begins, ends


def check_metrics(text: str) -> None:
    """Refuse a metric that no protocol has."""
    known = ("all", *get_args(MetricName))
    unknown = [name for name in map(str.strip, text.split(",")) if name not in known]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")


def size_hw(text: str) -> tuple[int, int]:
    """Height and width of `WIDTHxHEIGHT`, in pixels.

    Raises:
        ValueError: if it is none, or a side is not 1 to 8192.
    """
    width, x, height = text.partition("x")
    if not (x and width.isdecimal() and height.isdecimal() and 0 < int(width) <= 8192 and 0 < int(height) <= 8192):
        raise ValueError(f"{text} is not WIDTHxHEIGHT with sides of 1 to 8192, such as 320x240")
    return int(height), int(width)


def check_recipe(text: str) -> None:
    """Refuse what can be neither a preset's name nor a file."""
    from gfsalnet.files import is_path

    known = get_args(PresetName)
    if text not in known and not is_path(text) and not text.endswith(".toml") and not Path(text).exists():
        raise ValueError(f"{text} is no preset and no file; presets are {', '.join(known)}")


WHICH_MODEL = (
    "a name that `gfsalnet models` lists, or a model folder; with :appearance or :motion after it, that stream alone"
)
"""What --model takes, in its help."""
ModelOption = Annotated[
    str,
    typer.Option(
        callback=checked(check_model),
        autocompletion=completed(model_names),
        rich_help_panel=MODEL,
        help=f"Model to run: {WHICH_MODEL}.",
    ),
]
NetworkOption = Annotated[
    str,
    typer.Option(
        "--model",
        callback=checked(check_network),
        autocompletion=completed(network_names),
        help="GFSalNet to export: gfsalnet-mobile, a model folder, or one stream of either, as in "
        "gfsalnet-mobile:appearance.",
    ),
]

FlowOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(check_flow),
        autocompletion=completed(flow_names),
        rich_help_panel=MODEL,
        help="Optical flow estimator: dis, dis-fast, dis-ultrafast, dis-evident, farneback, pwcnet:WEIGHTS, or "
        "folder:DIR with .flo files of one video. Default: the one the model was trained with.",
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        callback=checked(check_device),
        autocompletion=completed(lambda: ("auto", "cpu", "cuda", "cuda:0", "mps")),
        rich_help_panel=SPEED,
        help="Device that runs the network: auto, cpu, cuda, cuda:N or mps.",
    ),
]
BackendOption = Annotated[
    BackendName,
    typer.Option(
        metavar="NAME",
        rich_help_panel=SPEED,
        help=f"Engine and precision that run a GFSalNet: {', '.join(get_args(BackendName))}. auto is the fastest that "
        "is installed; reference is float32, the same numbers whatever else is installed.",
    ),
]
SaveOption = Annotated[
    str,
    typer.Option(
        callback=checked(check_words),
        autocompletion=completed(lambda: SAVE_WORDS, commas=True),
        rich_help_panel=OUTPUT,
        help="Outputs to write, separated by commas: "
        + "; ".join(f"{word}, {what}" for word, what in SAVE_WORDS.items())
        + ".",
    ),
]


OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace results that exist already.")
]
StartOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        callback=checked(time_seconds),
        rich_help_panel=INPUT,
        help="Time to start at: seconds, minutes:seconds or hours:minutes:seconds. Frames keep their numbers and "
        "times.",
    ),
]
EndOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        callback=checked(time_seconds),
        rich_help_panel=INPUT,
        help="Time to end before, like --start.",
    ),
]
AllowPlaylistsOption = Annotated[
    bool,
    typer.Option(
        "--allow-playlists",
        rich_help_panel=INPUT,
        help="Read playlists too (HLS, DASH, FFmpeg's concat scripts), with the files and addresses that they name.",
    ),
]
ColormapOption = Annotated[
    Colormap,
    typer.Option(
        rich_help_panel=DRAWING,
        help="Colours of the overlay; the lightness of each only rises, so they read in grey too.",
    ),
]
OpacityOption = Annotated[
    float,
    typer.Option(
        min=0, max=1, rich_help_panel=DRAWING, help="Opacity of the colours where most look; it falls with the looks."
    ),
]
ScaleOption = Annotated[
    Scale,
    typer.Option(
        rich_help_panel=DRAWING,
        help="What the last colour stands for: absolute, 32 times an even spread of the looks, the same in every "
        "video; frame or video, the maximum of that.",
    ),
]
LegendOption = Annotated[
    bool,
    typer.Option("--legend/--no-legend", rich_help_panel=DRAWING, help="Write into a corner what the colours mean."),
]

_DATASET_OPTION = typer.Option(
    callback=checked(check_dataset_name),
    autocompletion=completed(dataset_names),
    rich_help_panel=INPUT,
    help="Dataset to read: salicon, ucf-sports, hollywood-2, dhf1k, dhf1k-viewers, diem, ledov, diem-meta, ledov-meta, "
    "avimos, osie, folder for your own, or shards.",
)
DatasetOption = Annotated[str, _DATASET_OPTION]
OptionalDatasetOption = Annotated[str | None, _DATASET_OPTION]
DatasetArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        callback=checked(check_dataset_name),
        autocompletion=completed(dataset_names),
        help="Dataset: salicon, ucf-sports, hollywood-2, dhf1k, dhf1k-viewers, diem, ledov, diem-meta, ledov-meta, "
        "avimos, osie, folder for your own, or shards.",
    ),
]
_ROOT_OPTION = typer.Option(help="Folder of the dataset, as its authors distribute it.", rich_help_panel=INPUT)
RootOption = Annotated[Path, _ROOT_OPTION]
OptionalRootOption = Annotated[Path | None, _ROOT_OPTION]
SplitOption = Annotated[
    str | None,
    typer.Option(help="Split to read. Default: the one that results are reported on.", rich_help_panel=INPUT),
]
ProtocolOption = Annotated[
    ProtocolName,
    typer.Option(help="Metric implementation to follow (docs/evaluation.md).", rich_help_panel=SCORING),
]
MetricsOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(check_metrics),
        autocompletion=completed(lambda: ("all", *get_args(MetricName)), commas=True),
        rich_help_panel=SCORING,
        help="Metrics to compute, separated by commas: auc_judd, auc_borji, auc_shuffled, nss, information_gain, cc, "
        "sim, kldiv, emd; or all that the protocol has. Default: the five of the paper.",
    ),
]
RecipeArgument = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        callback=checked(check_recipe),
        autocompletion=completed(lambda: get_args(PresetName)),
        help="Recipe to train by: a TOML file, or a preset such as tiny (docs/training.md lists them).",
    ),
]


def examples(*lines: str) -> str:
    """The end of a verb's --help: each example on a line of its own."""
    return "\n\n".join(("Examples:", *lines))
