"""Training: a typed recipe, one visible loop, checkpoints that resume to the same losses."""

from gfsalnet.training.distributed import is_main_process
from gfsalnet.training.loop import Epoch, Event, Note, Step, train
from gfsalnet.training.presets import read_recipe
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.report.ablation import AblationRun, ablate, ablation_rows, runs_of

__all__ = [
    "AblationRun",
    "Epoch",
    "Event",
    "Note",
    "Recipe",
    "Step",
    "ablate",
    "ablation_rows",
    "is_main_process",
    "read_recipe",
    "runs_of",
    "train",
]
