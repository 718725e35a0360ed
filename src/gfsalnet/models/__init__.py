"""Everything that turns frames into maps, behind one interface."""

from gfsalnet.models.base import SaliencyModel
from gfsalnet.models.registry import DEFAULT_MODEL, MODELS, list_models, load_model

__all__ = ["DEFAULT_MODEL", "MODELS", "SaliencyModel", "list_models", "load_model"]
