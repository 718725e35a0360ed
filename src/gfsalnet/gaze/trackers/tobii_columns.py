"""What the columns of a Tobii export mean, whichever program wrote their headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.trackers.recording import Points, TrackerError, masked
from gfsalnet.gaze.trackers.text import Table, Text, headings_of, read_columns

_UNIT = re.compile(r"\s*[\[(]([^\])]*)[\])]\s*$")

NUMBERS: dict[str, tuple[str, ...]] = {
    "time": ("recordingtimestamp", "timestamp"),
    "x": ("gazepointx",),
    "y": ("gazepointy",),
    "left_x": ("gazepointleftx", "gazepointxleft"),
    "left_y": ("gazepointlefty", "gazepointyleft"),
    "right_x": ("gazepointrightx", "gazepointxright"),
    "right_y": ("gazepointrighty", "gazepointyright"),
    "fixation_x": ("fixationpointx",),
    "fixation_y": ("fixationpointy",),
    "original_width": ("originalmediawidth",),
    "original_height": ("originalmediaheight",),
    "fixation_ms": ("gazeeventduration", "eyemovementeventduration", "fixationduration"),
    "screen_width": ("recordingresolutionwidth",),
    "screen_height": ("recordingresolutionheight",),
    "media_x": ("mediaposx", "presentedmediapositionx", "presentedstimuluspositionx"),
    "media_y": ("mediaposy", "presentedmediapositiony", "presentedstimuluspositiony"),
    "media_width": ("mediawidth", "presentedmediawidth", "presentedstimuluswidth"),
    "media_height": ("mediaheight", "presentedmediaheight", "presentedstimulusheight"),
}
TEXTS: dict[str, tuple[str, ...]] = {
    "participant": ("participantname", "participant"),
    "recording": ("recordingname",),
    "sensor": ("sensor",),
    "sample": ("eyetrackertimestamp", "gazepointindex", "number"),
    "media": ("presentedstimulusname", "medianame", "stimuliname"),
    "media_file": ("presentedmedianame",),
    "event": ("studioevent", "event"),
    "event_value": ("studioeventdata", "eventvalue", "descriptor"),
    "left_validity": ("validityleft",),
    "right_validity": ("validityright",),
    "movement": ("eyemovementtype", "gazeeventtype"),
    "fixation_index": ("eyemovementtypeindex", "fixationindex"),
    "resolution": ("recordingresolution",),
}
DISPLAY_UNITS = frozenset({"", "adcspx", "dacspx", "px"})
MEDIA_UNITS = {"mcspx": "on_media", "mcsnorm": "norm"}
"""What the meanings of points on the media begin with."""
MAPPED = {"mappedgazedatapoint": "gazepoint", "mappedfixationpoint": "fixationpoint"}
"""Studio 2's names of points on the media: without the unit of the later ones."""
POINTS = frozenset({"x", "y", "left_x", "left_y", "right_x", "right_y", "fixation_x", "fixation_y"})
SPACES = ("", "norm_", "on_media_")
"""What the meanings of gaze points begin with: on the display, in shares and in pixels of the media; the best first."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Export:
    """The columns of a file by what they mean; what it lacks is missing from `names`."""

    table: Table
    names: dict[str, str]
    """Meaning → heading."""
    units: dict[str, str]
    """Meaning → the unit in the heading, in lower case; empty where there is none."""

    def number(self, meaning: str) -> NDArray[np.float64] | None:
        """(N,) a column of numbers, or None."""
        return self.table.numbers.get(self.names.get(meaning, ""))

    def text(self, meaning: str) -> Text | None:
        """(N,) a column of texts, or None."""
        return self.table.texts.get(self.names.get(meaning, ""))

    def point(self, meaning: str, valid: NDArray[np.bool_]) -> Points | None:
        """(N, 2) two columns of which the first ends in x."""
        prefix = meaning + "_" if meaning else ""
        x, y = self.number(f"{prefix}x"), self.number(f"{prefix}y")
        return None if x is None or y is None else masked(x, y, valid)


def _meaning(heading: str) -> tuple[str, str]:
    """The name and the unit without blanks and in lower case."""
    found = _UNIT.search(heading)
    name = re.sub(r"[\s_]+", "", heading[: found.start()] if found else heading).casefold()
    # Both characters for micro, of Greek and of Latin-1.
    unit = re.sub(r"[\s_]+", "", found[1]).casefold().translate({0x3BC: "u", 0xB5: "u"}) if found else ""
    for mapped, plain in MAPPED.items():
        if name.startswith(mapped):
            return name.replace(mapped, plain), "mcspx"
    return name, unit


def open_export(path: Path) -> Export:
    """Read the columns that mean something.

    Raises:
        TrackerError: if there is no column of time or of gaze in pixels.
    """
    headings = headings_of(path)
    names, units = {}, {}
    of_meaning = {alias: meaning for table in (NUMBERS, TEXTS) for meaning, found in table.items() for alias in found}
    for heading in headings:
        name, unit = _meaning(heading)
        meaning = of_meaning.get(name)
        if meaning in POINTS and (space := MEDIA_UNITS.get(unit)) is not None:
            meaning = f"{space}_{meaning}"
        elif meaning in NUMBERS and unit not in DISPLAY_UNITS | {"ms", "us"}:
            continue  # millimetres, directions
        if meaning and meaning not in names:
            names[meaning], units[meaning] = heading, unit
    _check_headings(path, headings, names)
    numbers = [heading for meaning, heading in names.items() if meaning not in TEXTS]
    table = read_columns(path, numbers=numbers, texts=[h for meaning, h in names.items() if meaning in TEXTS])
    return Export(table=table, names=names, units=units)


def _check_headings(path: Path, headings: list[str], names: dict[str, str]) -> None:
    if "time" not in names:
        problem = f"it has no column of the recording's time; its first headings are {', '.join(headings[:4])}"
        remedy = "Export from Tobii with English headings, or read it as csv with --columns (docs/import.md)."
        raise TrackerError(path, problem, remedy)
    if any({f"{space}{eye}x", f"{space}{eye}y"} <= set(names) for space in SPACES for eye in ("", "left_", "right_")):
        return
    mapped = [heading for heading in headings if heading.casefold().startswith("mapped fixation x")]
    if mapped:
        problem = f"it is of glasses, mapped to a still picture ({mapped[0]}), which no video is"
        raise TrackerError(path, problem, "Record the video on a display, or map the gaze to it and export that.")
    raise TrackerError(path, "it has no gaze point in pixels", "Export Gaze point X and Gaze point Y, and validity.")
