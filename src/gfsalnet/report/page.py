"""The page: one HTML file with everything in it, written piece by piece, so that no video is in memory whole."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet._version import __version__
from gfsalnet.files import output_errors, written_whole
from gfsalnet.render import colour_table
from gfsalnet.render.colours import diverging_table
from gfsalnet.report.hot_spots import RADIUS, HotSpot, hot_spots
from gfsalnet.report.recording import Recorded
from gfsalnet.video import open_source

MOST_POINTS = 800
"""Most points of a curve: more than a screen has room for; longer videos are averaged down to so many."""
_CHUNK_BYTES = 1 << 20
_PICTURE_WIDTH = 240
_HERE = Path(__file__).parent
PLAYER = _HERE / "player"
"""Folder of the ES modules and the style of the player; `player.js` is where pages of your own begin."""
_MODULES = (
    *("words", "elements", "areas", "recording", "screen", "controls", "curves"),
    *("area_editor", "area_layer", "area_panel", "player"),
)
"""Of the player, each after those that it imports."""

# Nothing may be fetched from anywhere: the file is whole, and stays private.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src blob: data:"
)

ALWAYS = (
    "These are predictions by a program of where people look who watch freely, without a task. Nobody was measured.",
    "The colours are shares of looks. They say nothing about liking, understanding, remembering, buying or emotion.",
    "Single viewers differ: even half of a group of viewers predicts the other half only in part.",
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One recording on the page, with what is said about it."""

    title: str
    recorded: Recorded
    about: dict[str, str]
    """What was set, in words, for a table."""
    limits: tuple[str, ...] = ()
    """Sentences of the model's card."""
    areas: str = ""
    """HTML about the areas of interest of the video."""
    drawn: tuple[Mapping[str, Any], ...] = ()
    """Areas that the player shows at first, as a file of areas has them (docs/areas.md)."""


def write_page(path: Path, title: str, groups: Sequence[tuple[Entry, ...]]) -> None:
    """Write the page, whole or not at all.

    Args:
        path: of the HTML file.
        title: of the page.
        groups: entries that stand alone, or two that are compared.

    Raises:
        OutputError: if it cannot be written.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="\n") as file:
            _write_head(file, title, groups)
            number = 0
            for place, group in enumerate(groups):
                ids = [f"recording-{number + step}" for step in range(len(group))]
                number += len(group)
                _write_section(file, place, group, ids)
            _write_limits(file, groups)
            file.write(
                f'</main>\n<script type="module">\n{_player()}\nmountPage(document);\n</script>\n</body>\n</html>\n'
            )


def _player() -> str:
    """All modules of the player as one script, which has nothing to import."""
    texts = [(PLAYER / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    return re.sub(r"^(import|export \{).*;\n", "", "\n".join(texts), flags=re.MULTILINE)


def _write_head(file: IO[str], title: str, groups: Sequence[tuple[Entry, ...]]) -> None:
    style = "".join(path.read_text(encoding="utf-8") for path in (PLAYER / "player.css", _HERE / "page.css"))
    file.write(
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="generator" content="gfsalnet {__version__}">\n<style>\n{style}</style>\n</head>\n<body>\n'
        f'<a class="skip" href="#section-0">Skip to the first video</a>\n<main>\n<h1>{escape(title)}</h1>\n'
        '<p class="lead">Where viewers are expected to look, predicted by GFSalNet. '
        '<a href="#limits">What this can and cannot tell you</a>.</p>\n'
        "<noscript><p>The player and the curves need JavaScript, which is switched off here.</p></noscript>\n"
    )
    if len(groups) > 1:
        links = [
            f'<li><a href="#section-{place}">{escape(_heading(group))}</a></li>' for place, group in enumerate(groups)
        ]
        file.write(f'<nav aria-label="Videos">\n<ul>\n{"".join(links)}\n</ul>\n</nav>\n')


def _heading(group: tuple[Entry, ...]) -> str:
    return " and ".join(entry.title for entry in group)


def _write_section(file: IO[str], place: int, group: tuple[Entry, ...], ids: list[str]) -> None:
    file.write(
        f'<section id="section-{place}" data-recording="{",".join(ids)}">\n<h2>{escape(_heading(group))}</h2>\n'
        f'<div class="mount"></div>\n{_means(group)}{"".join(dict.fromkeys(e.areas for e in group))}{_settings(group)}'
    )
    for entry, name in zip(group, ids, strict=True):
        # A "<" could end the script: JSON has another way to write it.
        text = json.dumps(describe(entry, name), ensure_ascii=False, allow_nan=False).replace("<", r"\u003c")
        file.write(f'<script type="application/json" id="{name}">{text}</script>\n')
        with entry.recorded.path.open("rb") as video:
            _write_base64(file, f"{name}-video", iter(partial(video.read, _CHUNK_BYTES), b""))
        _write_base64(file, f"{name}-maps", entry.recorded.maps.packed())
    file.write("</section>\n")


def _write_base64(file: IO[str], name: str, pieces: Iterable[bytes]) -> None:
    """A script that is none, and holds bytes."""
    file.write(f'<script type="text/plain" id="{name}">')
    rest = b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % 3  # so that there is no padding in the middle
        file.write(base64.b64encode(rest[:whole]).decode("ascii"))
        rest = rest[whole:]
    file.write(f"{base64.b64encode(rest).decode('ascii')}</script>\n")


def _write_limits(file: IO[str], groups: Sequence[tuple[Entry, ...]]) -> None:
    of_models = dict.fromkeys(limit for group in groups for entry in group for limit in entry.limits)
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in (*ALWAYS, *of_models))
    file.write(f'<section id="limits">\n<h2>What this can and cannot tell you</h2>\n<ul>{sentences}</ul>\n</section>\n')


MEANS = {
    "area that holds half of the looks": ("area_50_percent", 100, "% of the frame"),
    "area that holds nine tenths": ("area_90_percent", 100, "% of the frame"),
    "spread of the looks": ("entropy_bits", 1, "bits"),
    "change that motion makes": ("motion_change", 100, "% of the looks"),
}


def _means(group: tuple[Entry, ...]) -> str:
    """The means of the curves as a table: their text alternative, and the comparison of two versions."""
    heads = "".join(f'<th scope="col">{escape(entry.title)}</th>' for entry in group)
    rows = []
    for label, (column, factor, unit) in MEANS.items():
        values = [_mean(entry.recorded.columns[column]) * factor for entry in group]
        cells = [f'<td class="number">{"–" if np.isnan(value) else f"{value:.1f}"}</td>' for value in values]
        if len(group) == 2:
            difference = values[1] - values[0]
            cells.append(f'<td class="number">{"–" if np.isnan(difference) else f"{difference:+.1f}"}</td>')
        rows.append(f'<tr><th scope="row">{label}</th>{"".join(cells)}<td>{unit}</td></tr>')
    difference_head = '<th scope="col">difference</th>' if len(group) == 2 else ""
    return (
        '<h3>Means</h3>\n<div class="wide"><table>\n'
        f'<tr><th scope="col">over all frames</th>{heads}{difference_head}<th scope="col">unit</th></tr>\n'
        f"{''.join(rows)}\n</table></div>\n"
    )


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _settings(group: tuple[Entry, ...]) -> str:
    heads = "".join(f'<th scope="col">{escape(entry.title)}</th>' for entry in group)
    rows = "".join(
        f'<tr><th scope="row">{escape(key)}</th>'
        + "".join(f"<td>{escape(entry.about.get(key, '–'))}</td>" for entry in group)
        + "</tr>"
        for key in dict.fromkeys(key for entry in group for key in entry.about)
    )
    return (
        "<details><summary>Settings</summary>\n"
        f'<div class="wide"><table><tr><th scope="col">setting</th>{heads}</tr>{rows}</table></div></details>\n'
    )


def describe(entry: Entry, name: str) -> dict[str, Any]:
    """The recording as JSON values: the head of player.js says what each means.

    Args:
        entry: what is described.
        name: the ids of its video and its maps on the page begin so.
    """
    recorded, info = entry.recorded, entry.recorded.info
    times = recorded.times - info.start_seconds
    layout = recorded.layout
    aspect = info.size_wh[0] / info.size_wh[1] * float(info.pixel_aspect)
    spots = hot_spots(recorded.mean_density, recorded.coarse, aspect)
    return {
        "title": entry.title,
        "duration": round(float(times[-1]) + float(1 / info.rate), 3),
        "offset": round(info.start_seconds, 3),
        "aspect": float(info.pixel_aspect),
        "size": info.size_wh,
        "video": {"base64Of": f"{name}-video"},
        "layout": {"frame": layout.frame, "levels": layout.levels, "gate": layout.gate},
        "hasGate": recorded.has_gate,
        "times": [round(float(seconds), 4) for seconds in times],
        "shots": recorded.shots,
        "colours": colour_table("plasma").tobytes().hex(),
        "gateColours": diverging_table().tobytes().hex(),
        "curves": _curves(recorded, times),
        "cuts": [round(seconds - info.start_seconds, 3) for seconds in recorded.cuts],
        "maps": _maps(recorded, times, f"{name}-maps"),
        "areas": entry.drawn,
        "hotSpots": [_spot(spot, recorded, float(times[spot.best_frame])) for spot in spots],
    }


def _maps(recorded: Recorded, times: NDArray[np.float64], name: str) -> dict[str, Any]:
    every = recorded.maps.every
    kept = None if every == 1 else [round(float(seconds), 4) for seconds in times[::every]]
    return {"base64Of": name, "size": recorded.maps.size_wh, "times": kept}


def _curves(recorded: Recorded, times: NDArray[np.float64]) -> list[dict[str, Any]]:
    columns, width = recorded.columns, recorded.info.size_wh[0]
    steps = np.diff(times, prepend=np.nan)
    drift = 100 * columns["centroid_drift_pixels"] / width / steps
    wanted: list[tuple[str, str, str, dict[str, NDArray[np.float64]]]] = [
        (
            "Area of the looks",
            "% of the frame",
            "The smallest area that holds half, and nine tenths, of the looks: small where all look at one place.",
            {"half": 100 * columns["area_50_percent"], "nine tenths": 100 * columns["area_90_percent"]},
        ),
        (
            "Drift of the centre of the looks",
            "% of the width per second",
            "How fast the mean place of all looks moves; dotted lines are cuts.",
            {"drift": drift},
        ),
        (
            "Change that motion makes",
            "% of the looks",
            "The share of the looks that would fall elsewhere if nothing moved.",
            {"change": 100 * columns["motion_change"]},
        ),
        (
            "Spread of the looks",
            "bits",
            "The entropy of the map: one bit less for each halving of the places that compete.",
            {"entropy": columns["entropy_bits"]},
        ),
    ]
    return [
        {
            "name": name,
            "unit": unit,
            "help": help_text,
            # A logarithm has no zero that would mean something.
            "from": float(np.floor(np.nanmin(columns["entropy_bits"]) - 0.5)) if unit == "bits" else 0.0,
            "lines": [{"name": line, "points": _points(times, values)} for line, values in lines.items()],
        }
        for name, unit, help_text, lines in wanted
        if not all(np.isnan(values).all() for values in lines.values())
    ]


def _points(times: NDArray[np.float64], values: NDArray[np.float64]) -> list[list[float | None]]:
    """`[seconds, value]`, at most `MOST_POINTS`, each the mean of its neighbours; None where nothing is known."""
    points: list[list[float | None]] = []
    for part in np.array_split(np.arange(len(times)), min(len(times), MOST_POINTS)):
        mean = _mean(values[part])
        points.append([round(float(times[part].mean()), 3), None if np.isnan(mean) else float(f"{mean:.4g}")])
    return points


def _spot(spot: HotSpot, recorded: Recorded, seconds: float) -> dict[str, Any]:
    return {
        "where": spot.where,
        "share": round(spot.share, 4),
        "seconds": round(seconds, 3),
        "bestShare": round(spot.best_share, 4),
        "x": round(spot.x, 4),
        "y": round(spot.y, 4),
        "picture": _picture(spot, recorded, seconds),
    }


def _picture(spot: HotSpot, recorded: Recorded, seconds: float) -> str:
    """The frame at its best, with the circle, as a data: URL."""
    left, top, width, height = recorded.layout.frame
    with open_source(recorded.path, start_seconds=max(0.0, seconds - 1e-3)) as reader:
        rgb = next(iter(reader)).rgb[top : top + height, left : left + width].copy()
    centre = round(spot.x * width), round(spot.y * height)
    radius = round(RADIUS * float(np.hypot(width, height)))
    for grey, line in ((0, 5), (255, 2)):
        cv2.circle(rgb, centre, radius, (grey,) * 3, max(1, round(line * width / 640)), cv2.LINE_AA)
    size_wh = _PICTURE_WIDTH, max(1, round(_PICTURE_WIDTH * height / width / float(recorded.info.pixel_aspect)))
    small = cv2.cvtColor(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
