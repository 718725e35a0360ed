"""Models by name: what there is, what is ready, and how to load one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gfsalnet.device import resolve_device
from gfsalnet.errors import WeightsError
from gfsalnet.flow import FlowEstimator, make_estimator
from gfsalnet.models.base import SaliencyModel
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.network.weights import CONFIG_FILE, WEIGHTS_FILE, load_network, single_stream

SHIPPED = Path(__file__).parent / "weights"
"""Model folders inside the package."""
DEFAULT_MODEL = "gfsalnet-mobile"
_STREAMS: tuple[Literal["appearance"], Literal["motion"]] = ("appearance", "motion")


@dataclass(frozen=True)
class ModelEntry:
    """One row of `gfsalnet models`."""

    name: str
    what: str
    licence: str
    how_to_get: str
    """For a model whose weights are not in the package."""

    @property
    def folder(self) -> Path:
        """Where its weights lie if they are in the package."""
        return SHIPPED / self.name

    @property
    def ready(self) -> bool:
        """Whether it can be used at once."""
        return (self.folder / WEIGHTS_FILE).is_file()


MODELS: Mapping[str, ModelEntry] = {
    entry.name: entry
    for entry in (
        ModelEntry(
            "gfsalnet-mobile",
            "the paper's blocks on MobileNetV2; appearance stream only for now (the paper's “Spatial” model)",
            "Apache-2.0; trained on OSIE, Crowd and Scene (MIT)",
            "",
        ),
        ModelEntry(
            "gfsalnet",
            "the paper's two-stream network on ResNet-50, 640x480",
            "Apache-2.0 (code)",
            "The authors' weights are of an unknown format. Train your own, and give its folder as the model.",
        ),
    )
}


def load_model(
    name: str | Path,
    *,
    device: str = "auto",
    flow: str | FlowEstimator | None = None,
    flow_settings: Mapping[str, Any] | None = None,
    keep_flow: bool = False,
) -> SaliencyModel:
    """A model that is ready to predict.

    Args:
        name: a name of `MODELS`, or a folder with `config.json` and `model.safetensors`. With `:appearance` or
            `:motion` after it: that stream alone, the paper's "Spatial" and "Temporal" models (Table I).
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        flow: an estimator or its name; None: what the model was trained with, or DIS. The name of what it was trained
            with means its settings too.
        flow_settings: such as `size_wh`, to be used instead of the estimator's own; not with an estimator that is made.
        keep_flow: compute flow also for a model without a motion stream, to pass it on with the predictions.

    Raises:
        WeightsError: if the model is unknown, has no weights here, or they are damaged or of another architecture.
        GFSalNetError: if the device is not here or the estimator unknown.
    """
    place, stream = _split(str(name))
    folder = _folder(place)
    network, about = load_network(folder)
    if stream is not None:
        network = single_stream(network, stream)
    settings: dict[str, Any] = {"estimator": "dis", **(about.get("flow") or {})}
    scale_pixels, trained_name = settings.pop("scale_pixels", None), settings.pop("estimator")
    trained_with = make_estimator(trained_name, **settings)
    if flow is None or isinstance(flow, str):
        own = settings if flow in (None, trained_name) else {}
        flow = make_estimator(flow or trained_name, **{**own, **(flow_settings or {})})
    return GFSalNetModel(
        network,
        name=about.get("name", folder.name) + (f":{stream}" if stream else ""),
        weights_hash=hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()[:16],
        estimator=flow if keep_flow or network.motion is not None else None,
        trained_with=trained_with,
        flow_scale_pixels=scale_pixels,
        device=resolve_device(device),
    )


def _split(name: str) -> tuple[str, Literal["appearance", "motion"] | None]:
    """The model and the stream that is meant; a colon in a path is left alone."""
    for stream in _STREAMS:
        if name.endswith(f":{stream}"):
            return name.removesuffix(f":{stream}"), stream
    return name, None


def _folder(name: str) -> Path:
    entry = MODELS.get(name)
    if entry is not None:
        if not entry.ready:
            raise WeightsError(name, "has no weights in the package", entry.how_to_get)
        return entry.folder
    folder = Path(name)
    if (folder / CONFIG_FILE).is_file():
        return folder
    known = ", ".join(MODELS)
    if folder.is_dir():
        raise WeightsError(name, f"holds no {CONFIG_FILE}", f"Give a folder that training wrote, or one of: {known}.")
    raise WeightsError(
        name, "is no known model and no folder", f"Use one of: {known}; or a folder that training wrote."
    )
