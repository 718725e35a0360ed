"""Videos at addresses: which are opened, and what a server says that tells one content of an address from the next."""

from __future__ import annotations

import base64
import hashlib
import http.client
import logging
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote

from gfsalnet._version import __version__
from gfsalnet.errors import SourceError
from gfsalnet.urls import shown_url
from gfsalnet.video.container import MediaInput
from gfsalnet.video.files import slug
from gfsalnet.video.playlists import HEAD_BYTES, refuse_playlist
from gfsalnet.video.pyav import URL_SCHEMES

log = logging.getLogger(__name__)

NETWORK_TIMEOUT_SECONDS = 20.0
"""How long to wait for a server, to open and between two packets."""
_KEPT_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
"""What has a meaning in an address, or is quoted already."""
_LONG = 100
"""Characters of a header from which on its digest says as much."""


@dataclass(frozen=True)
class Answer:
    """What a web server says of a file."""

    head: bytes = b""
    """Its first `HEAD_BYTES`; empty if they cannot be had."""
    version: str | None = None
    """What tells this content from earlier and later ones; None if the server gives nothing for that."""


def remote_input(source: str, allow_playlists: bool) -> MediaInput:
    """What FFmpeg is told to open for an address.

    Raises:
        SourceError: if it is none that is read, or leads to a playlist and those are not allowed.
    """
    scheme, colon, rest = source.partition("://")
    scheme = scheme.lower()  # FFmpeg knows its protocols in small letters alone, and RFC 3986 makes no difference
    source = f"{scheme}{colon}{rest}"
    shown = shown_url(source)
    if scheme not in URL_SCHEMES:
        remedy = "For a file give its path" if scheme == "file" else f"Those of {', '.join(URL_SCHEMES)} are read"
        raise SourceError(shown, f"addresses of {scheme} are not read", remedy)
    answer = ask(source) if scheme in ("http", "https") else Answer()
    if not allow_playlists:
        refuse_playlist(shown, answer.head)
    return MediaInput(
        source=shown,
        name=slug(shown.partition("://")[2]),
        kind="stream",
        file=source,
        options=_options(scheme),
        timeout_seconds=NETWORK_TIMEOUT_SECONDS,
        allow_playlists=allow_playlists,
        version=answer.version,
    )


def _options(scheme: str) -> dict[str, str]:
    if scheme.startswith("rtsp"):
        return {"rtsp_transport": "tcp"}  # over UDP, FFmpeg's default, lost packets would smear frames
    certificates = ssl.get_default_verify_paths().cafile
    # FFmpeg checks no certificate unless told by whom it may be signed; http may lead to https.
    return {"tls_verify": "1", "ca_file": certificates} if scheme.startswith("http") and certificates else {}


def ask(url: str) -> Answer:
    """Ask a web server for the first bytes of a file; what else goes wrong, FFmpeg will meet again, and say so.

    Asked before the video is read: should it change in between, the next run sees another version and reads it again.

    Raises:
        SourceError: if the server's certificate is not one to trust.
    """
    try:
        with _opener().open(_request(url), timeout=NETWORK_TIMEOUT_SECONDS) as response:
            answer = Answer(response.read(HEAD_BYTES), content_version(response.headers))
            log.info("%s: the server's mark of this content: %s", shown_url(url), answer.version or "none")
            return answer
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None)
        if isinstance(reason, ssl.SSLCertVerificationError):
            remedy = "If you trust the server, store its certificate in a file, and name that in SSL_CERT_FILE"
            problem = f"the certificate of the server cannot be trusted ({reason.verify_message})"
            raise SourceError(shown_url(url), problem, remedy) from error
        log.info("%s: the server does not answer as hoped (%s)", shown_url(url), error)
        return Answer()


def content_version(headers: Mapping[str, str]) -> str | None:
    """What tells the content of an answer from others at the same address: its ETag, or else its time, and its length.

    A length alone says too little. A time in whole seconds says nothing of a file that was changed in this very second
    (RFC 9110, section 8.8.2.2).

    >>> content_version({"ETag": '"5f"', "Content-Range": "bytes 0-4095/70000"})
    'ETag "5f", 70000 bytes'
    >>> content_version({"Content-Length": "70000"})
    """
    tag, modified = headers.get("ETag"), headers.get("Last-Modified")
    if tag:
        mark = f"ETag {tag}"
    elif modified and _is_past(modified, headers.get("Date")):
        mark = f"of {modified}"
    else:
        return None
    if len(mark) > _LONG:
        mark = hashlib.sha256(mark.encode("utf-8", "backslashreplace")).hexdigest()
    length = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length")
    return f"{mark}, {length} bytes" if length and length.isdecimal() else mark


def _is_past(modified: str, now: str | None) -> bool:
    try:
        return now is not None and (parsedate_to_datetime(now) - parsedate_to_datetime(modified)).total_seconds() >= 1
    except (ValueError, TypeError):  # no date; one with and one without a time zone
        return False


def _opener() -> urllib.request.OpenerDirector:
    """One that follows a server to nothing but http and https: the usual one also opens ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _request(url: str) -> urllib.request.Request:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    # The head alone: servers that know no ranges send all of it, of which no more is read.
    headers = {"User-Agent": f"gfsalnet/{__version__}", "Range": f"bytes=0-{HEAD_BYTES - 1}"}
    request = urllib.request.Request(  # noqa: S310 - http and https alone, see `_opener`
        quote(f"{scheme}://{host}{slash}{path.partition('#')[0]}", safe=_KEPT_CHARACTERS), headers=headers
    )
    if at:
        # Unredirected: a password is for the host that it was given for.
        basic = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {basic}")
    return request
