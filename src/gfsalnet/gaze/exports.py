"""Exports of eye trackers, recognised by what their makers' programs write first."""

from __future__ import annotations

import re
from pathlib import Path

HEAD_BYTES = 1 << 16
SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".asc", ".tlv", ".json", ".edf", ".idf", ".gaze", ".gazedata"})

_VENDORS: tuple[tuple[str, str], ...] = (
    ("EyeLink (", "eyelink"),
    ("BeGaze", "smi"),
    ("Gazepoint", "gazepoint"),
    ("iMotions", "imotions"),
    ("Pupil Player", "pupil-core"),
    ("Pupil Cloud", "pupil-cloud"),
    ("Tobii Studio", "tobii"),
    ("Tobii Pro Lab", "tobii"),
)
"""What a program's name begins with → what `gfsalnet dataset import` calls its maker."""

_PROGRAMS: tuple[tuple[str, str], ...] = (
    ("EyeLink (SR Research, the ASC of edf2asc)", r"\*\* (?:CONVERTED FROM|VERSION: EYELINK)|^(?:EFIX|ESACC) [LR]\s"),
    ("EyeLink (SR Research, an EDF)", r"\ASR_RESEARCH"),
    ("EyeLink Data Viewer (SR Research)", r"RECORDING_SESSION_LABEL|CURRENT_FIX_X|IP_START_TIME|IA_DWELL_TIME"),
    (
        "BeGaze (SMI)",
        r"\[BeGaze\]|## \[?iView|IDF Converter|[LR] POR X \[px\]|Point of Regard (?:Left|Right|Binocular) X",
    ),
    ("Gazepoint Analysis", r"\b[FBLR]POG[XYSV]\b|Gazepoint Analysis"),
    ("iMotions", r"StudyName\W.*StimulusName|\bET_Gaze(?:Left|Right)[xy]\b|GazeLeftx|ttffAoi|gazeInAoi|respondentId"),
    (
        "Pupil Player (Pupil Labs)",
        r"norm_pos_x|gaze_timestamp|world_timestamp|world_index|Gaze2dX|# timestamps \[seconds",
    ),
    (
        "Pupil Player (Pupil Labs)",
        r"surface_name,|Player Software Version|Pupil Capture|Pupil Mobile|Start Time \(Synced\)",
    ),
    ("Pupil Cloud (Pupil Labs)", r"timestamp \[ns\]|gaze x \[px\]|fixation x \[|\baoi id,|marker-mapper|pupil-labs"),
    ("Pupil Cloud (Pupil Labs)", r"section id,|recording id,|gaze position (?:on|in)|docs\.pupil-labs"),
    ("Tobii Studio", r"StudioVersion|StudioProjectName|GazePoint[XY]\b|GazePoint[XY](?:Left|Right)|MediaPosX|CamXLeft"),
    (
        "Tobii Pro Lab",
        r"Recording timestamp|Eyetracker timestamp|Gaze point X|Fixation point X|Presented (?:Media|Stimulus) name",
    ),
    ("Tobii Pro Glasses", r"\"gidx\"|\"gp3\"|\"gaze2d\""),
    ("Smart Eye Pro", r"FilteredGazeDirection|FilteredClosestWorldIntersection|GazeDirectionQ"),
    ("D-Lab (Ergoneers)", r"Dikablis"),
    ("OGAMA", r"TrialSequence\W.*GazePosX"),
    ("Varjo", r"gaze_forward_x|gaze_forward\b"),
    ("The Eye Tribe", r"\"lefteye\"|lefteye_raw|avg_x\W.*lefteye"),
    ("PsychoPy (ioHub)", r"left_gaze_x|right_gaze_x"),
)


def program_of(head: str) -> str | None:
    """The program that wrote a text which begins like this, or None."""
    return next((name for name, pattern in _PROGRAMS if re.search(pattern, head, re.MULTILINE)), None)


def import_remedy(program: str) -> str:
    """How the export of a program becomes a dataset."""
    vendor = next((vendor for name, vendor in _VENDORS if program.startswith(name)), "csv")
    return f"Run: gfsalnet dataset import {vendor} FILE --video CLIP --output DIR (docs/import.md)"


def exports_in(folder: Path) -> dict[str, str]:
    """Files of a folder that are exports of eye trackers: name → program."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file() and path.name[0] != ".":
            with path.open("rb") as file:
                # Without zero bytes UTF-16 reads as ASCII does, and headings are ASCII in all of these formats.
                program = program_of(file.read(HEAD_BYTES).replace(b"\0", b"").decode("utf-8", "replace"))
            if program is not None:
                found[path.name] = program
    return found
