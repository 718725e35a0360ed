"""The training loss (Sec. IV-B, eqs. 4–6): KL divergence plus NSS, safe on frames without gaze and on empty maps."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

EPSILON = 1e-7
"""Added to every pixel before a map is normalised, so that an all-zero map counts as uniform."""


class Frames(NamedTuple):
    """How many frames of a batch each part of the loss is defined for."""

    kl: float
    """Frames whose density is not empty."""
    nss: float
    """Frames that have fixations."""


class Loss(NamedTuple):
    """Scalars, each a mean over the frames of the batch for which it is defined."""

    total: Tensor
    kl: Tensor
    nss: Tensor
    """Eq. 5: the negative of the NSS metric."""


def _normalised(maps_B1HW: Tensor) -> Tensor:
    # Float32 under autocast too: in 16 bits a sum over a map loses the faint places.
    maps_BN = maps_B1HW.float().flatten(1) + EPSILON
    return maps_BN / maps_BN.sum(1, keepdim=True)


def defined_frames(density_B1HW: Tensor, fixations_B1HW: Tensor) -> Frames:
    """What the means of the losses divide by."""
    return Frames(int((density_B1HW.flatten(1).sum(1) > 0).sum()), int((fixations_B1HW.flatten(1) > 0).any(1).sum()))


def _mean_where(values_B: Tensor, defined_B: Tensor, frames: float | None) -> Tensor:
    """Mean over the defined frames; zero, with a gradient of zero, where none is."""
    # Multiplied and not indexed: without any defined frame every weight still gets a gradient, of zero, for which the
    # processes of a distributed run wait.
    return (values_B * defined_B).sum() / (defined_B.sum().clamp(min=1) if frames is None else max(frames, 1))


def kl_loss(saliency_B1HW: Tensor, density_B1HW: Tensor, frames: float | None = None) -> Tensor:
    """Eq. 4: Σ S log(S / P), both maps normalised to sum 1; mean over the frames whose density is not empty.

    Args:
        saliency_B1HW: P, not negative, any scale.
        density_B1HW: S, not negative, any scale.
        frames: what the sum over the frames is divided by: those of the whole batch where this is a piece of it. None:
            those of this one.
    """
    density_BN = density_B1HW.float().flatten(1)
    mass_B1 = density_BN.sum(1, keepdim=True)
    density_BN = density_BN / mass_B1.clamp(min=EPSILON)
    # 0 log 0 = 0: the clamp only touches pixels without mass
    divergence_B = (density_BN * (density_BN.clamp(min=1e-30).log() - _normalised(saliency_B1HW).log())).sum(1)
    return _mean_where(divergence_B, mass_B1[:, 0] > 0, frames)


def nss_loss(saliency_B1HW: Tensor, fixations_B1HW: Tensor, frames: float | None = None) -> Tensor:
    """Eq. 5: -1/N Σ (P - µ)/σ · F, σ over N - 1 as in the metric; mean over the frames that have fixations.

    Args:
        saliency_B1HW: P, any scale.
        fixations_B1HW: F, 1 where someone looked and 0 elsewhere.
        frames: as for `kl_loss`.
    """
    saliency_BN, fixations_BN = _normalised(saliency_B1HW), fixations_B1HW.float().flatten(1)
    # Relative to the mean, so that the guard against a constant map does not depend on the map's size.
    saliency_BN = saliency_BN * saliency_BN.shape[1] - 1
    scores_BN = saliency_BN / (saliency_BN.var(1, keepdim=True) + EPSILON).sqrt()
    count_B = fixations_BN.sum(1)
    return _mean_where(-(scores_BN * fixations_BN).sum(1) / count_B.clamp(min=1), count_B > 0, frames)


def gate_loss(
    gate_B1HW: Tensor, motion_share_B1HW: Tensor, density_B1HW: Tensor, frames: float | None = None
) -> Tensor:
    """Cross-entropy between 1 - P (eq. 1) and how far motion draws the looks; the paper has no such loss.

    The fused map alone does not tell the gate what to say where both streams agree, or where nobody looks.

    Args:
        gate_B1HW: P, 0…1.
        motion_share_B1HW: 0…1, NaN where unknown; such places do not count.
        density_B1HW: where looks fall, not negative: a place counts by its share of them.
        frames: what the sum over the frames is divided by, as for `kl_loss`; None: the frames in which it is known.
    """
    gate_BN, share_BN = gate_B1HW.float().flatten(1), motion_share_B1HW.float().flatten(1)
    known_BN = ~torch.isnan(share_BN)
    # NaN times a weight of 0 would still be NaN.
    share_BN = share_BN.nan_to_num()
    # A sigmoid reaches 0 and 1 in 16 bits, where the logarithm is infinite.
    gate_BN = gate_BN.clamp(EPSILON, 1 - EPSILON)
    entropy_BN = -(share_BN * (1 - gate_BN).log() + (1 - share_BN) * gate_BN.log())
    weights_BN = density_B1HW.float().flatten(1) * known_BN
    weights_BN = weights_BN / weights_BN.sum(1, keepdim=True).clamp(min=EPSILON)
    return _mean_where((entropy_BN * weights_BN).sum(1), gate_frames(motion_share_B1HW, density_B1HW), frames)


def gate_frames(motion_share_B1HW: Tensor, density_B1HW: Tensor) -> Tensor:
    """(B,) bool: whether looks fall on a place whose share of motion is known."""
    return ((density_B1HW > 0) & ~torch.isnan(motion_share_B1HW)).flatten(1).any(1)


def saliency_loss(
    saliency_B1HW: Tensor,
    density_B1HW: Tensor,
    fixations_B1HW: Tensor,
    alpha: float = 1.0,
    beta: float = 0.1,
    frames: Frames | None = None,
) -> Loss:
    """Eq. 6: α · KL + β · NSS with the paper's weights; `frames` as for `kl_loss`."""
    kl = kl_loss(saliency_B1HW, density_B1HW, frames and frames.kl)
    nss = nss_loss(saliency_B1HW, fixations_B1HW, frames and frames.nss)
    return Loss(alpha * kl + beta * nss, kl, nss)
