"""Areas of interest on the page: what `gfsalnet aoi` wrote about a video, as a table and pictures."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

from gfsalnet.errors import OutputError
from gfsalnet.formats.texts import read_csv_rows, read_json_object

COLUMNS = {
    "area_share": ("of the frame", 100),
    "predicted_share": ("predicted looks", 100),
    "predicted_lift": ("lift", 1),
    "gaze_share": ("viewers' looks", 100),
    "gaze_share_low": ("from", 100),
    "gaze_share_high": ("to (95 %)", 100),
    "n": ("viewers", 1),
    "hit_ratio": ("looked at all", 100),
}
"""Column → its heading, and what it is multiplied by; shares are shown in per cent."""
PICTURES = {
    "areas.png": "The areas, drawn over the frame that shows most of them",
    "curves.png": "Share of attention of each area over time",
    "bars.png": "Share of attention of each area, with the interval over viewers",
}
Cells = dict[str, str]


def areas_section(folder: Path) -> str:
    """The HTML about the areas of one video.

    Args:
        folder: that `gfsalnet aoi` wrote for it, `OUTPUT/clip/aoi`.

    Raises:
        OutputError: if it is none.
    """
    rows = _rows(folder)
    shown = [name for name in COLUMNS if any(row.get(name) for row in rows.values())]
    heads = "".join(f'<th scope="col">{COLUMNS[name][0]}</th>' for name in shown)
    body = "".join(
        f'<tr><th scope="row" style="white-space: nowrap">{escape(area)}</th>'
        + "".join(
            f'<td class="number" style="white-space: nowrap">{_cell(name, row.get(name, ""))}</td>' for name in shown
        )
        + "</tr>"
        for area, row in rows.items()
    )
    pictures = "".join(
        f'<p><img alt="{text}" style="max-width: 100%" src="data:image/png;base64,{_encoded(folder / name)}"></p>\n'
        for name, text in PICTURES.items()
        if (folder / name).is_file()
    )
    return (
        '<h3>Areas as measured</h3>\n<div class="wide"><table>\n'
        f'<tr><th scope="col">area</th>{heads}</tr>\n{body}\n</table></div>\n{pictures}'
    )


def areas_drawn(folder: Path) -> tuple[dict[str, Any], ...]:
    """The areas as they were measured, in the form in which a file of areas has them; none where they were not written.

    Raises:
        OutputError: if their file is damaged.
    """
    path = folder / "areas.json"
    return tuple(read_json_object(path, OutputError).get("areas", ())) if path.is_file() else ()


def _rows(folder: Path) -> dict[str, Cells]:
    """Area → its cells by column, from the tables that there are."""
    rows: dict[str, Cells] = {}
    for row in _table(folder / "prediction.csv"):
        cells = {"area_share": row["area_share"], "predicted_share": row["attention_share"]}
        rows[row["area"]] = {**cells, "predicted_lift": row["lift"]}
    for row in _table(folder / "people.csv"):
        cells = rows.setdefault(row["area"], {})
        if row["measure"] == "gaze_share":
            cells |= {"gaze_share": row["mean"], "gaze_share_low": row["low"], "gaze_share_high": row["high"]}
        elif row["measure"] == "hit_ratio":
            cells |= {"hit_ratio": row["mean"], "n": row["n"]}
    if not rows:
        raise OutputError(
            folder, "it holds no tables of areas", "Run gfsalnet aoi on this video, and give its --output."
        )
    return rows


def _table(path: Path) -> list[Cells]:
    return read_csv_rows(path, OutputError) if path.is_file() else []


def _cell(name: str, text: str) -> str:
    if not text:
        return "–"
    value = float(text) * COLUMNS[name][1]
    return f"{value:.0f}" if name == "n" else f"{value:.2f}" if name == "predicted_lift" else f"{value:.1f} %"


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")
