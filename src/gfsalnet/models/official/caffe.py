"""Weights files of Caffe: a `NetParameter` message, `.caffemodel` (caffe.proto of BVLC/caffe)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.models.official.wire import Message

# Field numbers of caffe.proto.
_LAYERS, _LAYER_NAME, _LAYER_BLOBS = 100, 1, 7
_OLD_LAYERS, _OLD_LAYER_NAME, _OLD_LAYER_BLOBS = 2, 4, 6
_DATA, _SHAPE, _SHAPE_DIM = 5, 7, 1
_OLD_SHAPE = (1, 2, 3, 4)


def read_caffe(path: Path) -> dict[str, NDArray[Any]]:
    """Every blob of every layer, as `layer/0`, `layer/1`; float32, (out, in, height, width) for convolutions.

    Raises:
        ValueError: if the file is damaged or cut off.
    """
    net = Message(memoryview(path.read_bytes()))
    layers = [(Message(data), _LAYER_NAME, _LAYER_BLOBS) for data in net.parts(_LAYERS)]
    layers += [(Message(data), _OLD_LAYER_NAME, _OLD_LAYER_BLOBS) for data in net.parts(_OLD_LAYERS)]
    return {
        f"{b''.join(layer.parts(name)).decode()}/{position}": _blob(Message(data))
        for layer, name, blobs in layers
        for position, data in enumerate(layer.parts(blobs))
    }


def _blob(blob: Message) -> NDArray[np.float32]:
    shapes = [Message(shape).numbers(_SHAPE_DIM) for shape in blob.parts(_SHAPE)]
    shape = shapes[0] if shapes else [blob.number(axis) for axis in _OLD_SHAPE]
    if not shapes and shape[:3] == [1, 1, 1]:  # a bias, when every blob had four axes
        shape = shape[3:]
    return np.frombuffer(b"".join(blob.parts(_DATA)), "<f4").reshape(shape)
