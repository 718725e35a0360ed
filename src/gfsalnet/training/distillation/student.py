"""The light stream with how its scores are read in each domain, and the losses of what it then says."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gfsalnet.models.over_time import Reading
from gfsalnet.network.light import LightStream
from gfsalnet.training.distillation.batches import ViewBatch
from gfsalnet.training.distillation.clips import gaussian
from gfsalnet.training.distillation.config import DOMAINS, Domain, ReadingChange
from gfsalnet.training.distillation.teachers import log_density

CENTRE_HW = (15, 20)
"""Size of the grid of log odds that is stretched over a picture."""


class Student(nn.Module):
    """The stream, and for each domain a temperature and a centre of log odds.

    The two readings are one parameter each, with a row a domain, and no parameter goes without a gradient in a forward
    pass: several processes would wait for it.

    Args:
        stream: as it starts.
    """

    def __init__(self, stream: LightStream) -> None:
        super().__init__()
        self.appearance = stream
        self.log_temperature = nn.Parameter(torch.zeros(len(DOMAINS)))
        self.centre = nn.Parameter(torch.zeros(len(DOMAINS), 1, *CENTRE_HW))

    def forward(self, image_B3HW: Tensor, domain: Domain) -> Tensor:
        """(B, 3, H, W) in 0…1 → (B, H / 4, W / 4), log densities."""
        scores = self.appearance(image_B3HW).scores
        row = DOMAINS.index(domain)
        with torch.autocast(scores.device.type, enabled=False):  # exponents want more digits than bfloat16 has
            # The logarithm is learned, so that the temperature stays positive.
            scores = F.avg_pool2d(scores.float(), 4) * self.log_temperature[row].exp()
            # (1, 1, 15, 20): the slice keeps the axis that `interpolate` wants.
            centre = self.centre[row : row + 1]
            centre = F.interpolate(centre, scores.shape[-2:], mode="bilinear", align_corners=False)
            return log_density((scores + centre)[:, 0])

    @torch.no_grad()
    def reading(self, domain: Domain, change: ReadingChange) -> Reading:
        """How prediction reads the stream's maps, with what is changed by hand."""
        row = DOMAINS.index(domain)
        temperature = change.softer * float(self.log_temperature[row].exp())
        learned = self.centre[row, 0].double().cpu().numpy()
        centre = change.softer * learned + change.centre * gaussian(CENTRE_HW)
        # Log odds count but for a constant, and a thousandth of one is nothing.
        rounded = (centre - centre.mean()).round(3).tolist()
        return Reading(temperature=round(temperature, 4), centre=tuple(map(tuple, rounded)), areas=change.areas)


class ViewLosses:
    """Sums over the views of a batch, (): KL to the teachers; KL and NSS to people, over the views that have some.

    Args:
        log_maps_BHW: what the student says, log densities.
        batch: of the same size.
    """

    def __init__(self, log_maps_BHW: Tensor, batch: ViewBatch) -> None:
        teacher = batch.teacher
        self.to_teacher = (teacher.exp() * (teacher - log_maps_BHW)).sum()
        self.to_people = self.nss = log_maps_BHW.new_zeros(())
        people = with_people(batch)
        if bool(people.any()):
            density, found, fixations = batch.density[people], log_maps_BHW[people], batch.fixations[people]
            self.to_people = (density * (density.clamp(min=1e-30).log() - found)).sum()
            saliency = found.exp().flatten(1)
            # The small number: a flat map has no deviation to divide by.
            z = (saliency - saliency.mean(1, keepdim=True)) / (saliency.std(1, keepdim=True) + 1e-9)
            self.nss = ((z * fixations.flatten(1)).sum(1) / fixations.sum((1, 2))).sum()


def with_people(batch: ViewBatch) -> Tensor:
    """(B,) bool: the views in which somebody looked somewhere."""
    return batch.density.sum((1, 2)) > 0
