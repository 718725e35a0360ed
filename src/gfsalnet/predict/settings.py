"""What the user asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from gfsalnet.choices import FolderAs


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How sources are predicted and what is written."""

    output: Path
    """Every source gets a folder of its own in here."""
    save: tuple[str, ...] = ("overlay", "maps", "csv")
    """Words of `gfsalnet.render.SINKS`."""
    map_size_hw: tuple[int, int] | None = None
    """Size of the maps in maps.npz; the model's own without."""
    rate: Fraction | None = None
    """Frame rate given to folders of frames; 25 without."""
    folder_as: FolderAs | None = None
    """What folders are taken for; what they hold decides without."""
    max_frames: int | None = None
    """Stop after so many frames of each source."""
    overwrite: bool = False
    """Redo what is already there."""
    config: Mapping[str, Any] | None = None
    """The configuration file that decided some of this, and what it decided: JSON values, for the summary."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "output", Path(self.output))  # strings are taken, too


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one source."""

    source: str
    status: Literal["done", "skipped", "damaged", "failed"]
    """`damaged`: predicted as far as the file goes."""
    message: str
    """One line for the user."""
    folder: Path | None = None
    notes: tuple[str, ...] = ()
    """What the user should know although nothing failed, a line each."""
    frames: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every frame of the source is predicted."""
        return self.status in ("done", "skipped")
