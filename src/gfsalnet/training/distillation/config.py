"""The section of a recipe about teachers: what they said, what they say of each view, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from gfsalnet.models.over_time import MotionGate

Domain = Literal["still", "video"]
DOMAINS: tuple[Domain, ...] = ("still", "video")
"""Photographs, and frames of clips: each is read with a centre and a temperature of its own."""

_STRICT = {"extra": "forbid", "allow_inf_nan": False}


class InputSize(NamedTuple):
    """A size of the network's input in pixels, and how often batches have it: a share 0…1."""

    height: int
    width: int
    share: float

    @property
    def grid_hw(self) -> tuple[int, int]:
        """(h, w): size of the maps that losses compare, 1/4 of the input's."""
        return self.height // 4, self.width // 4


@dataclass(frozen=True, kw_only=True)
class Exponents:
    """What stored maps count in the product of the teachers, by their names in the file; others count nothing.

    A teacher's map is a product of densities to these powers, normalised: a sum of logarithms. Powers that sum to less
    than 1 make it softer than its parts.
    """

    __pydantic_config__: ClassVar = _STRICT

    still: dict[str, float] = field(default_factory=lambda: {"static": 1.0})
    video: dict[str, float] = field(default_factory=lambda: {"static": 0.5, "unisal_video": 0.4, "fastgaze": 0.15})


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A network that sees every view that the student sees, and so teaches crops as well as whole pictures."""

    __pydantic_config__: ClassVar = _STRICT

    network: Literal["unisal", "efficientnet-lite0", "efficientnet-lite2"]
    """UNISAL without its recurrence, as it sees photographs; or an EfficientNet-Lite with a light decoder."""
    weights: Path
    """Relative to the recipe's folder."""
    still: float = 0.0
    video: float = 0.0
    """Exponents of its map where photographs and where frames of clips are taught."""


@dataclass(frozen=True, kw_only=True)
class Watching:
    """UNISAL with its recurrence, over four crops of each clip as if each were a video; made once and kept in the run.

    A frame is then shown whole or as one of these crops; without this it is cropped anywhere, and its stored maps are.
    """

    __pydantic_config__: ClassVar = _STRICT

    weights: Path
    """Relative to the recipe's folder."""
    video: float = 0.35
    """Exponent of its map."""
    whole: str = "unisal_video"
    """The stored map that says the same of whole frames."""


@dataclass(frozen=True, kw_only=True)
class ReadingChange:
    """What is changed by hand of how the trained maps of a domain are read."""

    __pydantic_config__: ClassVar = _STRICT

    softer: float = 1.0
    """Times the learned temperature."""
    centre: float = 0.0
    """Log odds of a Gaussian, sigma a quarter of each side, on top of the learned centre: teachers know a little less
    of it than viewers."""
    areas: tuple[float, ...] = (1.0,)
    """How large the network sees a picture, each second time mirrored: `Reading.areas`. Of `still` alone."""


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """How a light stream learns from people and teachers; the photographs are the recipe's `train`."""

    __pydantic_config__: ClassVar = _STRICT

    stored_maps: Path
    """An NPZ file of teachers' maps of whole pictures (see `distillation.stored`), relative to `data_root`. The clips
    are those that it names; photographs that it marks as `validation` are validated on and never learned from."""
    stored: Exponents = field(default_factory=Exponents)
    teachers: tuple[Teacher, ...] = ()
    watching: Watching | None = None
    centre: float = 0.0
    """Exponent of a Gaussian centre among the teachers of clips, for those that come without one."""
    human_share: float = 0.4
    """Share of people's gaze in the loss on photographs; the teachers have the rest."""
    steps_per_epoch: int = 200
    still_sizes: tuple[InputSize, ...] = (
        InputSize(256, 320, 0.65),
        InputSize(288, 288, 0.1),
        InputSize(224, 384, 0.2),
        InputSize(320, 256, 0.05),
    )
    video_sizes: tuple[InputSize, ...] = (
        InputSize(224, 384, 0.6),
        InputSize(256, 320, 0.3),
        InputSize(192, 416, 0.1),
    )
    """Sizes that batches of either domain have; the shares sum to 1."""
    seldom: tuple[str, ...] = ()
    """Clips whose names begin like this are drawn less often: they show little of what people look at."""
    still: ReadingChange = field(default_factory=ReadingChange)
    video: ReadingChange = field(default_factory=ReadingChange)
    gate: MotionGate | None = None
    """Written into the model's folder: the numbers of its motion gate. None: a model without motion."""

    def __post_init__(self) -> None:
        for sizes in (self.still_sizes, self.video_sizes):
            if any(size.height % 32 or size.width % 32 for size in sizes):
                raise ValueError("sides of still_sizes and video_sizes must be multiples of 32")
            if abs(sum(size.share for size in sizes) - 1) > 1e-6:
                raise ValueError("the shares of still_sizes, and those of video_sizes, must sum to 1")
        if self.steps_per_epoch < 1 or not 0 <= self.human_share <= 1:
            raise ValueError("steps_per_epoch must be at least 1, human_share in 0…1")

    def beside(self, folder: Path) -> Distillation:
        """The same, with the weights of teachers in paths that start at a folder."""
        teachers = tuple(replace(teacher, weights=folder / teacher.weights) for teacher in self.teachers)
        watching = self.watching and replace(self.watching, weights=folder / self.watching.weights)
        return replace(self, teachers=teachers, watching=watching)

    def sizes(self, domain: Domain) -> tuple[InputSize, ...]:
        """Sizes that batches of a domain have."""
        return self.still_sizes if domain == "still" else self.video_sizes
