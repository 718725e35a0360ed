"""Objects in stores such as S3, through fsspec: which stores, what they say of an object, errors in one line.

Credentials come from where the store's own library looks for them (environment, files, the machine), never from an
address. Its retries are bounded: `AWS_MAX_ATTEMPTS` and `AWS_RETRY_MODE` set those of S3, `AWS_ENDPOINT_URL` names
another server that speaks S3.
"""

from __future__ import annotations

import datetime
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.door import reason
from gfsalnet.packages import needed_by

PACKAGE_OF = {"s3": "s3fs", "gs": "gcsfs"}
"""Scheme of an address → the package that speaks with its store."""
_CREDENTIALS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile of ~/.aws/credentials, or work "
    "on a machine that has a role",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run: gcloud auth application-default login",
}
"""How the store's own library is given what it needs to be let in."""
_AT_ONCE = 16
"""Transfers of the files of one folder."""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """What a store says of an object."""

    address: str
    size_bytes: int
    modified: datetime.datetime | None
    version: str
    """What tells this content from earlier and later ones."""


def is_object(address: str) -> bool:
    """Whether an address is that of an object in a store, or of several.

    >>> is_object("s3://bucket/clip.mp4"), is_object("https://example.org/clip.mp4")
    (True, False)
    """
    scheme, colon, _ = address.partition("://")
    return bool(colon) and scheme in PACKAGE_OF


def joined(address: str, *parts: str) -> str:
    """The address of what lies below another.

    >>> joined("s3://bucket/out/", "3fa", "summary.json")
    's3://bucket/out/3fa/summary.json'
    """
    return "/".join((address.rstrip("/"), *parts))


def describe(address: str, kind: type[GFSalNetError]) -> StoredObject:
    """Ask the store for an object.

    Raises:
        GFSalNetError: of that kind, if it is not there, or the store does not answer.
        MissingPackageError: if the store's package is not installed; so of all functions here.
    """
    with _speaking_with(address, kind) as store:
        return _stored(address, store.info(address))


def objects_under(address: str, kind: type[GFSalNetError]) -> Iterator[StoredObject]:
    """All objects whose addresses match a pattern, or lie below an address, or the one that has it; folder by folder.

    A folder is held in memory while it is listed, about 1 KB an object. Errors as `describe`.
    """
    scheme = address.partition("://")[0]
    with _speaking_with(address, kind) as store:
        if any(sign in address for sign in "*?["):
            for name, info in sorted(store.glob(address, detail=True).items()):
                if info["type"] == "file":
                    yield _stored(f"{scheme}://{name}", info)
            return
        if not address.endswith("/") and store.isfile(address):
            yield describe(address, kind)
            return
        empty = True
        for _, _, files in store.walk(address, detail=True):
            for info in sorted(files.values(), key=lambda info: str(info["name"])):
                empty = False
                if info["size"] or not info["name"].endswith("/"):  # not the mark of an empty folder
                    yield _stored(f"{scheme}://{info['name']}", info)
        if empty:
            raise FileNotFoundError(address)


def fetch(address: str, path: Path, kind: type[GFSalNetError]) -> None:
    """Store an object in a file; errors as `describe`, but an OSError if the disk is full."""
    with _speaking_with(address, kind) as store:
        store.get_file(address, str(path))


def open_object(address: str, kind: type[GFSalNetError]) -> Any:
    """An object as a binary file that is read from the store piece by piece, as needed; errors as `describe`."""
    with _speaking_with(address, kind) as store:
        return store.open(address, "rb", block_size=2**18, cache_type="readahead")


def read(address: str, kind: type[GFSalNetError]) -> bytes | None:
    """The bytes of an object, which is small; None if there is none. Errors as `describe`."""
    with _speaking_with(address, kind) as store:
        try:
            return bytes(store.cat_file(address))
        except FileNotFoundError:
            return None


def write(address: str, content: bytes, kind: type[GFSalNetError]) -> None:
    """Store an object; it appears whole. Errors as `describe`."""
    with _speaking_with(address, kind) as store:
        store.pipe_file(address, content)


def names_under(address: str, kind: type[GFSalNetError]) -> list[str]:
    """The names of the objects directly below an address, sorted; none if nothing is there. Errors as `describe`."""
    return _names(address, "file", kind)


def folders_under(address: str, kind: type[GFSalNetError]) -> list[str]:
    """The names directly below an address below which there are objects; otherwise as `names_under`."""
    return _names(address, "directory", kind)


def _names(address: str, what: str, kind: type[GFSalNetError]) -> list[str]:
    with _speaking_with(address, kind) as store:
        try:
            listed = store.ls(address, detail=True)
        except FileNotFoundError:
            return []
        return sorted(info["name"].rstrip("/").rpartition("/")[2] for info in listed if info["type"] == what)


def write_folder(folder: Path, address: str, last: str, kind: type[GFSalNetError]) -> None:
    """Store all files of a folder below an address, in place of all that is there, the one named `last` after the rest.

    Errors as `describe`; also if a file cannot be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path: path.relative_to(folder).as_posix() for path in files}
    with _speaking_with(address, kind) as store:
        before = [] if not store.exists(joined(address, last)) else store.find(address)
        if before:
            store.rm_file(joined(address, last))  # nothing is to lie under it that it does not describe
        rest = [path for path in files if names[path] != last]
        targets = [joined(address, names[path]) for path in rest]
        if rest:
            store.put([str(path) for path in rest], targets, batch_size=_AT_ONCE)
        # The store names objects without the scheme.
        kept = {target.partition("://")[2] for target in (*targets, joined(address, last))}
        for name in before:
            if name not in kept:
                store.rm_file(name)
        store.put_file(str(folder / last), joined(address, last))


def _stored(address: str, info: dict[str, Any]) -> StoredObject:
    if info["type"] != "file":
        raise IsADirectoryError(address)
    modified = info.get("LastModified") or info.get("mtime") or info.get("updated")
    if isinstance(modified, str):
        modified = datetime.datetime.fromisoformat(modified.replace("Z", "+00:00"))
    # S3 and Google Cloud Storage call it differently, and not all servers that speak S3 give one.
    tag = str(info.get("ETag") or info.get("etag") or info.get("md5Hash") or modified or "").strip('"')
    version = f"ETag {tag}, {info['size']} bytes"
    return StoredObject(address=address, size_bytes=int(info["size"]), modified=modified, version=version)


@contextmanager
def _speaking_with(address: str, kind: type[GFSalNetError]) -> Iterator[Any]:
    """The store of an address; whatever goes wrong with it inside becomes an error of that kind."""
    scheme, _, rest = address.partition("://")
    if "@" in rest.partition("/")[0]:
        remedy = "Give the store's library its credentials in the environment or a file of its own"
        raise kind(f"{scheme}://…", "an address holds no credentials here", remedy)
    with needed_by(f"{scheme}://"):
        import_module(PACKAGE_OF[scheme])
        import fsspec
    try:
        # Without its cache: another process may have written there since.
        yield fsspec.filesystem(scheme, use_listings_cache=False)
    except GFSalNetError:
        raise
    except FileNotFoundError as error:
        raise kind(address, "the store has nothing there", "Check the spelling, and whether it was removed.") from error
    except IsADirectoryError as error:
        raise kind(address, "it is a folder of the store, not an object", "Name an object in it.") from error
    except PermissionError as error:
        remedy = f"Check what the credentials allow that are found here, or give others: {_CREDENTIALS[scheme]}"
        raise kind(address, f"the store does not permit it ({reason(error)})", remedy) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # of this machine's disk
            raise
        raise _refused(address, error, kind) from error
    except Exception as error:  # each store's library has errors of its own
        raise _refused(address, error, kind) from error


def _refused(address: str, error: Exception, kind: type[GFSalNetError]) -> GFSalNetError:
    # Of botocore and google.auth alike, NoCredentialsError and DefaultCredentialsError among them.
    if "Credential" in type(error).__name__:
        return kind(address, f"no credentials are found ({reason(error)})", _CREDENTIALS[address.partition("://")[0]])
    remedy = "The same command goes on from there; if it is too much at once, run fewer at a time."
    return kind(address, f"the store does not do it ({reason(error)})", remedy)
