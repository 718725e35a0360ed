"""What a source is called at scale: its URI, the id made of it, and what follows from the id.

Nothing but the URI decides: not the place in a list, not the time, not the machine. So shards never overlap, and a
source that is found again keeps its result.
"""

from __future__ import annotations

import hashlib
import os
from urllib.parse import quote, unquote_to_bytes

from gfsalnet.errors import SourceError
from gfsalnet.object_store import is_object
from gfsalnet.urls import is_url, shown_url

ID_DIGITS, PREFIX_DIGITS = 20, 3
"""Hexadecimal digits. Of a billion sources no two are likely to share an id; a million make 4096 folders of 250."""
_FILE = "file://"


def id_of(uri: str) -> str:
    """The id of a source.

    >>> id_of("/data/clip.mp4")
    '5624f91ebd1d3c2ea7e7'
    """
    return hashlib.sha256(uri.encode()).hexdigest()[:ID_DIGITS]


def result_path(source_id: str) -> str:
    """Where its result lies below the folder of all results.

    >>> result_path("5624f91ebd1d3c2ea7e7")
    '562/5624f91ebd1d3c2ea7e7'
    """
    return f"{source_id[:PREFIX_DIGITS]}/{source_id}"


def shard_range(text: str) -> tuple[str, str]:
    """The ids of a shard such as `3/64`, the third of 64: from the first of these on and before the second.

    >>> shard_range("1/2"), shard_range("2/2")
    (('00000000', '80000000'), ('80000000', 'g'))

    Raises:
        ValueError: if it is none.
    """
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= 2**16):
        raise ValueError(f"{text} is no shard: give NUMBER/COUNT, from 1/COUNT to COUNT/COUNT, such as 3/64")
    # Rounded up alike at both ends, so that where a shard ends the next begins; ids compare with these as texts.
    first, end = (-((part << 32) // -int(count)) for part in (int(number) - 1, int(number)))
    # "g" comes after every hexadecimal digit.
    return f"{first:08x}", "g" if end == 1 << 32 else f"{end:08x}"


def uri_of(path: str | os.PathLike[str]) -> str:
    """The URI of a file: its absolute path, or where that is no valid text, a `file://` with its bytes."""
    absolute = os.path.abspath(path)
    try:
        absolute.encode()
    except UnicodeEncodeError:
        return _FILE + quote(os.fsencode(absolute))
    return absolute


def source_of(uri: str) -> str:
    """What `open_source` opens for a URI.

    >>> source_of("file:///data/clip%201.mp4"), source_of("/data/clip.mp4")
    ('/data/clip 1.mp4', '/data/clip.mp4')

    Raises:
        SourceError: if it is neither an absolute path nor an address that is read.
    """
    if uri.startswith(_FILE):
        return os.fsdecode(unquote_to_bytes(uri.removeprefix(_FILE)))
    scheme = uri.partition("://")[0].lower()
    if is_url(uri):
        if scheme not in ("http", "https") and not is_object(uri):
            raise SourceError(
                uri, f"addresses of {scheme} are not read here", "Give a path, or one of s3, gs, http, https"
            )
        require_no_secret(uri)
    elif not os.path.isabs(uri):
        raise SourceError(uri, "is neither an absolute path nor an address", "Make the list with `gfsalnet manifest`")
    return uri


def require_no_secret(uri: str) -> None:
    """Refuse an address that may hold a password or a token: it would be stored for everybody to read.

    Raises:
        SourceError: if it has a user, a password or a query.
    """
    held = "@" in uri.partition("://")[2].partition("/")[0] if is_object(uri) else shown_url(uri) != uri
    if held:
        remedy = "Give an address without, and credentials to the store's library; or fetch the file first"
        raise SourceError(uri, "its user, password or query is a secret, or may be one, and is not stored", remedy)


def shown_uri(uri: str) -> str:
    """A URI without secrets, for a row that says why it is not read."""
    return uri if is_object(uri) and "@" not in uri else shown_url(uri) if is_url(uri) else uri
