"""What a model's card says about its limits."""

from __future__ import annotations

import re
from pathlib import Path

import gfsalnet.models
from gfsalnet.models import SaliencyModel

_CARDS = Path(gfsalnet.models.__file__).parent / "weights"


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
