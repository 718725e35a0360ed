"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def _known_backend(name: str) -> str:
    """The name, or exit status 2."""
    from gfsalnet.backends import AUTO, BACKENDS

    if name not in (AUTO, *BACKENDS):
        raise typer.BadParameter(f"{name} is none of {AUTO}, {', '.join(BACKENDS)}")
    return name


DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
BackendOption = Annotated[
    str,
    typer.Option(
        callback=_known_backend,
        help="What runs a GFSalNet: torch (float32, the reference), torch-bf16, torch-fp16, onnxruntime, "
        "onnxruntime-int8, openvino, openvino-bf16, openvino-int8, or auto: the fastest that is installed.",
    ),
]
