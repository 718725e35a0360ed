"""What is timed: a model by name, and what it sees of the film that the program draws."""

from __future__ import annotations

import torch

from gfsalnet.backends import Pictures, make_backend
from gfsalnet.demo import draw_frame
from gfsalnet.flow import make_estimator
from gfsalnet.models import MODELS
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.registry import stored_network
from gfsalnet.network import GFSalNet
from gfsalnet.types import Frame

PAPER = "gfsalnet"


def network_of(name: str) -> GFSalNet:
    """A model's network; the paper's, where no weights are here, with random ones, which take as long.

    Raises:
        WeightsError: if the model is unknown.
    """
    if name == PAPER and not MODELS[PAPER].ready:
        torch.manual_seed(0)
        return GFSalNet().eval()
    stored, _ = stored_network(name)
    return stored.network


def pictures_for(network: GFSalNet) -> Pictures:
    """A batch of one: what its streams see of a frame of the drawn film in which something moves."""
    model = GFSalNetModel(
        network.config,
        make_backend("torch", network),
        name="",
        weights_hash="",
        estimator=make_estimator("dis", preset="fast"),
        flow_scale_pixels=8.0,
    )
    film = [Frame(draw_frame(second), index=index) for index, second in enumerate((1.0, 1.04))]
    *_, last = model.pictures(film)
    return tuple(picture[None] for picture in last)
