"""Fetches the files of others in the browser's page from the npm registry, as src/gfsalnet/web/vendor.toml pins them.

    python .ci/fetch_vendor.py

Package and files are held against their digests; nothing is replaced unless all are right. It needs npm.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WEB = Path(__file__).resolve().parents[1] / "src" / "gfsalnet" / "web"


def main() -> None:
    """Fetch all packages."""
    pins = tomllib.loads((WEB / "vendor.toml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        fetched = {name: content for package, pin in pins.items() for name, content in files_of(package, pin, folder)}
    for name, content in fetched.items():
        (WEB / "page" / "vendor" / Path(name).name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")


def files_of(package: str, pin: dict[str, Any], folder: str) -> list[tuple[str, bytes]]:
    """The files of one package, by their names in it."""
    command = ["npm", "pack", "--silent", f"{package}@{pin['version']}"]
    said = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    archive = Path(folder, said.stdout.split()[-1])
    digest = hashlib.sha512(archive.read_bytes()).digest()
    require(pin["integrity"] == f"sha512-{base64.b64encode(digest).decode()}", package)
    found = []
    with tarfile.open(archive) as opened:
        for name, sha256 in pin["files"].items():
            member = opened.extractfile(f"package/{name}")
            content = b"" if member is None else member.read()
            require(hashlib.sha256(content).hexdigest() == sha256, f"{package}: {name}")
            found.append((name, content))
    return found


def require(holds: bool, what: str) -> None:
    """End with a sentence where a digest differs."""
    if not holds:
        sys.exit(f"{what} does not have the digest of vendor.toml")


if __name__ == "__main__":
    main()
