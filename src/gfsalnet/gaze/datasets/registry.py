"""Datasets by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gfsalnet.errors import DatasetError, RequestError
from gfsalnet.gaze.dataset import GazeDataset
from gfsalnet.gaze.datasets.avimos import AViMoS
from gfsalnet.gaze.datasets.dhf1k import DHF1K, DHF1KViewers
from gfsalnet.gaze.datasets.diem import DIEM
from gfsalnet.gaze.datasets.folder import Folder
from gfsalnet.gaze.datasets.hollywood2 import Hollywood2
from gfsalnet.gaze.datasets.ledov import LEDOV
from gfsalnet.gaze.datasets.meta import DIEMMeta, LEDOVMeta
from gfsalnet.gaze.datasets.osie import OSIE
from gfsalnet.gaze.datasets.salicon import SALICON
from gfsalnet.gaze.datasets.shards import Shards
from gfsalnet.gaze.datasets.ucf_sports import UCFSports
from gfsalnet.plugins import broken_plugin, load_plugin, plugin_names

_CLASSES: tuple[type[GazeDataset], ...] = (
    SALICON,
    UCFSports,
    Hollywood2,
    DHF1K,
    DHF1KViewers,
    DIEM,
    LEDOV,
    DIEMMeta,
    LEDOVMeta,
    AViMoS,
    OSIE,
    Folder,
    Shards,
)
DATASETS: Mapping[str, type[GazeDataset]] = {cls.name: cls for cls in _CLASSES}
"""Name → reader."""


class UnknownDatasetError(RequestError, DatasetError):
    """There is no reader of that name."""


def dataset_class(name: str) -> type[GazeDataset]:
    """The reader of that name; case, hyphens and blanks do not matter: `DHF1K`, `UCF Sports`, `hollywood2`.

    Raises:
        UnknownDatasetError: if there is no such dataset.
    """
    for known, cls in DATASETS.items():
        if _plain(known) == _plain(name):
            return cls
    # After our own: no package that happens to be installed can change what a known name reads.
    plugins = plugin_names("gfsalnet.datasets")
    for known, package in plugins.items():
        if _plain(known) == _plain(name):
            found = load_plugin("gfsalnet.datasets", known)
            if isinstance(found, type) and issubclass(found, GazeDataset):
                return found
            raise broken_plugin(known, package, TypeError(f"{found!r} is no GazeDataset"))
    raise UnknownDatasetError(f"dataset {name!r}", "is unknown", f"Use one of: {', '.join([*DATASETS, *plugins])}.")


def open_dataset(name: str, root: Path, split: str | None = None) -> GazeDataset:
    """A split of a dataset on disk.

    Args:
        name: one of `DATASETS`, or of a plug-in.
        root: the folder as the authors distribute it.
        split: one of the reader's `splits`; None: its `default_split`.

    Raises:
        DatasetError: if the name or the split is unknown, or the folder is not that dataset.
    """
    cls = dataset_class(name)
    return cls(Path(root), cls.default_split if split is None else split)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()
