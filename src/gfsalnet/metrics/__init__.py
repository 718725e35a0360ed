"""The field's metrics as pure functions on arrays.

On fixations: `auc_judd`, `auc_borji`, `auc_shuffled`, `nss`, `information_gain`, of (saliency_HW, fixation_map_HW, …).
On densities: `cc`, `sim`, `kldiv`, `emd`, of (saliency_HW, density_HW).

All take (H, W) arrays of any dtype and positive scale and return a float. What is undefined is NaN, never a number:
predictions that hold NaN or infinity, constant or zero maps, frames without fixations. The defaults follow the MIT
benchmark's definitions; `PROTOCOLS` holds what other implementations compute. `PreparedMap` and `PreparedFixations`
stand for arrays wherever one is used more than once.
"""

from __future__ import annotations

from gfsalnet.metrics.auc import auc_borji, auc_judd, auc_shuffled
from gfsalnet.metrics.distribution import cc, kldiv, sim
from gfsalnet.metrics.emd import emd
from gfsalnet.metrics.ground_truth import GroundTruth
from gfsalnet.metrics.location import information_gain, nss
from gfsalnet.metrics.maps import PreparedFixations, PreparedMap
from gfsalnet.metrics.protocols import PAPER_METRICS, PROTOCOLS, Protocol

__all__ = [
    "PAPER_METRICS",
    "PROTOCOLS",
    "GroundTruth",
    "PreparedFixations",
    "PreparedMap",
    "Protocol",
    "auc_borji",
    "auc_judd",
    "auc_shuffled",
    "cc",
    "emd",
    "information_gain",
    "kldiv",
    "nss",
    "sim",
]
