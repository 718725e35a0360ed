"""A model's folder, as far as it can be read without PyTorch: the names of its files, and its `config.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from gfsalnet.errors import WeightsError
from gfsalnet.formats.door import opening
from gfsalnet.formats.texts import read_json_object
from gfsalnet.network.config import NetworkConfig

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
GRAPH_FILE, INT8_FILE = "model.onnx", "int8.onnx"
"""Optional files: the network as a graph, which runs without PyTorch, in float32 and in 8 bits."""
ASK_SOURCE = "Take it again from where the weights came from, or use the version that wrote it."


def weights_hash(folder: Path) -> str:
    """What identifies a folder's weights in summaries and graphs: 16 hexadecimal digits.

    Raises:
        WeightsError: if there are none.
    """
    path = folder / WEIGHTS_FILE
    try:
        # 64 bits tell files apart; nothing here relies on them against forgery.
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except FileNotFoundError as error:
        raise WeightsError(path, "no such file", f"A model folder holds {CONFIG_FILE} and {WEIGHTS_FILE}.") from error
    except OSError as error:
        raise WeightsError(path, f"cannot be read ({error.strerror or error})", ASK_SOURCE) from error


def read_config(folder: Path) -> tuple[NetworkConfig, dict[str, Any]]:
    """The network's description, and everything else that `config.json` says.

    Raises:
        WeightsError: if the file is missing, is not JSON, or describes no network.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise WeightsError(path, "no such file", f"A model folder holds {CONFIG_FILE} and {WEIGHTS_FILE}.")
    about = read_json_object(path, WeightsError, ASK_SOURCE)
    with opening(path, "description of a network", WeightsError, ASK_SOURCE):
        # A description without the key is refused by `opening` like one that cannot be read.
        return _network_config(about.pop("network")), about


class _NotThisError(ValueError):
    """A value that the network's description cannot have."""


def _network_config(given: Mapping[str, Any]) -> NetworkConfig:
    """The fields of JSON, each checked against its type.

    Raises:
        _NotThisError: if a key is unknown or missing, or a value is of another type.
        ValueError: if the values do not go together.
    """
    # By hand and not by pydantic, which comes with the extra `torch`: graphs run without it.
    kinds = get_type_hints(NetworkConfig)
    known = {field.name: field for field in fields(NetworkConfig)}
    for name in given:
        if name not in known:
            raise _NotThisError(f"network.{name} is unknown")
    for name, field in known.items():
        if field.default is MISSING and name not in given:
            raise _NotThisError(f"network.{name} is missing")
    return NetworkConfig(**{name: _checked(value, kinds[name], f"network.{name}") for name, value in given.items()})


def _checked(value: Any, kind: Any, where: str) -> Any:
    """The value as its type has it: JSON's lists become tuples."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise _NotThisError(f"{where} is {value!r}, none of {', '.join(map(repr, get_args(kind)))}")
        return value
    if kind in (int, float, bool, str, NoneType):
        # Not isinstance: true would pass as an int.
        if type(value) is not kind:
            raise _NotThisError(f"{where} is {value!r}, no {kind.__name__}")
        return value
    if not isinstance(value, (list, tuple)):
        raise _NotThisError(f"{where} is {value!r}, no list")
    if hasattr(kind, "_fields"):  # a named tuple
        kinds = list(get_type_hints(kind).values())
    else:
        kinds = list(get_args(kind))
        if kinds[-1] is Ellipsis:
            kinds = [kinds[0]] * len(value)
    if len(value) != len(kinds):
        raise _NotThisError(f"{where} has {len(value)} values, not {len(kinds)}")
    items = [
        _checked(item, of_item, f"{where}.{index}")
        for index, (item, of_item) in enumerate(zip(value, kinds, strict=True))
    ]
    return kind(*items) if hasattr(kind, "_fields") else tuple(items)
