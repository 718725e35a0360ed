"""Files that FFmpeg takes for a video, and that only name other files and addresses."""

from __future__ import annotations

from gfsalnet.errors import SourceError

HEAD_BYTES = 4096
"""What suffices to know one."""


def playlist_kind(head: bytes) -> str | None:
    """What the first bytes of a source show it to be; None for anything but a playlist.

    >>> playlist_kind(b"#EXTM3U\\n#EXT-X-TARGETDURATION:4\\n"), playlist_kind(b"RIFF")
    ('an HLS playlist', None)
    """
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"#EXTM3U"):
        return "an HLS playlist"
    if start.startswith(b"ffconcat version"):
        return "a concat script of FFmpeg"
    if start.startswith(b"<"):
        if b"<MPD" in start:
            return "a DASH manifest"
        if b"<CompositionPlaylist" in start:
            return "an IMF playlist"
    if start.startswith(b"v=0") and b"\nc=IN " in start:
        return "a session description (SDP)"
    return None


def refuse_playlist(source: str, head: bytes) -> None:
    """Make sure that a source is no playlist.

    Args:
        source: as it is named to the user.
        head: its first `HEAD_BYTES`.

    Raises:
        SourceError: if it is one.
    """
    kind = playlist_kind(head)
    if kind is not None:
        raise SourceError(
            source,
            f"it is {kind}, and names other files or addresses",
            "If you trust it: --allow-playlists (open_source: allow_playlists=True); or give what it names",
        )
