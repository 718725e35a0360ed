"""Weights as tensors: `.safetensors`, and PyTorch's own files without running what is in them."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.door import AGAIN, opening
from gfsalnet.limits import check_bytes

if TYPE_CHECKING:
    from torch import Tensor


def read_safetensors(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> dict[str, Tensor]:
    """The tensors by name. The format stores them as they are: they take no more memory than the file has bytes.

    Raises:
        GFSalNetError: of that kind, if it is missing or damaged.
    """
    from safetensors.torch import load_file

    with opening(path, "safetensors file", kind, remedy):
        path.open("rb").close()  # load_file reports a missing file in words of its own
        tensors: dict[str, Tensor] = load_file(path)
    return tensors


def read_torch(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> Any:
    """What `torch.save` wrote, if it is tensors, numbers, texts and containers of those.

    Raises:
        GFSalNetError: of that kind, if it is missing or damaged, or holds Python objects; those are never made.
    """
    import torch

    with opening(path, "PyTorch file", kind, remedy):
        _check_packed(path, kind)
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            _check_expanded(path, content, kind)
            return content
        except pickle.UnpicklingError as error:
            named = re.search(r"GLOBAL (\S+)", str(error))
            if named is None:
                raise
            problem = f"holds Python objects such as {named[1]}, which may run code as they are read; nothing was run"
            raise kind(path, problem, remedy) from error


def _check_packed(path: Path, kind: type[GFSalNetError]) -> None:
    """PyTorch stores tensors as they are, but reads packed ones too."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
        if unpacked > path.stat().st_size:
            check_bytes(path, unpacked, kind)


def _check_expanded(path: Path, content: Any, kind: type[GFSalNetError]) -> None:
    """A tensor may show the same few numbers any number of times; it is refused before anyone makes a copy of it."""
    import torch

    waiting, count = [content], 0
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, torch.Tensor):
            count += thing.numel() * thing.element_size()
        elif isinstance(thing, dict):
            waiting += thing.values()
        elif isinstance(thing, (list, tuple)):
            waiting += thing
    if count > 2 * path.stat().st_size:
        check_bytes(path, count, kind)
