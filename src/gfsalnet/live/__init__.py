"""Cameras and streams as they run: a picture that is as new as it can be, on a page or in another stream."""

from gfsalnet.live.feed import Feed
from gfsalnet.live.page import LivePage
from gfsalnet.live.sink import StreamSink
from gfsalnet.live.watch import watch

__all__ = ["Feed", "LivePage", "StreamSink", "watch"]
