"""Everything that turns frames into maps, behind one interface."""

from gfsalnet.models.base import SaliencyModel
from gfsalnet.models.registry import DEFAULT_MODEL, MODELS, check_model_name, list_models, load_model, may_have_gate

__all__ = ["DEFAULT_MODEL", "MODELS", "SaliencyModel", "check_model_name", "list_models", "load_model", "may_have_gate"]
