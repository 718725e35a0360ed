"""Models by name: what there is, what is ready, and how to load one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gfsalnet.backends import AUTO, REFERENCE, StoredNetwork, make_backend
from gfsalnet.backends.base import StreamName
from gfsalnet.device import resolve_device
from gfsalnet.errors import GFSalNetError, RequestError, WeightsError
from gfsalnet.files import is_path
from gfsalnet.flow import FlowEstimator, make_estimator
from gfsalnet.formats.door import opening
from gfsalnet.models.base import SaliencyModel
from gfsalnet.models.entry import ModelEntry
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.official_weights.store import model_of, notes_of
from gfsalnet.models.over_time import OverTime
from gfsalnet.models.published.entries import PUBLISHED
from gfsalnet.network.folder import CONFIG_FILE, WEIGHTS_FILE, read_config, weights_hash
from gfsalnet.plugins import broken_plugin, load_plugin, plugin_names

if TYPE_CHECKING:
    from gfsalnet.models.classical.base import ClassicalModel
    from gfsalnet.models.published.base import PublishedModel

DEFAULT_MODEL = "gfsalnet-mobile"
_CODE_ALONE = "Apache-2.0"
_STREAMS: tuple[StreamName, ...] = ("appearance", "motion")


MODELS: Mapping[str, ModelEntry] = {
    entry.name: entry
    for entry in (
        ModelEntry(
            "gfsalnet-mobile",
            "a light appearance stream, motion against the camera, a gate and a short memory, about 320x256",
            "Apache-2.0; began as UNISAL (Apache-2.0), taught by gaze (MIT) and by other networks",
            parameters=3_192_531,
            megabytes=6.7,
        ),
        ModelEntry(
            "gfsalnet-mobile@1",
            "the first one: the paper's blocks on MobileNetV2, both streams and the gate, about 320x256",
            "Apache-2.0; trained on OSIE, Crowd and Scene (MIT), and on motion composed from them",
            parameters=4_876_885,
            megabytes=9.8,
        ),
        ModelEntry(
            "gfsalnet",
            "the paper's two-stream network on ResNet-50, 640x480",
            "Apache-2.0 (code)",
            "Train your own (gfsalnet train), and give its folder as the model. The authors' weights (project page "
            "https://hucvl.github.io/GFSalNet/, folder "
            "https://drive.google.com/drive/folders/1N-7Qoin0Dgiq1aElvdNltlMZOfMqsjJN) have not been available to us: "
            "if you have the file, please report what `gfsalnet weights keys FILE` prints",
            parameters=67_367_479,
        ),
        ModelEntry(
            "pqft",
            "phase spectrum of a quaternion Fourier transform (Guo and Zhang 2010); no training",
            _CODE_ALONE,
            classical="gfsalnet.models.classical.pqft:PQFT",
        ),
        ModelEntry(
            "fang2014",
            "spatial and temporal saliency weighed by uncertainty (Fang et al. 2014), re-implemented; no training",
            _CODE_ALONE,
            classical="gfsalnet.models.classical.fang2014:Fang2014",
        ),
        ModelEntry(
            "aws-d",
            "dynamic adaptive whitening saliency (Leboran et al. 2017), re-implemented; no training",
            _CODE_ALONE,
            classical="gfsalnet.models.classical.aws_d:AWSD",
        ),
        ModelEntry(
            "centre-bias",
            "a fixed Gaussian in the middle (Clarke and Tatler 2014); no training",
            _CODE_ALONE,
            classical="gfsalnet.models.classical.centre_bias:CentreBias",
        ),
        *PUBLISHED,
    )
}


def list_models(*, ready: bool = False) -> list[str]:
    """The names that `load_model` takes; a model's folder and `NAME:appearance` or `:motion` come on top.

    Args:
        ready: only those whose weights are there, or that need none.
    """
    ours = [name for name, entry in MODELS.items() if entry.ready or (entry.weights_published and not ready)]
    return ours + [name for name in plugin_names("gfsalnet.models") if name not in MODELS]


def load_model(
    name: str | Path = DEFAULT_MODEL,
    *,
    device: str = "auto",
    flow: str | FlowEstimator | None = None,
    flow_settings: Mapping[str, Any] | None = None,
    keep_flow: bool = False,
    backend: str = REFERENCE,
    every: int = 1,
    threads: int | None = None,
    centre_bias: float = 1.0,
    lookahead: int = 0,
) -> SaliencyModel:
    """A model that is ready to predict.

    Args:
        name: a name of `MODELS`, that of a plug-in, or a folder with `config.json` and `model.safetensors`. With
            `:appearance` or `:motion` after it: that stream alone, as the paper's "Spatial" and "Temporal" (Table I).
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; a model without weights runs on the CPU all the same.
        flow: an estimator or its name, as `make_estimator` takes it; None: what the model was trained with, or DIS. The
            name of what it was trained with means its settings too.
        flow_settings: such as `size_wh`, to be used instead of the estimator's own; not with an estimator that is made.
        keep_flow: compute flow also for a model that does not need it, to pass it on with the predictions.
        backend: what runs a GFSalNet: one of `gfsalnet.backends.BACKENDS`, `auto` for the fastest on this machine, or
            `reference`: float32 by ONNX Runtime where the model has a graph, else by PyTorch.
        every: predict every Nth frame and interpolate the maps between; for a GFSalNet alone.
        centre_bias: strength of the centre that a model has learned; 1: as learned, 0: none. For one that knows it.
        lookahead: how many later frames each map may take in, for a model with a memory; each frame waits for them.
        threads: of the network on a CPU; None: one less than there are cores, or all of them for a heavy network.

    Raises:
        WeightsError: if the model is unknown, has no weights, or they are damaged or of another architecture.
        MissingPackageError: if a package is not installed.
        RequestError: if device, estimator or backend is unknown, or `backend` or `every` is not for this model.
        GFSalNetError: if the device or the backend is missing.
    """
    place, stream = _split(str(name))
    make = _maker_of_other(place, device, stream, backend, every)
    over_time = _over_time(place, stream) if make is None else None
    if over_time is None:
        _require_no_maps_over_time(name, centre_bias, lookahead)
    if make is not None:
        return make(flow, flow_settings or {}, keep_flow)
    network, about = stored_network(name if over_time is None else place)  # of which those streams are no part
    needs_flow = network.config.streams != "appearance" or (over_time is not None and over_time.gate is not None)
    trained_with, scale_pixels, estimator = _flow_of(about, flow, flow_settings or {})
    return GFSalNetModel(
        network.config,
        make_backend(backend, network, resolve_device(device), threads=threads),
        name=about.get("name", network.folder.name) + (f":{stream}" if stream else ""),
        weights_hash=network.weights,
        estimator=estimator if keep_flow or needs_flow else None,
        trained_with=trained_with,
        flow_scale_pixels=scale_pixels,
        every=every,
        over_time=over_time,
        centre_strength=centre_bias,
        shown=None if over_time is None else stream,
        lookahead=lookahead,
    )


def _require_no_maps_over_time(name: str | Path, centre_bias: float, lookahead: int) -> None:
    if centre_bias != 1:
        raise RequestError(name, "has no centre of its own whose strength could be set", "Leave the centre bias out")
    if lookahead:
        raise RequestError(name, "has no memory that could look ahead", "Leave the lookahead out")


def _flow_of(
    about: Mapping[str, Any], flow: str | FlowEstimator | None, flow_settings: Mapping[str, Any]
) -> tuple[FlowEstimator, float | None, FlowEstimator]:
    """What a model was trained with, the speed in full colour, and the estimator to use."""
    where = Path(str(about.get("name") or "config.json"))
    # What the folder says of flow: any of it may be of another type than the estimator takes.
    with opening(where, "description of the flow that a model was trained with", WeightsError):
        settings: dict[str, Any] = {"estimator": "dis", **(about.get("flow") or {})}
        scale_pixels, trained_name = settings.pop("scale_pixels", None), settings.pop("estimator")
        trained_with = make_estimator(trained_name, **settings)
    flow = flow or trained_name
    own = settings if isinstance(flow, str) and flow.partition(":")[0] == trained_name else {}
    return trained_with, scale_pixels, _estimator(flow, {**own, **flow_settings})


def _over_time(place: str, stream: StreamName | None) -> OverTime | None:
    """What a folder's `config.json` says of maps over time, without motion for the appearance stream alone.

    Raises:
        WeightsError: if there is no such folder, or it says something unknown.
    """
    folder = _folder(place)
    _, about = read_config(folder)
    tree = about.get("over_time")
    if tree is None:
        return None
    how = OverTime.from_json(tree, folder / CONFIG_FILE)
    return replace(how, gate=None) if stream == "appearance" else how


def stored_network(name: str | Path) -> tuple[StoredNetwork, dict[str, Any]]:
    """The network of a GFSalNet, not yet loaded, and what else its `config.json` says.

    Args:
        name: as for `load_model`, of a model in the package or a folder.

    Raises:
        WeightsError: if there is no such folder, or its `config.json` describes no network.
    """
    place, stream = _split(str(name))
    if _maker_of_other(place, "cpu") is not None:
        raise WeightsError(name, "is no GFSalNet", f"Use {DEFAULT_MODEL}, or a folder that training wrote")
    folder = _folder(place)
    config, about = read_config(folder)
    return StoredNetwork(folder, config, stream), about


Maker: TypeAlias = "Callable[[str | FlowEstimator | None, Mapping[str, Any], bool], SaliencyModel]"


def _maker_of_other(
    place: str, device: str, stream: StreamName | None = None, backend: str = AUTO, every: int = 1
) -> Maker | None:
    """What makes a model that is no GFSalNet: one without training, or a compared one with its weights in a folder.

    What is for GFSalNets alone is refused before its class, and PyTorch with it, is imported.
    """
    entry = MODELS.get(place)
    if entry is not None and not entry.is_gfsalnet:
        _require_plain(place, stream, backend, every)
    if entry is not None and entry.classical:
        resolve_device(device)
        return partial(_classical_model, entry.classical_class())
    if entry is None and not (Path(place) / CONFIG_FILE).is_file() and place in plugin_names("gfsalnet.models"):
        _require_plain(place, stream, backend, every)
        return partial(_plugin_model, load_plugin("gfsalnet.models", place), place, device)
    folder = _folder(place)
    name = model_of(folder)
    if name is None:
        return None
    _require_plain(place, stream, backend, every)
    entry = MODELS.get(name)
    if entry is None or not entry.network:
        known = ", ".join(entry.name for entry in PUBLISHED)
        raise WeightsError(folder, f"holds weights of {name!r}, which is unknown", f"Known are: {known}")
    return partial(_published_model, entry.network_class(), folder, device)


def _plugin_model(
    factory: Callable[..., Any],
    name: str,
    device: str,
    flow: str | FlowEstimator | None,
    settings: Mapping[str, Any],
    keep_flow: bool,
) -> SaliencyModel:
    """What another package makes; `keep_flow` asks in vain where the model itself estimates none."""
    if flow is not None or settings:
        raise RequestError(name, "is a plug-in and takes no flow estimator", "Leave the flow out")
    package = plugin_names("gfsalnet.models")[name]
    try:
        model = factory(device=resolve_device(device))
    except GFSalNetError:
        raise
    except Exception as error:  # the code of others may fail in any way
        raise broken_plugin(name, package, error) from error
    if not isinstance(model, SaliencyModel):
        raise broken_plugin(name, package, TypeError(f"it makes a {type(model).__name__} and no SaliencyModel"))
    return model


def _classical_model(
    kind: type[ClassicalModel], flow: str | FlowEstimator | None, settings: Mapping[str, Any], keep_flow: bool
) -> SaliencyModel:
    estimator = _estimator(flow or kind.default_flow, settings)
    return kind(estimator if keep_flow or kind.needs_flow else None)


def _published_model(
    kind: type[PublishedModel],
    folder: Path,
    device: str,
    flow: str | FlowEstimator | None,
    settings: Mapping[str, Any],
    keep_flow: bool,
) -> SaliencyModel:
    from gfsalnet.network.weights import read_state

    estimator = _estimator(flow or kind.default_flow, settings)
    return kind(
        read_state(folder / WEIGHTS_FILE),
        weights_hash=weights_hash(folder),
        device=resolve_device(device),
        estimator=estimator if keep_flow or kind.needs_flow else None,
        settings=notes_of(folder).get("settings"),
    )


def _require_plain(name: str, stream: str | None, backend: str = AUTO, every: int = 1) -> None:
    """Streams, backends and gaps between predictions are for GFSalNets."""
    if stream is not None:
        raise NoGFSalNetError(name, f"has no {stream} stream", "Leave it out")
    if backend not in (AUTO, REFERENCE, "torch"):
        raise RequestError(name, f"does not run on {backend}", "Leave the backend out")
    if every > 1:
        raise RequestError(name, "predicts every frame", "Leave out --every, or choose a GFSalNet")


def _estimator(flow: str | FlowEstimator, settings: Mapping[str, Any]) -> FlowEstimator:
    return make_estimator(flow, **settings) if isinstance(flow, str) else flow


def _split(name: str) -> tuple[str, StreamName | None]:
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
    check_model_name(name)
    problem = f"holds no {CONFIG_FILE}" if folder.is_dir() else "is no folder"
    raise WeightsError(name, problem, f"Give a model's folder, or one of: {', '.join(_known())}.")


def _known() -> list[str]:
    """All names, those of plug-ins last."""
    return [*MODELS, *(name for name in plugin_names("gfsalnet.models") if name not in MODELS)]


class UnknownModelError(RequestError, WeightsError):
    """There is no model of that name."""


def check_model_name(name: str) -> None:
    """Whether `load_model` knows the name, or it can be a path; nothing is loaded.

    Raises:
        UnknownModelError: if it is neither a known name nor a path, and no such file or folder is in the current one.
        RequestError: if the model has no such stream.
    """
    place, stream = _split(name)
    if _is_other(place):
        _require_plain(place, stream)
    elif place not in MODELS and not is_path(place) and not Path(place).exists():
        remedy = f"Use one of: {', '.join(_known())}; or a model's folder."
        raise UnknownModelError(name, "is no known model and no folder", remedy)


def _is_other(name: str) -> bool:
    """Whether it is the name of a model that is no GFSalNet: one of ours, or a plug-in's."""
    return not MODELS[name].is_gfsalnet if name in MODELS else name in plugin_names("gfsalnet.models")


class NoGFSalNetError(RequestError, WeightsError):
    """The model is not of the one architecture."""


def check_network_name(name: str) -> None:
    """As `check_model_name`, of what has to be a GFSalNet.

    Raises:
        UnknownModelError: as there.
        NoGFSalNetError: if it is the name of another model.
    """
    check_model_name(name)
    place, _ = _split(name)
    if _is_other(place):
        raise NoGFSalNetError(name, "is no GFSalNet", f"Use {DEFAULT_MODEL}, or a folder that training wrote")


def may_have_gate(name: str | Path) -> bool:
    """Whether predictions of a model come with a gate; of its folder only `config.json` is read.

    Of a plug-in that is not known before it is loaded: it may.

    Raises:
        WeightsError: if the model is unknown, has no weights, or its `config.json` describes no network.
    """
    place, stream = _split(str(name))
    if place not in MODELS and not (Path(place) / CONFIG_FILE).is_file() and place in plugin_names("gfsalnet.models"):
        return True
    folder = _folder(place)
    if not (folder / CONFIG_FILE).is_file() or model_of(folder) is not None:
        return False
    over_time = _over_time(place, stream)
    if over_time is not None and over_time.gate is not None and stream is None:
        return True
    config = StoredNetwork(folder, read_config(folder)[0], stream if over_time is None else None).config
    return config.streams == "both" and config.fusion == "gated"
