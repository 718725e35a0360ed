"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def _known_backend(name: str) -> str:
    """The name, or exit status 2."""
    from gfsalnet.backends import AUTO, BACKENDS, REFERENCE

    known = (AUTO, REFERENCE, *BACKENDS)
    if name not in known:
        raise typer.BadParameter(f"{name} is none of {', '.join(known)}")
    return name


DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
BackendOption = Annotated[
    str,
    typer.Option(
        callback=_known_backend,
        help="What runs a GFSalNet: torch, torch-bf16, torch-fp16, onnxruntime, onnxruntime-int8, openvino, "
        "openvino-bf16, openvino-int8; auto: the fastest that is installed; or reference: float32, whatever else "
        "is installed.",
    ),
]
