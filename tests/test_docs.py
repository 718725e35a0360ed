"""The documentation says what the program does: pages of the verbs, words of --save, links, the notebook."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest

from gfsalnet.choices import SAVE_WORDS
from gfsalnet.packages import is_installed

DOCS = Path(__file__).parents[1] / "docs"


def test_every_verb_has_its_page_as_help_has_it() -> None:
    made = runpy.run_path(str(DOCS / "verbs" / "make.py"))["pages"]()
    there = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "verbs").glob("*.md")}
    stale = [name for name in made.keys() | there.keys() if made.get(name) != there.get(name)]
    assert stale == [], "run: python docs/verbs/make.py"


def test_the_words_of_save_stand_in_one_table() -> None:
    table = (
        (DOCS / "predict.md").read_text(encoding="utf-8").partition("## The words of `--save`")[2].partition("\n## ")[0]
    )
    assert re.findall(r"^\| `([a-z0-9]+)` \|", table, re.MULTILINE)[: len(SAVE_WORDS)] != []
    assert set(re.findall(r"^\| `([a-z0-9]+)` \|", table, re.MULTILINE)) - {"density", "log", "frame", "video"} == set(
        SAVE_WORDS
    )


def test_links_and_pictures_lead_somewhere() -> None:
    broken = []
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path = target.partition("#")[0]
            if path and "://" not in path and not (page.parent / path).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("matplotlib"), reason="needs Matplotlib")
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cell after cell as Jupyter would, without it."""
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((DOCS / "notebooks" / "first-look.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "first-look.ipynb", "exec"), names)
            assert cell["outputs"] == []  # stored without what a machine made of it
    assert (tmp_path / "figure-6.png").is_file()
