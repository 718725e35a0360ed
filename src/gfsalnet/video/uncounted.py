"""What tells of pictures that no container counts: their own numbers, and whether the last one is all there."""

from __future__ import annotations

from gfsalnet.video.last_picture import LastPicture
from gfsalnet.video.picture_order import PictureOrder, order_of

CONTAINERS = frozenset({"h264", "hevc", "mpeg", "mpegts", "mpegvideo"})
"""Where nothing counts the pictures but their own headers, which lie in the packets with start codes."""


class Uncounted:
    """Follows the pictures of one stream; made by `uncounted_of`."""

    def __init__(self, codec: str, order: PictureOrder) -> None:
        self.order = order
        self.is_cut = False
        """Whether the last picture goes on after the end; known after `ended`."""
        self._last = LastPicture(codec)

    def saw(self, packet: bytes, *, is_key: bool) -> None:
        """Note one coded picture, in the order of decoding."""
        self.order.saw(packet)
        self._last.saw(packet, is_key=is_key)

    def ended(self, parameters: bytes | None) -> None:
        """Look at the end, with the parameters of the stream, as its codec context has them."""
        self.is_cut = self._last.is_cut(parameters)


def uncounted_of(container: str, codec: str) -> Uncounted | None:
    """What follows the pictures of a stream; None where its container counts them, or they have no numbers.

    Args:
        container: FFmpeg's name of the format.
        codec: FFmpeg's name of the decoder.
    """
    order = order_of(codec) if container in CONTAINERS else None
    return None if order is None else Uncounted(codec, order)
