"""One optimiser step: pieces of a batch in, gradients of the whole batch's loss, the weights moved, the average too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gfsalnet.errors import RecipeError
from gfsalnet.network import GFSalNet, Maps, saliency_loss
from gfsalnet.network.loss import Frames, defined_frames, gate_frames, gate_loss
from gfsalnet.training.checkpoint import TrainingState
from gfsalnet.training.data.batches import Batch
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.recipe import LossWeights, Optimiser, Recipe

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Losses(NamedTuple):
    """Of one step, over its whole batch."""

    total: float
    kl: float
    nss: float
    """Of the fused map, as the loss: lower is better."""


def make_optimiser(network: GFSalNet, how: Optimiser) -> Optimizer:
    """Parameters grouped by rate and decay; a frozen stream is left out and no longer asks for gradients."""
    backbones = {id(p) for stream in (network.appearance, network.motion) if stream for p in stream.trunk.parameters()}
    appearance = {id(p) for p in network.appearance.parameters()} if network.appearance is not None else set()
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        rate = how.learning_rate * (how.backbone_factor if id(parameter) in backbones else 1)
        rate *= how.appearance_factor if id(parameter) in appearance else 1
        parameter.requires_grad_(rate > 0)
        if rate > 0:
            decay = how.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    kind = torch.optim.AdamW if how.kind == "adamw" else torch.optim.Adam
    return kind([{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()])


def make_schedule(optimiser: Optimizer, how: Optimiser, total_steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """The rate of every group over the run, as a factor of its own."""
    warm = max(how.warm_up * total_steps, 1)

    def factor_of(rate: float) -> Callable[[int], float]:
        def factor(step: int) -> float:
            if how.schedule == "step":
                lowest = min(how.floor / rate, 1)
                return min((step + 1) / warm, 1) * max(how.step_factor ** (step // how.step_every), lowest)
            through = min(max(step - warm, 0) / max(total_steps - warm, 1), 1)
            return min((step + 1) / warm, 1) * (0.505 + 0.495 * math.cos(math.pi * through))

        return factor

    factors = [factor_of(group["lr"]) for group in optimiser.param_groups]
    return torch.optim.lr_scheduler.LambdaLR(optimiser, factors)


def to_training_mode(network: GFSalNet, recipe: Recipe) -> None:
    """Training, but for batch-norms that keep their statistics and a stream that is frozen."""
    network.train()
    if network.appearance is not None and recipe.optimiser.appearance_factor == 0:
        network.appearance.eval()
    if recipe.freeze_batch_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """The recipe's precision for the network's arithmetic."""
    dtype = _PRECISIONS[recipe.precision]
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def train_step(state: TrainingState, pieces: Sequence[Batch], recipe: Recipe, ranks: Ranks) -> Losses:
    """Forward and backward piece by piece, then one update.

    Every piece divides by the frames of the whole step, over all pieces and processes: the gradient is that of the
    undivided batch, also where frames without gaze are spread unevenly.

    Raises:
        RecipeError: if the loss or the gradient is not a number; the weights have not been moved then.
    """
    own, still, gated = _frames_of_step(pieces, ranks)
    sums = torch.zeros(3, dtype=torch.float64, device=ranks.device)
    state.optimiser.zero_grad(set_to_none=True)
    for number, piece in enumerate(pieces):
        batch = piece.to(ranks.device)
        with ranks.no_sync(state.ddp_model, unless=number == len(pieces) - 1):
            with autocast(recipe, ranks.device):
                maps = state.ddp_model(batch.rgb.float() / 255, batch.flow_image.float() / 255)
            losses = _losses(maps, batch, recipe.loss, own, still, gated)
            # Several processes average their gradients; the loss is a sum over them.
            state.scaler.scale(losses[0] * ranks.world).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        sums += losses.detach()
    step = Losses(*ranks.sum(sums.tolist()))
    _update(state, recipe, math.isfinite(step.total))
    return step


def _frames_of_step(pieces: Sequence[Batch], ranks: Ranks) -> tuple[Frames, Frames, float]:
    """For how many frames of the whole step the losses of the fused map, the appearance stream and the gate count."""
    own = [defined_frames(piece.density, piece.fixations) for piece in pieces]
    still = [defined_frames(piece.still_density, piece.still_fixations) for piece in pieces]
    counts = [sum(column) for columns in (own, still) for column in zip(*columns, strict=True)]
    counts.append(sum(int(gate_frames(piece.motion_share, piece.density).sum()) for piece in pieces))
    counts = ranks.sum(counts)
    return Frames(*counts[:2]), Frames(*counts[2:4]), counts[4]


def _losses(maps: Maps, batch: Batch, weights: LossWeights, own: Frames, still: Frames, gated: float) -> Tensor:
    """(3,): total, KL and NSS."""
    factors = weights.alpha, weights.beta
    fused = saliency_loss(maps.saliency, batch.density, batch.fixations, *factors, own)
    total = fused.total
    if weights.streams and maps.appearance is not None and maps.motion is not None:
        appearance = saliency_loss(maps.appearance, batch.still_density, batch.still_fixations, *factors, still)
        motion = saliency_loss(maps.motion, batch.density, batch.fixations, *factors, own)
        total = total + weights.streams * (appearance.total + motion.total)
    if weights.gate and maps.gate is not None:
        total = total + weights.gate * gate_loss(maps.gate, batch.motion_share, batch.density, gated)
    return torch.stack((total, fused.kl, fused.nss))


def _update(state: TrainingState, recipe: Recipe, is_finite: bool) -> None:
    state.scaler.unscale_(state.optimiser)
    longest = recipe.optimiser.clip_norm or math.inf
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), longest)
    # In float16 the scaler looks after gradients that overflow.
    if not is_finite or not (state.scaler.is_enabled() or torch.isfinite(norm)):
        raise RecipeError(recipe.name, "the loss is no longer a number", "Lower optimiser.learning_rate and run again.")
    state.scaler.step(state.optimiser)
    state.scaler.update()
    state.schedule.step()
    if recipe.optimiser.ema_decay:
        update_ema(state, recipe.optimiser.ema_decay)


@torch.no_grad()
def update_ema(state: TrainingState, decay: float) -> None:
    """Move the average towards the network; faster at first, when the start still weighs too much."""
    steps = state.schedule.last_epoch
    decay = min(decay, (1 + steps) / (10 + steps))
    for average, current in zip(state.ema.parameters(), state.network.parameters(), strict=True):
        average.lerp_(current, 1 - decay)
    for kept, statistic in zip(state.ema.buffers(), state.network.buffers(), strict=True):
        kept.copy_(statistic)
