"""One self-contained HTML page about videos: a player with the maps, curves, hot spots, settings and limits."""

from gfsalnet.report.page import PLAYER, Entry, describe, write_page
from gfsalnet.report.recording import Recorded, Recorder
from gfsalnet.report.run import Version, make_report
from gfsalnet.report.sink import page_sink

__all__ = [
    "PLAYER",
    "Entry",
    "Recorded",
    "Recorder",
    "Version",
    "describe",
    "make_report",
    "page_sink",
    "write_page",
]
