"""The training loss (Sec. IV-B, eqs. 4–6): KL divergence plus NSS, safe on frames without gaze and on empty maps."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

EPSILON = 1e-7
"""Added to every pixel before a map is normalised, so that an all-zero map counts as uniform."""


class Loss(NamedTuple):
    """Scalars, each a mean over the frames of the batch for which it is defined."""

    total: Tensor
    kl: Tensor
    nss: Tensor
    """Eq. 5: the negative of the NSS metric."""


def _normalised(maps_B1HW: Tensor) -> Tensor:
    maps_BN = maps_B1HW.float().flatten(1) + EPSILON
    return maps_BN / maps_BN.sum(1, keepdim=True)


def _mean_where(values_B: Tensor, defined_B: Tensor) -> Tensor:
    """Mean over the defined frames; zero, with a gradient of zero, where none is."""
    return (values_B * defined_B).sum() / defined_B.sum().clamp(min=1)


def kl_loss(saliency_B1HW: Tensor, density_B1HW: Tensor) -> Tensor:
    """Eq. 4: Σ S log(S / P), both maps normalised to sum 1; mean over the frames whose density is not empty.

    Args:
        saliency_B1HW: P, not negative, any scale.
        density_B1HW: S, not negative, any scale.
    """
    density_BN = density_B1HW.float().flatten(1)
    mass_B1 = density_BN.sum(1, keepdim=True)
    density_BN = density_BN / mass_B1.clamp(min=EPSILON)
    # 0 log 0 = 0: the clamp only touches pixels without mass
    divergence_B = (density_BN * (density_BN.clamp(min=1e-30).log() - _normalised(saliency_B1HW).log())).sum(1)
    return _mean_where(divergence_B, mass_B1[:, 0] > 0)


def nss_loss(saliency_B1HW: Tensor, fixations_B1HW: Tensor) -> Tensor:
    """Eq. 5: -1/N Σ (P - µ)/σ · F, σ over N - 1 as in the metric; mean over the frames that have fixations.

    Args:
        saliency_B1HW: P, any scale.
        fixations_B1HW: F, 1 where someone looked and 0 elsewhere.
    """
    saliency_BN, fixations_BN = _normalised(saliency_B1HW), fixations_B1HW.float().flatten(1)
    # Relative to the mean, so that the guard against a constant map does not depend on the map's size.
    saliency_BN = saliency_BN * saliency_BN.shape[1] - 1
    scores_BN = saliency_BN / (saliency_BN.var(1, keepdim=True) + EPSILON).sqrt()
    count_B = fixations_BN.sum(1)
    return _mean_where(-(scores_BN * fixations_BN).sum(1) / count_B.clamp(min=1), count_B > 0)


def saliency_loss(
    saliency_B1HW: Tensor, density_B1HW: Tensor, fixations_B1HW: Tensor, alpha: float = 1.0, beta: float = 0.1
) -> Loss:
    """Eq. 6: α · KL + β · NSS with the paper's weights."""
    kl, nss = kl_loss(saliency_B1HW, density_B1HW), nss_loss(saliency_B1HW, fixations_B1HW)
    return Loss(alpha * kl + beta * nss, kl, nss)
