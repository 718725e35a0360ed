"""What a page says of how a recording was made: settings, and what the model's card says about its limits."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import gfsalnet.models
from gfsalnet._version import __version__
from gfsalnet.models import SaliencyModel
from gfsalnet.report.recording import Recorded

_CARDS = Path(gfsalnet.models.__file__).parent / "weights"


def about(recorded: Recorded, model: SaliencyModel, part_seconds: tuple[float | None, float | None]) -> dict[str, str]:
    """What was set, in words, for a table.

    Args:
        recorded: the recording.
        model: that predicted.
        part_seconds: where of the source the recording begins and ends; None: where the source does.
    """
    info, said = recorded.info, model.describe()
    flow = said.get("flow")
    start, end = part_seconds
    return {
        "source": Path(info.source).name if info.path is not None else info.name,
        "frames": f"{len(recorded.times)} of {info.size_wh[0]}×{info.size_wh[1]}, {float(info.rate):.5g} per second",
        "part": "all of it"
        if start is end is None
        else f"{start or 0:g} s to {'the end' if end is None else f'{end:g} s'}",
        "model": str(said.get("name", model.name)),
        "weights": str(said.get("weights", "–")),
        "engine": model.backend_name or "–",
        "optical flow": flow["estimator"] if isinstance(flow, dict) else "–",
        "program": f"gfsalnet {__version__}",
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "notes": "; ".join(recorded.notes) or "none",
    }


def limits_of(model: SaliencyModel) -> tuple[str, ...]:
    """The points under `## Limits` in the README.md of the model's folder; none without a card.

    Args:
        model: by whose name the folder is found: in the package, or a path.
    """
    name = model.name.partition(":")[0]
    for folder in (_CARDS / name, Path(name)):
        try:
            card = (folder / "README.md").read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        return points_under(card, "Limits")
    return ()


def points_under(markdown: str, heading: str) -> tuple[str, ...]:
    """The points of the list under a heading of a Markdown text, without marks.

    >>> points_under("# A\\n\\n## Limits\\n\\n- One `thing`\\n  goes on.\\n- Two.\\n\\n## B\\n\\n- no", "Limits")
    ('One thing goes on.', 'Two.')
    """
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", markdown, re.MULTILINE | re.DOTALL)
    if section is None:
        return ()
    points = re.split(r"^- ", section[1].strip(), flags=re.MULTILINE)[1:]
    return tuple(re.sub(r"[`*]", "", " ".join(point.split())) for point in points)
