"""How sources are predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from gfsalnet.choices import FolderAs
from gfsalnet.render import Look, MapForm


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How sources are predicted and what is written."""

    output: Path
    """The folder in which every source gets a folder of its own."""
    save: tuple[str, ...] = ("overlay", "maps", "csv")
    """Words of `gfsalnet.render.SINKS`."""
    look: Look = field(default_factory=Look)
    """How maps are drawn."""
    maps: MapForm = field(default_factory=MapForm)
    """How maps are stored."""
    part_seconds: tuple[float | None, float | None] = (None, None)
    """Predict the frames from the first of these times on and before the second; None: where the source begins or
    ends."""
    rate: Fraction | None = None
    """Frames per second of folders of frames; None: 25."""
    folder_as: FolderAs | None = None
    """What folders are taken for; None: their content decides."""
    max_frames: int | None = None
    """Stop after this many frames of each source; None: at its end."""
    overwrite: bool = False
    """Whether existing results are made again."""
    allow_playlists: bool = False
    """Whether playlists are read, with the files and addresses that they name."""
    config: Mapping[str, Any] | None = None
    """The configuration file that decided some of this, and what it decided: JSON values, for the summary."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "output", Path(self.output))  # a string is accepted too
