"""The file of areas: JSON, or CSV with one row for each keyframe (docs/areas.md)."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np

from gfsalnet.areas.area import Area, Corners, Keyframe, Units, box_corners
from gfsalnet.areas.rows import areas_of_rows
from gfsalnet.areas.shapes import crosses_itself, signed_area
from gfsalnet.errors import AreasError
from gfsalnet.formats.texts import read_json

LAYOUT = (
    'Write {"areas": [{"name": "logo", "units": "share", "keyframes": [{"time_seconds": 0, "box": [x0, y0, x1, y1]}]}]}'
    ", or CSV with the columns name, time_seconds, x0, y0, x1, y1, units (docs/areas.md)."
)
AREA_KEYS = ("name", "units", "keyframes", "from_seconds", "to_seconds")
KEYFRAME_KEYS = ("time_seconds", "box", "polygon")
SHARE_LIMIT = 2.0
"""Shares beyond this are pixels: an area may lie partly outside the frame, but not that far."""
STEPS_BETWEEN_KEYFRAMES = 8
"""Moments between two keyframes at which a polygon must still go round one region."""


def read_areas(path: Path) -> list[Area]:
    """The areas of a file, in its order; `.csv` and `.tsv` are tables, all else is JSON.

    Raises:
        AreasError: if the file is missing or damaged, holds no areas or two of one name, or an area makes no sense;
            with the area or the row.
    """
    table = path.suffix.lower() in (".csv", ".tsv", ".txt")
    entries = areas_of_rows(path, LAYOUT) if table else _entries(path)
    areas = [_area(path, place, entry) for place, entry in entries]
    if not areas:
        raise AreasError(path, "it holds no areas", LAYOUT)
    seen: dict[str, str] = {}
    for area in areas:
        if area.name in seen:
            problem = f"{area.origin} has the name {area.name!r}, as {seen[area.name]} has"
            raise AreasError(path, problem, "Give each area a name of its own.")
        seen[area.name] = area.origin
    return areas


def _entries(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of a JSON file, and what to call each in a message."""
    content = read_json(path, AreasError, LAYOUT)
    areas = content.get("areas") if isinstance(content, dict) else None
    if not isinstance(areas, list):
        raise AreasError(path, 'it has no list "areas"', LAYOUT)
    entries: list[tuple[str, Mapping[str, Any]]] = []
    for number, entry in enumerate(areas, start=1):
        if not isinstance(entry, dict):
            raise AreasError(path, f"area {number} is no object with a name and keyframes", LAYOUT)
        entries.append((f"area {number}", entry))
    return entries


def _area(path: Path, place: str, entry: Mapping[str, Any]) -> Area:
    _check_keys(path, place, entry, AREA_KEYS)
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise AreasError(path, f"{place} has no name", LAYOUT)
    place = f"{place} ({name.strip()})"
    units: Any = entry.get("units")
    if units not in get_args(Units):
        problem = f"{place} has the units {units!r}" if "units" in entry else f"{place} does not say its units"
        raise AreasError(path, problem, "Write share (0 to 1 of width and height) or pixels (of the video's frame).")
    start, end = (_seconds(path, place, entry, key) for key in ("from_seconds", "to_seconds"))
    area = Area(
        name=name.strip(),
        units=units,
        keyframes=_keyframes(path, place, entry),
        from_seconds=0.0 if start is None else start,
        to_seconds=math.inf if end is None else end,
        origin=place,
    )
    if area.to_seconds <= area.from_seconds:
        problem = f"{place} ends at {area.to_seconds:g} s, before or when it begins ({area.from_seconds:g} s)"
        raise AreasError(path, problem, "Let to_seconds be later than from_seconds, or leave it out.")
    _check_units(path, area)
    _check_between(path, area)
    return area


def _check_keys(path: Path, place: str, entry: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in entry:
        # A misspelt entry would otherwise be an area that silently lacks it.
        if key not in known and not str(key).startswith("_"):
            close = difflib.get_close_matches(str(key), known, n=1)
            remedy = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(known)}; notes begin with _"
            raise AreasError(path, f"{place} has an unknown entry {key!r}", remedy)


def _seconds(path: Path, place: str, entry: Mapping[str, Any], key: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    # `true` is a number to Python.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise AreasError(path, f"{place}: {key} is {value!r}", "Write seconds from the start of the video, 0 or more.")
    return float(value)


def _keyframes(path: Path, place: str, entry: Mapping[str, Any]) -> tuple[Keyframe, ...]:
    listed = entry.get("keyframes")
    if not isinstance(listed, list) or not listed:
        raise AreasError(path, f"{place} has no keyframes", LAYOUT)
    found: list[Keyframe] = []
    for number, item in enumerate(listed, start=1):
        # Of a table the row is named, which rows.py has put here: users count rows, not keyframes.
        where = item.get("_row", f"{place}, keyframe {number}") if isinstance(item, dict) else f"{place}, {number}"
        if not isinstance(item, dict):
            raise AreasError(path, f"{where} is no object with a time and a box or polygon", LAYOUT)
        _check_keys(path, where, item, KEYFRAME_KEYS)
        seconds = _seconds(path, where, item, "time_seconds")
        if seconds is None:
            raise AreasError(path, f"{where} has no time_seconds", LAYOUT)
        if found and seconds <= found[-1].time_seconds:
            problem = f"{where} is at {seconds:g} s, not after the one before ({found[-1].time_seconds:g} s)"
            raise AreasError(path, problem, "Order the keyframes of an area by time, each at a time of its own.")
        corners = _corners(path, where, item)
        if found and len(corners) != len(found[0].corners):
            problem = f"{where} has {len(corners)} corners, the first keyframe {len(found[0].corners)}"
            raise AreasError(path, problem, "Give all keyframes of an area the same corners, in the same order.")
        found.append(Keyframe(seconds, corners))
    return tuple(found)


def _corners(path: Path, where: str, item: Mapping[str, Any]) -> Corners:
    box, polygon = item.get("box"), item.get("polygon")
    if (box is None) == (polygon is None):
        raise AreasError(path, f"{where} needs a box or a polygon, and not both", LAYOUT)
    if box is not None:
        numbers = _numbers(box, (4,))
        if numbers is None:
            raise AreasError(path, f"{where}: its box is no list of four numbers", "Write [x0, y0, x1, y1].")
        x0, y0, x1, y1 = numbers
        if x1 <= x0 or y1 <= y0:
            problem = f"{where}: its box {x0:g}, {y0:g}, {x1:g}, {y1:g} has no width or height"
            raise AreasError(
                path, problem, "Write [x0, y0, x1, y1] with x0 < x1 and y0 < y1, not [x, y, width, height]."
            )
        return box_corners([x0, y0, x1, y1])
    corners = _numbers(polygon, (-1, 2))
    if corners is not None and len(corners) > 3 and np.array_equal(corners[0], corners[-1]):
        corners = corners[:-1]  # closed, as some programs write them
    if corners is None or len(corners) < 3:
        raise AreasError(path, f"{where}: its polygon is no list of three or more points", "Write [[x, y], [x, y], …].")
    if crosses_itself(corners) or signed_area(corners) == 0:
        raise AreasError(path, f"{where}: its polygon crosses itself or has no area", "List its corners in order.")
    return corners


def _numbers(value: Any, shape: tuple[int, ...]) -> Corners | None:
    """The value as an array of finite numbers; None if it is something else."""
    try:
        numbers = np.array(value, np.float64)
    except (TypeError, ValueError):
        return None
    fits = numbers.ndim == len(shape) and all(want in (-1, got) for want, got in zip(shape, numbers.shape, strict=True))
    return numbers if fits and np.isfinite(numbers).all() else None


def _check_units(path: Path, area: Area) -> None:
    farthest = max(float(np.abs(keyframe.corners).max()) for keyframe in area.keyframes)
    if area.units == "share" and farthest > SHARE_LIMIT:
        problem = f"{area.origin} is in shares of the frame, but reaches {farthest:g}"
        raise AreasError(path, problem, 'Write "units": "pixels" if its numbers are pixels; shares go from 0 to 1.')
    if area.units == "pixels" and farthest <= 1:
        problem = f"{area.origin} is in pixels, but none of its numbers is above 1"
        raise AreasError(path, problem, 'Write "units": "share" if its numbers are shares of width and height.')


def _check_between(path: Path, area: Area) -> None:
    """A polygon that goes round one region at both keyframes may fold over on the way, if its corners are shuffled."""
    # Which way round it goes; a polygon that turns over passes through one without an area.
    turn = np.sign(signed_area(area.keyframes[0].corners))
    for before, after in pairwise(area.keyframes):
        if _is_box(before.corners) and _is_box(after.corners):
            continue  # and so is every one between them
        for share in np.linspace(0, 1, STEPS_BETWEEN_KEYFRAMES + 1)[1:]:
            corners = before.corners + share * (after.corners - before.corners)
            if crosses_itself(corners) or np.sign(signed_area(corners)) != turn:
                problem = f"{area.origin} folds over between {before.time_seconds:g} s and {after.time_seconds:g} s"
                raise AreasError(path, problem, "List the corners of all its keyframes in the same order.")


def _is_box(corners: Corners) -> bool:
    return np.array_equal(corners, box_corners([*corners.min(axis=0), *corners.max(axis=0)]))
