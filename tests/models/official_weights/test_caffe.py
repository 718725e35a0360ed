"""Caffe's weights, written here byte by byte after caffe.proto."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from written_by_hand import number, part, varint

from gfsalnet.errors import WeightsError
from gfsalnet.models.official_weights.read import read_official

RNG = np.random.default_rng(0)
KERNEL, BIAS = RNG.normal(size=(4, 3, 5, 2)).astype("f4"), RNG.normal(size=4).astype("f4")


def blob(values: NDArray[np.float32], packed: bool = True) -> bytes:
    dims = b"".join(varint(side) for side in values.shape)
    data = values.astype("<f4").tobytes()
    floats = part(5, data) if packed else b"".join(b"\x2d" + data[at : at + 4] for at in range(0, len(data), 4))
    gradients = part(6, bytes(len(data)))
    return floats + gradients + part(7, part(1, dims))


def old_blob(values: NDArray[np.float32]) -> bytes:
    axes = (1,) * (4 - values.ndim) + values.shape
    dims = b"".join(number(field, side) for field, side in enumerate(axes, 1))
    return dims + part(5, values.astype("<f4").tobytes())


def layer(name: str, *blobs: bytes) -> bytes:
    texts = part(1, name.encode()) + part(2, b"Convolution") + part(3, b"below") + part(4, b"above")
    return part(100, texts + b"".join(part(7, content) for content in blobs))


def old_layer(name: str, *blobs: bytes) -> bytes:
    texts = part(2, b"below") + part(3, b"above") + part(4, name.encode()) + number(5, 4)
    return part(2, texts + b"".join(part(6, content) for content in blobs))


def net(*layers: bytes) -> bytes:
    return part(1, b"STSConvNet") + part(3, b"data") + number(4, 240) + number(5, 1) + b"".join(layers)


def read(path: Path, content: bytes) -> dict[str, NDArray[np.float32]]:
    path = path / "net.caffemodel"
    path.write_bytes(content)
    return read_official(path)


def test_blobs_of_layers(tmp_path: Path) -> None:
    content = net(layer("conv1", blob(KERNEL), blob(BIAS)), layer("relu1"), layer("conv1_b", blob(2 * KERNEL, False)))
    arrays = read(tmp_path, content)
    assert list(arrays) == ["conv1/0", "conv1/1", "conv1_b/0"]
    np.testing.assert_array_equal(arrays["conv1/0"], KERNEL)
    np.testing.assert_array_equal(arrays["conv1/1"], BIAS)
    np.testing.assert_array_equal(arrays["conv1_b/0"], 2 * KERNEL)
    assert arrays["conv1/0"].dtype == np.float32


def test_layers_of_old_files(tmp_path: Path) -> None:
    """A bias with four axes becomes one; a kernel of one map in and out keeps its own."""
    single = RNG.normal(size=(1, 1, 8, 8)).astype("f4")
    arrays = read(
        tmp_path, net(old_layer("conv1", old_blob(KERNEL), old_blob(BIAS)), old_layer("up", old_blob(single)))
    )
    np.testing.assert_array_equal(arrays["conv1/0"], KERNEL)
    np.testing.assert_array_equal(arrays["conv1/1"], BIAS)
    np.testing.assert_array_equal(arrays["up/0"], single)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = net(layer("conv1", blob(KERNEL), blob(BIAS)))
    for content in (whole[:-1], whole[:200], whole[:30], b"#!/bin/sh\n", whole + b"\x0f"):
        with pytest.raises(WeightsError, match="not a readable"):
            read(tmp_path, content)


def test_a_blob_whose_size_is_not_its_shape_is_refused(tmp_path: Path) -> None:
    wrong = part(5, KERNEL.tobytes()) + part(7, part(1, varint(7)))
    with pytest.raises(WeightsError, match=r"not a readable.*reshape"):
        read(tmp_path, net(layer("conv1", wrong)))


def test_a_net_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no weights"):
        read(tmp_path, net(layer("relu1")))
