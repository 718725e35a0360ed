"""UNISAL's weights as the start of a light stream: its static path, computed the same."""

from __future__ import annotations

from typing import Literal

from gfsalnet.network.light import LightStream, make_up_for_attention
from gfsalnet.network.weights import State, load_strictly

_PLACES = {
    "cnn.": "backbone.",
    "post_cnn.inv_res.": "main.",
    "skip_2x.": "merge2.skip.",
    "upsampling_2.inv_res.": "merge2.fuse.",
    "skip_4x.": "merge1.skip.",
    "post_upsampling_2.inv_res.": "merge1.fuse.",
}


def start_from_unisal(stream: LightStream, state: State, domain: Literal["DHF1K", "SALICON"] = "DHF1K") -> None:
    """Load UNISAL's weights under their official names, without its recurrence; the attention lets all through.

    Args:
        stream: whose weights are replaced.
        state: of UNISAL.
        domain: the data whose norms, priors, score and smoothing are taken: those of its videos or of its photographs.

    Raises:
        WeightsError: if they are of another architecture.
    """
    attention = ("spatial_attention.", "channel_attention.")
    # UNISAL has no such attention: it starts open, so that the stream says what UNISAL's static path says.
    start = {key: value for key, value in LightStream().state_dict().items() if key.startswith(attention)}
    for key, value in state.items():
        name = _renamed(key, domain)
        if name is not None:
            start[name] = value
    load_strictly(stream, start, "UNISAL")
    make_up_for_attention(stream)


def _renamed(key: str, domain: str) -> str | None:
    """The stream's name of a UNISAL weight; None if it has no use for it."""
    lower = domain.lower()
    own = {
        f"coarse_gaussians_{lower}": "priors",
        f"smoothing_{lower}.weight": "smoothing.kernel",
        f"adaptation_{lower}.0.weight": "score.weight",
        f"adaptation_{lower}.0.bias": "score.bias",
    }
    if key in own:
        return own[key]
    # UNISAL keeps a batch-norm for each dataset.
    key = key.replace(f".bn_{domain}.", ".")
    # The norms of the other datasets.
    if ".bn_" in key:
        return None
    for theirs, ours in _PLACES.items():
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    return None
