"""UNISAL's weights as the start of a light stream: its static path, computed the same."""

from __future__ import annotations

from gfsalnet.network.light import DOMAINS, LightStream, make_up_for_attention
from gfsalnet.network.weights import State, load_strictly

_DATASETS = {"still": "SALICON", "video": "DHF1K"}
"""What UNISAL calls the data that taught it a domain."""
_PLACES = {
    "cnn.": "trunk.",
    "post_cnn.inv_res.": "main.",
    "skip_2x.": "merge2.skip.",
    "upsampling_2.inv_res.": "merge2.fuse.",
    "skip_4x.": "merge1.skip.",
    "post_upsampling_2.inv_res.": "merge1.fuse.",
}


def start_from_unisal(stream: LightStream, state: State) -> None:
    """Load UNISAL's weights under their official names; the attention lets all through, and nothing moves the centre.

    The recurrence and the domains of the other datasets are left out.

    Raises:
        WeightsError: if they are of another architecture.
    """
    fresh = LightStream().state_dict()
    kept = ("spatial_attention.", "channel_attention.", "centre.", "log_temperature.")
    start = {key: value for key, value in fresh.items() if key.startswith(kept)}
    for key, value in state.items():
        name = _renamed(key)
        if name is not None:
            start[name] = value
    load_strictly(stream, start, "UNISAL")
    make_up_for_attention(stream)


def _renamed(key: str) -> str | None:
    """The stream's name of a UNISAL weight; None if it has no use for it."""
    for domain in DOMAINS:
        dataset = _DATASETS[domain]
        lower = dataset.lower()
        own = {
            f"coarse_gaussians_{lower}": f"priors.{domain}",
            f"smoothing_{lower}.weight": f"smoothing.{domain}",
            f"adaptation_{lower}.0.weight": f"score.{domain}.weight",
            f"adaptation_{lower}.0.bias": f"score.{domain}.bias",
        }
        if key in own:
            return own[key]
        key = key.replace(f".bn_{dataset}.", f".{domain}.")
    if ".bn_" in key:
        return None
    for theirs, ours in _PLACES.items():
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    return None


