"""Flow from the inside of the appearance stream: its features of two frames, compared cell by cell.

Two cost volumes, at 1/8 of the picture over ±3 cells and at 1/4 over ±1 for what is slower than a cell; a few
convolutions make a field at 1/4 of them. Features of the frame before are kept, so that each frame's are made once,
and those are a by-product of the saliency map.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gfsalnet.backends.stored import StoredNetwork
from gfsalnet.models.registry import MODELS
from gfsalnet.network.folder import read_config
from gfsalnet.network.folding import folded

FINE, COARSE = 24, 32
"""Channels of the stem at 1/4 and 1/8."""
REACH_FINE, REACH_COARSE = 1, 3
SHARP_FINE, SHARP_COARSE = (3.0, 10.0), (20.0, 60.0)
"""How much more a shift counts that costs less."""
CELL = 4.0
"""Pixels of the network's picture."""


class Stem(nn.Module):
    """The first blocks of the shipped appearance stream; not trained."""

    def __init__(self) -> None:
        super().__init__()
        folder = MODELS["gfsalnet-mobile"].folder
        stream = folded(StoredNetwork(folder, read_config(folder)[0], None).network).appearance
        self.register_buffer("mean", stream.mean)
        self.register_buffer("std", stream.std)
        self.blocks = stream.backbone.features[:7]

    @torch.no_grad()
    def forward(self, rgb_BHW3: Tensor) -> tuple[Tensor, Tensor]:
        """(B, H, W, 3) uint8 → (B, 24, H/4, W/4) and (B, 32, H/8, W/8)."""
        x, fine = (rgb_BHW3.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std, None
        for index, block in enumerate(self.blocks):
            x = block(x)
            fine = x if index == 3 else fine
        return fine, x


def cost_volume(before: Tensor, now: Tensor, reach: int) -> Tensor:
    """(B, (2 reach + 1)² + 1, h, w): squared differences to every cell around, over their mean; its logarithm last."""
    height, width = now.shape[-2:]
    padded = F.pad(now, [reach] * 4, mode="replicate")
    shifts = range(2 * reach + 1)
    moved = (padded[..., y : y + height, x : x + width] for y in shifts for x in shifts)
    costs = torch.cat([(other - before).square().mean(1, True) for other in moved], 1)
    mean = costs.mean(1, True) + 1e-3
    return torch.cat((costs / mean, mean.log()), 1)


def likely_shift(costs: Tensor, reach: int, window: int, sharpness: float) -> Tensor:
    """(B, 2, h, w): the mean shift in cells, each weighted by how little it costs around here."""
    around = F.avg_pool2d(F.pad(costs[:, :-1], [window // 2] * 4, mode="replicate"), window, 1)
    weights = (-sharpness * around).softmax(1).unflatten(1, (2 * reach + 1, 2 * reach + 1))
    cells = torch.arange(-reach, reach + 1, dtype=costs.dtype, device=costs.device)[:, None, None]
    return torch.stack(((weights.sum(1) * cells).sum(1), (weights.sum(2) * cells).sum(1)), 1)


class CorrelationFlow(nn.Module):
    """Stem features of a frame and of the one before it → flow from that, (B, 2, H/4, W/4), in cells of this grid.

    What the fine costs say by themselves is where it starts; the convolutions learn what to add.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(FINE, 16, 1), nn.Conv2d(COARSE, 24, 1)
        fine = 2 * ((2 * REACH_FINE + 1) ** 2 + 1) + 2 * len(SHARP_FINE)
        coarse = (2 * REACH_COARSE + 1) ** 2 + 1 + 2 * len(SHARP_COARSE)
        self.body = nn.Sequential(
            *(nn.Conv2d(4 * fine + coarse, 64, 1), nn.ReLU()),
            *(nn.Conv2d(64, width, 3, 1, 1), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, 1, 1), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, 1, 1), nn.ReLU()),
        )
        self.last = nn.Conv2d(width, 8, 3, 1, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]) -> Tensor:
        """Each (B, 24, H/4, W/4) and (B, 32, H/8, W/8)."""
        fine = cost_volume(before[0], now[0], REACH_FINE)
        shifts = [likely_shift(fine, REACH_FINE, 7, sharpness) for sharpness in SHARP_FINE]
        learned = cost_volume(self.fine(before[0]), self.fine(now[0]), REACH_FINE)
        coarse = cost_volume(self.coarse(before[1]), self.coarse(now[1]), REACH_COARSE)
        far = [likely_shift(coarse, REACH_COARSE, 3, sharpness) for sharpness in SHARP_COARSE]
        cells = torch.cat((F.pixel_unshuffle(torch.cat((fine, learned, *shifts), 1), 2), coarse, *far), 1)
        return shifts[-1] + F.pixel_shuffle(self.last(self.body(cells)), 2)
