"""Sources of the maps to score: a model that makes them, or files that hold them (see `map_files`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gfsalnet.device import threads
from gfsalnet.gaze import GazeDataset

if TYPE_CHECKING:
    from gfsalnet.models import SaliencyModel

AnyMap = NDArray[np.generic]
"""(h, w), any real dtype and positive scale."""


@dataclass(frozen=True)
class VideoMaps:
    """The maps of one video."""

    maps: Iterator[tuple[int, AnyMap]]
    """Frame index and map, ascending, for the frames asked for that have one."""
    notes: list[str] = field(default_factory=list)
    """Messages for the user, such as on surplus maps."""


class MapSource(Protocol):
    """Anything that can be evaluated. Workers receive it pickled."""

    @property
    def name(self) -> str:
        """The row's name in tables."""

    def describe(self) -> dict[str, Any]:
        """Everything that changes its maps, as JSON values."""

    def ready(self) -> AbstractContextManager[object]:
        """Entered once in each process before the first map is asked for."""

    def identity(self, dataset: GazeDataset, video: str) -> dict[str, Any]:
        """JSON values that change when the maps of this video change after they were scored."""

    def maps(self, dataset: GazeDataset, video: str, wanted: Collection[int]) -> VideoMaps:
        """The maps (h, w) of the wanted frames, of any size and positive scale.

        Raises:
            GFSalNetError: here or from the iterator, if this video cannot be predicted or its maps cannot be used.
        """


class ModelSource:
    """A model run over the dataset's frames; one thread per process, so that scores do not depend on workers.

    Args:
        model: a name or folder for `load_model`, or a model; with workers, one that can be pickled.
        device: for a name or folder.
        backend: for a name or folder.
    """

    def __init__(self, model: str | Path | SaliencyModel, device: str = "auto", backend: str = "reference") -> None:
        self._given, self._device, self._backend = model, device, backend
        self._loaded: SaliencyModel | None = None

    @property
    def model(self) -> SaliencyModel:
        """The model, loaded when it is first asked for.

        Raises:
            GFSalNetError: if it cannot be loaded.
        """
        if not isinstance(self._given, (str, Path)):
            return self._given
        if self._loaded is None:
            from gfsalnet.models import load_model

            self._loaded = load_model(self._given, device=self._device, backend=self._backend, threads=1)
        return self._loaded

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_loaded": None}  # each process loads its own copy

    @property
    def name(self) -> str:
        """The model's name, and the backend that runs it if another than the reference was asked for."""
        ran_by = "" if self._backend == "reference" else self.model.backend_name
        return f"{self.model.name} ({ran_by})" if ran_by else self.model.name

    def describe(self) -> dict[str, Any]:
        """The model's own description."""
        return {"model": self.model.describe()}

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Load the model, and limit PyTorch, if it was imported, to one thread until the end."""
        _ = self.model
        with threads(1, opencv=False):
            yield

    def identity(self, dataset: GazeDataset, video: str) -> dict[str, Any]:
        """A model does not change between videos."""
        return {}

    def maps(self, dataset: GazeDataset, video: str, wanted: Collection[int]) -> VideoMaps:
        """Densities (h, w) at the model's map size; every frame up to the last wanted one is predicted, as models may
        remember."""
        return VideoMaps(self._predicted(dataset, video, wanted))

    def _predicted(self, dataset: GazeDataset, video: str, wanted: Collection[int]) -> Iterator[tuple[int, AnyMap]]:
        last = max(wanted)
        # Closed early, too: the model's threads and the reader end with the last wanted frame.
        with closing(iter(self.model.stream(dataset.frames(video)))) as predictions:  # type: ignore[type-var]  # a generator in every model
            for prediction in predictions:
                if prediction.frame_index in wanted:
                    yield prediction.frame_index, prediction.map_density
                if prediction.frame_index >= last:
                    return
