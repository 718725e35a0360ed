"""A table of areas, one row for each keyframe, brought to the entries of the JSON form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gfsalnet.errors import AreasError, DatasetError
from gfsalnet.gaze.columns import MISSING, Columns, read_csv

BOX = ("x0", "y0", "x1", "y1")
KNOWN = ("name", "time_seconds", *BOX, "polygon", "units", "from_seconds", "to_seconds")


def areas_of_rows(path: Path, layout: str) -> list[tuple[str, dict[str, Any]]]:
    """The areas of a CSV file in the order of their first rows, each with what to call it in a message.

    The columns are name, units, time_seconds (0 where it is missing), x0, y0, x1, y1 or polygon ("x y; x y; x y"), and
    from_seconds and to_seconds, which need to stand in one row of an area only.

    Raises:
        AreasError: if it is no such table; with the row.
    """
    try:
        return _areas_of(read_csv(path, layout), layout)
    except DatasetError as error:
        raise AreasError(error.where, error.problem, error.remedy) from error


def _areas_of(columns: Columns, layout: str) -> list[tuple[str, dict[str, Any]]]:
    path, texts = columns.path, columns.texts
    unknown = [name for name in texts if name and name not in KNOWN and not name.startswith("_")]
    if "name" not in texts or unknown:
        problem = f"it has an unknown column {unknown[0]!r}" if unknown else "it lacks the column name"
        raise AreasError(path, problem, layout)
    entries: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    for index, row in enumerate(columns.rows):
        where = f"row {row}"
        name = str(texts["name"][index])
        # Rows of an area need not stand together; an area's place in the order is that of its first row.
        entry = entries.setdefault(name, {"name": name, "keyframes": []})
        places.setdefault(name, where)
        entry["keyframes"].append(_keyframe(columns, index, where))
        for key in ("units", "from_seconds", "to_seconds"):
            _keep_one(path, where, entry, key, _value(columns, key, index))
    return [(places[name], entry) for name, entry in entries.items()]


def _keyframe(columns: Columns, index: int, where: str) -> dict[str, Any]:
    # The row travels along as a note, for messages of the reader of JSON, which checks the entries of both.
    keyframe: dict[str, Any] = {"_row": where, "time_seconds": _value(columns, "time_seconds", index) or 0.0}
    box = [_value(columns, key, index) for key in BOX]
    polygon = _value(columns, "polygon", index)
    if any(side is not None for side in box):
        keyframe["box"] = box
    if polygon is not None:
        points = [point.replace(",", " ").split() for point in polygon.split(";") if point.strip()]
        try:
            keyframe["polygon"] = [list(map(float, point)) for point in points]
        except ValueError as error:
            problem = f"{where}: its polygon is {polygon!r}"
            raise AreasError(columns.path, problem, "Write its corners as x y; x y; x y.") from error
    return keyframe


def _value(columns: Columns, key: str, index: int) -> Any:
    """The number, or for units and polygon the text, of a cell; None where it is missing."""
    texts = columns.texts.get(key)
    if texts is None or str(texts[index]).lower() in MISSING:
        return None
    return str(texts[index]) if key in ("units", "polygon") else columns.number(key, index)


def _keep_one(path: Path, where: str, entry: dict[str, Any], key: str, value: Any) -> None:
    """Remember what a row says of its whole area.

    Raises:
        AreasError: if an earlier row says something else.
    """
    if value is not None and entry.setdefault(key, value) != value:
        problem = f"{where}: {key} of {entry['name']} is {value}, in an earlier row {entry[key]}"
        raise AreasError(path, problem, f"Give {key} of an area once, or the same in all its rows.")
