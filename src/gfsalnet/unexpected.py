"""What nobody expected: one line for the user, and a report with all that a maintainer asks for."""

from __future__ import annotations

import json
import logging
import platform
import sys
import tempfile
import traceback
from datetime import datetime, timezone
from pathlib import Path

from gfsalnet.errors import GFSalNetError, OutputError
from gfsalnet.files import home, write_whole
from gfsalnet.packages import MissingPackageError, missing_package
from gfsalnet.urls import is_url, shown_url, without_secrets

log = logging.getLogger(__name__)

PACKAGES = (
    *("gfsalnet", "numpy", "av", "opencv-python-headless", "opencv-python", "onnxruntime", "safetensors", "typer"),
    *("torch", "openvino", "onnx", "onnxscript", "scipy", "h5py", "pyarrow", "pydantic"),
)
"""Whose versions a report gives."""


class UnexpectedError(GFSalNetError):
    """A fault of the program, or of something under it."""


def unexpected(where: object, error: BaseException) -> UnexpectedError:
    """The one line about an exception that should not have come, its report written.

    Args:
        where: the source or command that it happened to.
        error: as it was caught.
    """
    where = shown_url(str(where)) if is_url(str(where)) else where
    reason = without_secrets(str(error)).strip().splitlines()
    kind = type(error).__name__ + (f": {reason[0]}" if reason else "")
    report = _report(where, error)
    log.debug("%s", report)
    path = _written(report)
    remedy = "No report could be written" if path is None else f"The full report is in {path}: please pass it on"
    return UnexpectedError(where, f"failed in a way nobody foresaw ({kind})", remedy)


def one_line(where: object, error: Exception) -> str:
    """What to tell the user: a `GFSalNetError` speaks for itself, anything else is `unexpected`.

    A missing package that only a part of the program needs is named with what brings it.
    """
    if isinstance(error, GFSalNetError):
        return str(error)
    missing = missing_package(error)
    return str(MissingPackageError(missing, str(where)) if missing else unexpected(where, error))


def package_versions() -> dict[str, str]:
    """The packages of `PACKAGES` that are installed."""
    import importlib.metadata  # here, because every --help passes by

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _report(where: object, error: BaseException) -> str:
    about = {
        "when": datetime.now(timezone.utc).isoformat(),
        "what": str(where),
        "argv": [without_secrets(argument) for argument in sys.argv],
        "python": sys.version,
        "platform": platform.platform(),
        "versions": package_versions(),
    }
    return json.dumps(about, indent=2) + "\n\n" + without_secrets("".join(traceback.format_exception(error)))


def _written(report: str) -> Path | None:
    """Where the report lies: among the user's things, or, where nothing can be written there, in the system's place."""
    name = f"report-{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}.txt"
    for folder in (home() / "reports", Path(tempfile.gettempdir())):
        try:
            write_whole(folder / name, report.encode("utf-8", "backslashreplace"))
        except OutputError:
            continue
        return folder / name
    return None
