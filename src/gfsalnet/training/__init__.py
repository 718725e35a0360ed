"""Training: a typed recipe, one visible loop, checkpoints that resume to the same losses."""

from gfsalnet.training.loop import Epoch, Step, train
from gfsalnet.training.recipe import Recipe, read_recipe

__all__ = ["Epoch", "Recipe", "Step", "read_recipe", "train"]
