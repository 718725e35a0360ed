"""Weights files of Caffe, Keras 2 and Lasagne: one function a format.

Caffe's `.caffemodel` is a `NetParameter` message (caffe.proto of BVLC/caffe), Keras's file is HDF5, and Lasagne's is
what `np.savez` wrote of a list of arrays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import WeightsError
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.formats.hdf5 import open_hdf5
from gfsalnet.models.official_weights.wire import Message
from gfsalnet.packages import needed_by

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
    # Older files have their layers in another field; none has both.
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


def read_keras(path: Path) -> dict[str, NDArray[Any]]:
    """Every weight under its path, such as `conv1/conv1/kernel:0`; of a whole model without its optimiser.

    Raises:
        WeightsError: if the file is damaged, cut off or too large.
        MissingPackageError: if h5py is not installed.
    """
    with needed_by(str(path)):
        import h5py
    arrays: dict[str, NDArray[Any]] = {}
    with open_hdf5(path, WeightsError) as file:

        def keep(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                arrays[name] = file.array(item)

        file.root.get("model_weights", file.root).visititems(keep)
    return arrays


def read_lasagne(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays `arr_0`, `arr_1` and so on.

    Raises:
        WeightsError: if the file is damaged or too large, or an array holds Python objects.
    """
    return dict(ArrayArchive(path, WeightsError).read_all())
