"""Packages that only a part of the program needs: what to say where one is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gfsalnet.errors import GFSalNetError

EXTRA_OF: Mapping[str, str] = {
    "torch": "torch",
    "pydantic": "torch",
    "safetensors": "torch",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "openvino": "openvino",
    "scipy": "scipy",
    "h5py": "mat",
    "pyarrow": "parquet",
    "s3fs": "s3",
    "gcsfs": "gs",
    "tensorboard": "train",
    "efficientnet_lite_pytorch": "teachers",
    "matplotlib": "plots",
    "opentimelineio": "otio",
    "ray": "scale",
    "fastapi": "serve",
    "uvicorn": "serve",
    "python_multipart": "serve",
}
"""Package → the extra that brings it."""
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"


class MissingPackageError(GFSalNetError, ImportError):
    """A package that this needs is not installed."""

    def __init__(self, package: str, what: str) -> None:
        extra = EXTRA_OF.get(package, package)
        remedy = f'Install it with: pip install "gfsalnet[{extra}]"'
        if extra in ("torch", "onnx", "train"):
            remedy += f" (without a GPU add --extra-index-url {CPU_WHEELS}, which spares gigabytes)"
        super().__init__(what, f"needs {package}, which is not installed", remedy)
        self.package, self.what = package, what

    # The parent's would give its three arguments to a class that takes two, where workers send errors pickled.
    def __reduce__(self) -> tuple[type[MissingPackageError], tuple[str, str]]:  # type: ignore[override]  # fewer arguments
        return type(self), (self.package, self.what)


def require(*packages: str, what: str) -> None:
    """Make sure that packages can be imported, without importing them.

    Args:
        packages: by the names that are imported.
        what: needs them, such as `training`.

    Raises:
        MissingPackageError: for the first that is missing.
    """
    for package in packages:
        if not is_installed(package):
            raise MissingPackageError(package, what)


def is_installed(package: str) -> bool:
    """Whether it could be imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:  # from who stands in the way of an import on purpose
        return False


@contextmanager
def needed_by(what: str) -> Iterator[None]:
    """Imports inside: one of an optional package that is missing becomes a `MissingPackageError` about `what`.

    Raises:
        MissingPackageError: in place of the `ModuleNotFoundError`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = missing_package(error)
        if package is None:
            raise
        raise MissingPackageError(package, what) from error


def missing_package(error: Exception) -> str | None:
    """The optional package that an import did not find; None for any other error."""
    if isinstance(error, MissingPackageError):
        return error.package
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return package if package in EXTRA_OF else None
