"""Paired differences against hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from drawn import BlobModel, Drawn, write_maps

from gfsalnet.errors import SourceError
from gfsalnet.evaluation import EvaluationSettings, MapsFolder, ModelSource, Report, compare, evaluate, write_comparison
from gfsalnet.evaluation.scoring import PREDICTION, PREDICTORS

NSS = EvaluationSettings(metrics=("nss", "kldiv"))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    """A model, the same with more doubt, and one that knows nothing."""
    root = tmp_path_factory.mktemp("reports")
    models = [BlobModel(0.3, "sure"), BlobModel(0.9, "unsure"), BlobModel(50, "lost")]
    return [evaluate(Drawn(), ModelSource(model), NSS, root / model.name) for model in models]


def nss_of(report: Report) -> list[np.ndarray]:
    return [video.scores[:, PREDICTORS.index(PREDICTION), 0] for video in report.videos]


def test_differences_are_means_over_videos_of_paired_frames(reports: list[Report]) -> None:
    unsure, lost = compare(reports)
    assert (unsure.name, unsure.reference, unsure.frames) == ("unsure", "sure", 16)
    expected = np.mean([(b - a).mean() for a, b in zip(nss_of(reports[0]), nss_of(reports[1]), strict=True)])
    assert unsure.means["nss"].value == pytest.approx(expected)
    assert lost.means["nss"].high < 0  # clearly worse
    assert lost.means["kldiv"].low > 0
    assert lost.means["nss"].low <= lost.means["nss"].value <= lost.means["nss"].high


def test_a_model_does_not_differ_from_itself(reports: list[Report]) -> None:
    (same,) = compare([reports[0], reports[0]])
    assert same.means["nss"].value == same.means["nss"].low == same.means["nss"].high == 0


def test_pairing_is_tighter_than_two_intervals(reports: list[Report]) -> None:
    difference = compare(reports)[0].means["nss"]
    (row,) = [row for row in reports[0].rows if row.predictor == PREDICTION]
    assert difference.high - difference.low < row.per_video["nss"].high - row.per_video["nss"].low


def test_only_frames_that_both_scored_count(reports: list[Report], tmp_path: Path) -> None:
    folder = write_maps(tmp_path / "maps", Drawn(), BlobModel(0.9), "abc")
    np.save(folder / "a" / "0001.npy", np.full((4, 4), np.nan))
    other = evaluate(Drawn(), MapsFolder(folder), NSS, tmp_path / "out")
    (difference,) = compare([reports[0], other])
    assert difference.frames == 3 + 4 + 4
    first = [nss_of(reports[0])[0][1:], *nss_of(reports[0])[1:3]]
    expected = np.mean([(b - a).mean() for a, b in zip(first, nss_of(other), strict=True)])
    assert difference.means["nss"].value == pytest.approx(expected)
    assert difference.means["nss"].count == 3


def test_what_was_scored_otherwise_is_refused(reports: list[Report], tmp_path: Path) -> None:
    other = evaluate(
        Drawn(), ModelSource(BlobModel()), EvaluationSettings(protocol="unisal", metrics=("nss", "kldiv")), tmp_path
    )
    with pytest.raises(SourceError, match="settings protocol unisal, sure with mit"):
        compare([reports[0], other])


def test_the_files(reports: list[Report], tmp_path: Path) -> None:
    tables = write_comparison(reports, tmp_path / "new")
    text = (tmp_path / "new" / "comparison.md").read_text()
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    assert rows[:9] == ["", "---", "uniform", "centre bias", "sure", "unsure", "lost", "humans, split half",
                        "humans, leave one viewer out"]  # fmt: skip
    assert rows[-2:] == ["unsure", "lost"]
    assert tables[1].rows[1][3].startswith("+")  # more KLDiv
    with (tmp_path / "new" / "comparison.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert [(row["name"], row["metric"]) for row in cells] == [
        ("unsure", "nss"), ("unsure", "kldiv"), ("lost", "nss"), ("lost", "kldiv"),
    ]  # fmt: skip
    assert float(cells[0]["value"]) == compare(reports)[0].means["nss"].value
    assert len(json.loads((tmp_path / "new" / "comparison.json").read_text())["reports"]) == 3
    assert r"\begin{table}" in (tmp_path / "new" / "comparison.tex").read_text()


def test_brackets_are_only_spoken_of_where_they_are(reports: list[Report], tmp_path: Path) -> None:
    for table in write_comparison(reports, tmp_path / "four"):
        cells = [cell for row in table.rows for cell in row[2:] if cell != "–"]
        assert all("[" in cell for cell in cells)
        assert any("In brackets" in note for note in table.notes)
    models = [BlobModel(0.3, "sure"), BlobModel(0.9, "unsure")]
    single = [evaluate(Drawn(("a",)), ModelSource(m), NSS, tmp_path / m.name) for m in models]
    for table in write_comparison(single, tmp_path / "one"):
        assert not any("[" in cell for row in table.rows for cell in row)
        assert not any("In brackets" in note for note in table.notes)
        assert any("No intervals" in note for note in table.notes)


def test_latex_sets_the_best_bold_and_the_second_underlined(reports: list[Report], tmp_path: Path) -> None:
    write_comparison(reports, tmp_path)
    first = (tmp_path / "comparison.tex").read_text().partition(r"\end{table}")[0]
    rows = {line.split(" & ")[0]: line for line in first.splitlines() if " & " in line}
    assert rows["sure"].count(r"\textbf{") == 2
    assert rows["unsure"].count(r"\underline{") == 2
    assert "textbf" not in rows["lost"] + rows["uniform"] + rows["humans, split half"]
    assert r"\toprule" in first
