"""Which folder a source's results go to, and which of them exist already."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gfsalnet.errors import OutputError
from gfsalnet.files import difference_in_words, file_name
from gfsalnet.render import SINKS, output_names

SUMMARY_FILE = "summary.json"


def read_summary(folder: Path) -> dict[str, Any] | None:
    """The summary that an earlier run wrote into the folder; None without a readable one."""
    try:
        summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None


def folder_for(output: Path, name: str, source: Mapping[str, Any]) -> Path:
    """`output/name`, or `output/name-2`, … if another source of the same name has results there.

    Args:
        output: the folder of all results.
        name: the name of the source.
        source: its entry in the summary; `path` tells sources apart.
    """
    for number in itertools.count(1):
        folder = output / file_name(name if number == 1 else f"{name}-{number}")
        summary = read_summary(folder)
        # The same source again: its folder is continued or replaced.
        if summary is not None and summary.get("source", {}).get("path") == source["path"]:
            return folder
        if summary is None and _is_free(folder):
            return folder
    raise AssertionError("unreachable")


def _is_free(folder: Path) -> bool:
    """Whether the folder holds nothing but what an interrupted run may have left."""
    if not folder.exists():
        return True
    return folder.is_dir() and all(_may_be_ours(path.name) for path in folder.iterdir())


def _may_be_ours(name: str) -> bool:
    return ".partial" in name or name in _ALL_OUTPUTS


_ALL_OUTPUTS = {name for kind in ("video", "image") for name in output_names(tuple(SINKS), kind)}


def missing_outputs(
    folder: Path, save: tuple[str, ...], kind: str, request: Mapping[str, Any], overwrite: bool
) -> tuple[str, ...]:
    """The words of `save` whose files are still missing.

    Raises:
        OutputError: if the folder holds results of other settings, or of a source that has changed since.
    """
    summary = read_summary(folder)
    if summary is None or overwrite:
        return save
    for key in ("source", "model", "settings"):
        if summary.get(key) != request[key]:
            raise OutputError(
                folder,
                f"holds results of {difference_in_words(summary.get(key), request[key], key)}",
                "Add --overwrite to replace them, or choose another --output",
            )
    return tuple(word for word in save if not all((folder / name).exists() for name in output_names((word,), kind)))
