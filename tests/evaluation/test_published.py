"""The paper's tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from drawn import BlobModel, Drawn

from gfsalnet.evaluation import PAPER_TABLES, EvaluationSettings, ModelSource, evaluate, write_paper_table
from gfsalnet.evaluation.tables import Table, latex_text, number, with_interval


def test_values_read_off_the_paper() -> None:
    assert list(PAPER_TABLES) == ["I", "II", "III", "IV", "V", "VI"]
    assert PAPER_TABLES["I"].rows["GFSalNet, setting 1"] == (0.914, 0.526, 3.333, 0.382, 1.516)
    assert PAPER_TABLES["II"].rows["TASED-Net"] == (0.916, 0.570, 3.324, 0.471, 2.740)
    assert PAPER_TABLES["III"].rows["SalEMA"] == (0.890, 0.449, 2.574, 0.466)
    assert PAPER_TABLES["VI"].rows["GFSalNet"] == (0.892, 0.457, 2.190, 0.370, 1.485)
    for table in PAPER_TABLES.values():
        assert all(len(values) == len(table.columns) for values in table.rows.values())
        assert all(0.6 < values[0] < 0.95 for values in table.rows.values())


@pytest.mark.shared
def test_every_value_stands_in_the_papers_text(shared_dir: Path) -> None:
    text = (shared_dir / "facts" / "paper.txt").read_text()
    for table in PAPER_TABLES.values():
        start = text.index(f"TABLE {table.number}:")
        printed = re.findall(r"(?: \d\.\d{3}){4,5}", text[start : start + 1600])
        printed = [tuple(map(float, line.split())) for line in printed][: len(table.rows)]
        assert printed == list(table.rows.values())


def test_a_result_stands_under_the_published_rows(tmp_path: Path) -> None:
    report = evaluate(Drawn(), ModelSource(BlobModel()), EvaluationSettings(metrics=("nss", "cc")), tmp_path)
    write_paper_table(report, "I", tmp_path)
    lines = [line for line in (tmp_path / "paper-table-I.md").read_text().splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 14 + 2
    assert report.prediction is not None
    cells = [cell.strip() for cell in lines[-2].split("|")[1:-1]]
    nss, cc = (report.prediction.per_video[metric].value for metric in ("nss", "cc"))
    assert cells == ["blob (per-video mean)", "–", f"{cc:.3f}", f"{nss:.3f}", "–", "–"]
    text = (tmp_path / "paper-table-I.md").read_text()
    assert "Published on UCF-Sports, and blob on drawn test" in text
    assert "The rows cannot be compared: below the line is drawn, not UCF-Sports." in text
    assert "free viewers and 43 clips" not in text
    assert (tmp_path / "paper-table-I.tex").read_text().count(r"\midrule") == 2


def test_a_result_on_the_papers_dataset_is_told_what_differs(tmp_path: Path) -> None:
    report = evaluate(Drawn(), ModelSource(BlobModel()), EvaluationSettings(metrics=("nss",)), tmp_path)
    report.request["dataset"]["name"] = "diem-meta"
    assert not any("cannot be compared" in note for note in PAPER_TABLES["V"].beside(report).notes)
    assert any("cannot be compared" in note for note in PAPER_TABLES["IV"].beside(report).notes)
    report.request["dataset"]["name"] = "ucf-sports"
    assert any("43 clips" in note for note in PAPER_TABLES["I"].beside(report).notes)


def test_latex_escapes_what_would_be_a_command() -> None:
    assert latex_text("a_b & 5 % {x} \\ σ≥1 ↓") == r"a\_b \& 5 \% \{x\} \textbackslash{} $\sigma$$\ge$1 $\downarrow$"
    table = Table(caption="c", columns=["", "NSS ↑"], rows=[["my_model", "1.2 [1, 2]"]])
    assert r"my\_model & 1.2 [1, 2] \\" in table.latex()
    assert "| my_model | 1.2 [1, 2] |" in table.markdown()
    assert "a \\| b" in Table(caption="c", columns=["a | b"], rows=[]).markdown()


def test_numbers() -> None:
    assert number(1.23456) == "1.235"
    assert number(float("nan")) == "–"
    assert number(float("-inf")) == "-∞"
    assert with_interval(0.5, 0.25, 0.75, 2) == "0.50 [0.25, 0.75]"
    assert with_interval(0.5, float("nan"), float("nan")) == "0.500"
