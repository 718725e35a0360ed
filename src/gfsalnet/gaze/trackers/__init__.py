"""Gaze straight from the eye tracker: exports of the makers' programs become a folder dataset.

recording.py    what every importer reads out of an export
tobii.py …      one importer for each maker, and generic.py for any other table; text.py reads their tables
aligning.py     from the clock of a recording to seconds of the video
placement.py    from the display to pixels of the video
fixations.py    I-VT and I-DT, on request
importing.py    all of it together; viewing.py is one viewer's gaze on the video
writing.py      the dataset; picture.py shows gaze over three of its frames
"""

from __future__ import annotations

from gfsalnet.gaze.trackers.aligning import When
from gfsalnet.gaze.trackers.generic import parse_columns
from gfsalnet.gaze.trackers.importing import IMPORTERS, Imported, ImportSettings, read_viewings
from gfsalnet.gaze.trackers.placement import parse_placement
from gfsalnet.gaze.trackers.recording import TrackerError
from gfsalnet.gaze.trackers.viewing import Viewing
from gfsalnet.gaze.trackers.writing import write_dataset

__all__ = [
    "IMPORTERS",
    "ImportSettings",
    "Imported",
    "TrackerError",
    "Viewing",
    "When",
    "parse_columns",
    "parse_placement",
    "read_viewings",
    "write_dataset",
]
