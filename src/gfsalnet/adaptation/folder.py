"""The model folder that a fit ends in: the same network, other numbers, and what they gain."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gfsalnet._version import __version__
from gfsalnet.adaptation.judge import Judged
from gfsalnet.errors import OutputError, WeightsError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.formats.texts import read_json_object
from gfsalnet.gaze import GazeDataset
from gfsalnet.models.over_time import OverTime
from gfsalnet.models.registry import stored_network
from gfsalnet.network.folder import CONFIG_FILE, GRAPH_FILE, INT8_FILE, WEIGHTS_FILE

README = "README.md"
_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Adapted:
    """What came out."""

    folder: Path
    judged: Judged
    recordings: int
    fixations: int
    values: dict[str, float]
    """Fitted to all recordings."""
    notes: list[str]
    """What a user should know."""


def require_new(folder: Path) -> None:
    """Refuse to write over anything.

    Raises:
        OutputError: if there is something.
    """
    if folder.exists():
        raise OutputError(folder, "exists", "Choose another folder for the model, or remove it")


def write_adapted(adapted: Adapted, model: str | Path, dataset: GazeDataset, how: OverTime, seed: int) -> None:
    """Write the folder, whole or not at all.

    Raises:
        OutputError: if it cannot be written.
    """
    network, about = stored_network(model)
    source, name = network.folder, about.get("name", network.folder.name)
    config = read_json_object(source / CONFIG_FILE, WeightsError)
    config["name"] = f"{name}, adapted"
    config["over_time"] = _rounded(asdict(how))
    config["adapted"] = _about(adapted, str(name), dataset, seed)
    with output_errors(adapted.folder):
        adapted.folder.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(adapted.folder) as partial:
            partial.mkdir()
            for file in (WEIGHTS_FILE, GRAPH_FILE, INT8_FILE):
                if (source / file).is_file():
                    shutil.copyfile(source / file, partial / file)
            (partial / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            (partial / README).write_text(_readme(adapted, config["adapted"], source / README), encoding="utf-8")


def _about(adapted: Adapted, name: str, dataset: GazeDataset, seed: int) -> dict[str, Any]:
    judged = adapted.judged
    return {
        "from": name,
        "dataset": f"{dataset.name} {dataset.split}",
        "recordings": adapted.recordings,
        "kind": dataset.kind,
        "fixations": adapted.fixations,
        "seed": seed,
        "gfsalnet": __version__,
        "numbers": {
            number.name: {"before": round(number.value, _DIGITS), "after": round(adapted.values[number.name], _DIGITS)}
            for number in judged.free
        },
        "left_out": {
            metric: {"before": round(before, _DIGITS), "after": round(after, _DIGITS)}
            for metric, (before, after) in judged.means().items()
        },
        "gain_bits": round(judged.gain, _DIGITS),
        "gain_interval_90": [round(bound, _DIGITS) for bound in judged.interval],
    }


def _readme(adapted: Adapted, about: dict[str, Any], card: Path) -> str:
    noun = {"image": "pictures", "video": "videos"}[about["kind"]]
    lines = [
        f"# {about['from']}, adapted",
        "",
        f"The network of {about['from']}; {len(about['numbers'])} of its numbers were fitted to gaze: "
        f"{about['recordings']} {noun} of {about['dataset']}, {about['fixations']} fixations. They count for {noun}.",
        "",
        f"| on {noun} that were left out of the fit | before | after |",
        "|---|---|---|",
        *(f"| {name} | {pair['before']:.3f} | {pair['after']:.3f} |" for name, pair in about["left_out"].items()),
        "",
        f"Information gain is in bits per fixation over the centre of the others; it grew by {about['gain_bits']:+.3f} "
        "(90 %: {:+.3f} to {:+.3f}).".format(*about["gain_interval_90"]),
        "",
        "| number | before | after |",
        "|---|---|---|",
        *(f"| {name} | {pair['before']:.3f} | {pair['after']:.3f} |" for name, pair in about["numbers"].items()),
        *("", *(f"Note: {note}." for note in adapted.notes)) * bool(adapted.notes),
    ]
    if card.is_file():
        lines += ["", "---", "", "What follows describes the model that this one was fitted from.", "", _read(card)]
    return "\n".join(lines) + "\n"


def _read(card: Path) -> str:
    return card.read_text(encoding="utf-8").strip()


def _rounded(tree: Any) -> Any:
    """Numbers with few digits."""
    if isinstance(tree, dict):
        return {key: _rounded(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_rounded(value) for value in tree]
    return round(tree, _DIGITS) if isinstance(tree, float) else tree
