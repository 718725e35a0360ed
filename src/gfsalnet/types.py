"""What flows through the program: frozen records that check their shapes at the door.

Letters: `H, W` pixels of the source frame, `h, w` pixels of the model's own map, `N` fixations.
Units: time in seconds, coordinates in 0-based pixels (x right, y down), flow in pixels per frame interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map, resize_density, resize_map

RGB = NDArray[np.uint8]
"""Shape (H, W, 3), 0…255, red first."""


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise ValueError(message)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    Raises:
        ValueError: if `rgb` is not (H, W, 3) uint8.
    """

    rgb: RGB
    """(H, W, 3) uint8, red first."""
    time_seconds: float = 0.0
    """Presentation time from the start of the video."""
    index: int = 0
    """0-based position in the video; models number frames that were made without number and time."""

    def __post_init__(self) -> None:
        _require(isinstance(self.rgb, np.ndarray), f"Frame.rgb must be an array, not {type(self.rgb).__name__}")
        shape = self.rgb.shape
        _require(self.rgb.dtype == np.uint8, f"Frame.rgb must be uint8, not {self.rgb.dtype}")
        _require(len(shape) == 3 and shape[2] == 3 and min(shape) > 0, f"Frame.rgb must be (H, W, 3), not {shape}")

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    def __repr__(self) -> str:
        return f"Frame(index={self.index}, time_seconds={self.time_seconds:.3f}, size_hw={self.size_hw})"


@dataclass(frozen=True, eq=False)
class FlowField:
    """Optical flow from one frame to the next.

    Raises:
        ValueError: if `flow_pixels` is not (H, W, 2) float32 or holds NaN or infinities.
    """

    flow_pixels: NDArray[np.float32]
    """(H, W, 2) float32: (dx, dy) in pixels of this field's own size per frame interval."""

    def __post_init__(self) -> None:
        shape = self.flow_pixels.shape
        _require(self.flow_pixels.dtype == np.float32, f"flow must be float32, not {self.flow_pixels.dtype}")
        _require(len(shape) == 3 and shape[2] == 2 and min(shape) > 0, f"flow must be (H, W, 2), not {shape}")
        _require(bool(np.isfinite(self.flow_pixels).all()), "flow holds NaN or infinite values")

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.flow_pixels.shape[0], self.flow_pixels.shape[1]

    def __repr__(self) -> str:
        return f"FlowField(size_hw={self.size_hw})"


def _store(record: object, name: str, dtype: type[np.generic]) -> None:
    """Replace a field of a frozen record by the array that it stands for."""
    given = getattr(record, name)
    try:
        # Arrays of the type stay as they are, uncopied.
        object.__setattr__(record, name, np.asarray(given, dtype=dtype))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers, not {type(given).__name__}: {error}") from error


def _checked_map(name: str, values: Map, size_hw: tuple[int, int] | None = None) -> None:
    _require(values.dtype == np.float32 and values.ndim == 2, f"{name} must be (h, w) float32, not {values.shape}")
    _require(size_hw is None or values.shape == size_hw, f"{name} is {values.shape}, the density is {size_hw}")
    _require(bool(np.isfinite(values).all()), f"{name} holds NaN or infinite values")
    _require(bool(values.min() >= 0), f"{name} holds negative values")


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """Where viewers look in one frame.

    The model's maps are kept at its own size (h, w) and cover the whole frame; `density`, `appearance`, `motion` and
    `gate` are the same maps at the frame's size (H, W), made when they are first asked for.

    Raises:
        ValueError: if a map is not (h, w) float32, differs in size, is negative or is not finite.
    """

    frame: Frame
    map_density: Map
    """(h, w), sums to 1."""
    map_appearance: Map | None = None
    """(h, w), sums to 1: what the appearance stream alone says; None for a model of one stream."""
    map_motion: Map | None = None
    """(h, w), sums to 1: what the motion stream alone says; None for a model of one stream."""
    map_gate: Map | None = None
    """(h, w), 0…1: the share of appearance (the paper's P, eq. 1); None for a model of one stream."""
    flow: FlowField | None = None
    """Flow from the previous frame, where the model used it."""
    flow_against_scene: FlowField | None = None
    """The same flow with the camera's motion taken out, where the model used that."""
    starts_shot: bool = False
    """Whether the model forgot what came before: the first frame, and the first after a cut."""
    carried_seconds: tuple[float, ...] = ()
    """When the earlier frames were that the model still compares later ones with, however long ago that is; empty where
    that is told by its reach. Two runs that agree in this and in the maps go on alike."""

    def __post_init__(self) -> None:
        size_hw = self.map_density.shape
        _checked_map("density", self.map_density)
        for name, values in (("appearance", self.map_appearance), ("motion", self.map_motion), ("gate", self.map_gate)):
            if values is not None:
                _checked_map(name, values, (size_hw[0], size_hw[1]))

    @property
    def frame_index(self) -> int:
        """0-based position in the video."""
        return self.frame.index

    @property
    def time_seconds(self) -> float:
        """Presentation time from the start of the video."""
        return self.frame.time_seconds

    @cached_property
    def density(self) -> Map:
        """(H, W) float32, ≥ 0, sums to 1."""
        return resize_density(self.map_density, self.frame.size_hw)

    @cached_property
    def appearance(self) -> Map | None:
        """(H, W) float32, sums to 1: the appearance stream alone; None for a model of one stream."""
        return None if self.map_appearance is None else resize_density(self.map_appearance, self.frame.size_hw)

    @cached_property
    def motion(self) -> Map | None:
        """(H, W) float32, sums to 1: the motion stream alone; None for a model of one stream."""
        return None if self.map_motion is None else resize_density(self.map_motion, self.frame.size_hw)

    @cached_property
    def gate(self) -> Map | None:
        """(H, W) float32, 0…1: the share of appearance; `1 - gate` is the share of motion; None for one stream."""
        return None if self.map_gate is None else resize_map(self.map_gate, self.frame.size_hw)

    def overlay(self) -> RGB:
        """(H, W, 3) uint8: the heat map over the frame, as in `overlay.mp4`."""
        import gfsalnet  # the front door: what draws lies downstream of this record

        return gfsalnet.render.overlay(self.frame.rgb, self.map_density)

    def focus(self) -> RGB:
        """(H, W, 3) uint8: the frame where viewers look, dimmed where they do not."""
        import gfsalnet

        return gfsalnet.render.focus(self.frame.rgb, self.map_density)

    def to_saliency(self, scale: Literal["frame", "density", "log"] = "frame") -> Map:
        """The map (H, W) float32 in the values that another program wants.

        Args:
            scale: `frame`, 0…1 with 1 at the frame's peak; `density`, which sums to 1; `log`, its natural logarithm,
                at least -87 so that it stays finite.

        Raises:
            ValueError: if the scale is another.
        """
        if scale == "density":
            return self.density
        if scale == "log":
            # The least normal float32 in the place of 0: its logarithm is -87.3.
            return np.asarray(np.log(np.maximum(self.density, np.finfo(np.float32).tiny)), dtype=np.float32)
        _require(scale == "frame", f"scale must be frame, density or log, not {scale!r}")
        return np.asarray(self.density / self.density.max(), dtype=np.float32)

    def save(self, path: str | Path) -> Path:
        """Write this prediction to one file, by the ending of its name; the file appears whole or not at all.

        Args:
            path: `.png`, `.jpg`: the overlay; `.npy`: `density` (H, W) float32; `.npz`: `density` and, where the model
                has them, `appearance`, `motion` and `gate`, with `frame_index` and `time_seconds`.

        Returns:
            the path.

        Raises:
            ValueError: if the ending is another.
            OutputError: if the file cannot be written.
        """
        import gfsalnet

        return gfsalnet.render.save_prediction(self, Path(path))

    def __repr__(self) -> str:
        h, w = self.map_density.shape
        return f"Prediction(frame_index={self.frame_index}, time_seconds={self.time_seconds:.3f}, map_hw=({h}, {w}))"


@dataclass(frozen=True, eq=False, kw_only=True)
class Fixations:
    """Where people looked, in pixels of the original image or frame.

    Lists and arrays of any number type are taken, and kept as float32 and int64.

    Raises:
        ValueError: if the coordinates are no numbers, differ in count or are not finite, or the size is not positive.
    """

    x: NDArray[np.float32]
    """(N,) pixels, 0-based, to the right."""
    y: NDArray[np.float32]
    """(N,) pixels, 0-based, downwards."""
    size_wh: tuple[int, int]
    """Size of the picture the coordinates refer to; points may lie outside it."""
    subject: NDArray[np.int64] | None = None
    """(N,) which viewer; None where unknown."""

    def __post_init__(self) -> None:
        _store(self, "x", np.float32)
        _store(self, "y", np.float32)
        _require(self.x.ndim == 1 and self.x.shape == self.y.shape, f"x is {self.x.shape}, y is {self.y.shape}")
        _require(bool(np.isfinite(self.x).all() and np.isfinite(self.y).all()), "a fixation is NaN or infinite")
        if self.subject is not None:
            _store(self, "subject", np.int64)
            _require(self.subject.shape == self.x.shape, f"subject is {self.subject.shape}, x is {self.x.shape}")
        _require(
            len(self.size_wh) == 2 and min(self.size_wh) > 0,
            f"size_wh must be two positive numbers, not {self.size_wh}",
        )

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(N,) whether each point lies in the picture."""
        width, height = self.size_wh
        inside: NDArray[np.bool_] = (self.x >= 0) & (self.x < width) & (self.y >= 0) & (self.y < height)
        return inside

    def __repr__(self) -> str:
        viewers = "" if self.subject is None else f", viewers={len(np.unique(self.subject))}"
        return f"Fixations(n={len(self)}, size_wh={self.size_wh}{viewers})"


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """One picture with the gaze of its viewers: what every dataset reader yields."""

    name: str
    """Unique in its dataset, such as `osie/1001`."""
    frame: Frame
    fixations: Fixations
