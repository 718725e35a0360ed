"""All results in a few tables."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from clips import rows_of, write_clip
from test_run import Even, predict, statuses

from gfsalnet.errors import OutputError
from gfsalnet.predict import Settings, predict_sources
from gfsalnet.scale.collect import Collected, collect
from gfsalnet.scale.identity import id_of, result_path
from gfsalnet.scale.manifest import make_manifest
from gfsalnet.store import note_failures


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    for number in range(3):
        write_clip(tmp_path / "in" / f"{number}.mp4", frames=3 + number)
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    make_manifest([str(tmp_path / "in")], tmp_path / "m.parquet")
    return tmp_path / "m.parquet"


def test_frames_summaries_and_failures(manifest: Path, tmp_path: Path) -> None:
    predict(manifest, tmp_path / "out")
    predict(manifest, tmp_path / "out")
    assert collect(str(tmp_path / "out"), tmp_path / "tables") == Collected(results=3, frames=12, failures=1)
    frames = rows_of(tmp_path / "tables" / "frames.parquet")
    uri = str(tmp_path / "in" / "2.mp4")
    of_one = [row for row in frames if row["source"] == uri]
    assert [row["frame_index"] for row in of_one] == list(range(5))
    assert {row["id"] for row in of_one} == {id_of(uri)}
    with (tmp_path / "out" / result_path(id_of(uri)) / "frames.csv").open(newline="") as file:
        for row, stored in zip(of_one, csv.DictReader(file), strict=True):
            assert {name: None if text == "" else float(text) for name, text in stored.items()} == {
                name: row[name] for name in stored
            }
    summaries = {Path(row["source"]).name: row for row in rows_of(tmp_path / "tables" / "summaries.parquet")}
    one = summaries["2.mp4"]
    assert (one["frames"], one["width"], one["height"], one["frames_per_second"]) == (5, 64, 48, 10)
    assert (one["model_name"], json.loads(one["model"])["version"], one["outputs"]) == ("even", 1, "frames.csv")
    (failure,) = rows_of(tmp_path / "tables" / "failures.parquet")
    assert (failure["source"], failure["problem"][:21]) == (str(tmp_path / "in" / "bad.mp4"), "it is not a video tha")


def test_results_without_a_manifest(manifest: Path, tmp_path: Path) -> None:
    sources = [str(tmp_path / "in" / f"{number}.mp4") for number in range(2)]
    list(predict_sources(Even(), sources, Settings(output=tmp_path / "out", save=("csv",))))
    note_failures(tmp_path / "out", {"bad.mp4": "bad.mp4: it is not a video", sources[0]: "it has a result by now"})
    assert collect(str(tmp_path / "out"), tmp_path / "tables") == Collected(results=2, frames=7, failures=1)
    assert rows_of(tmp_path / "tables" / "failures.parquet")[0]["source"] == "bad.mp4"
    rows = rows_of(tmp_path / "tables" / "summaries.parquet")
    assert [(row["folder"], row["id"]) for row in rows] == [("0", id_of(sources[0])), ("1", id_of(sources[1]))]


def test_what_cannot_be_read_is_a_failure(manifest: Path, tmp_path: Path) -> None:
    predict(manifest, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "outcomes")
    folders = [tmp_path / "out" / result_path(id_of(str(tmp_path / "in" / f"{number}.mp4"))) for number in range(3)]
    (folders[0] / "summary.json").write_text("{}")
    (folders[1] / "frames.csv").write_text("frame_index,time_seconds\n0,soon\n")
    assert collect(str(tmp_path / "out"), tmp_path / "tables") == Collected(results=1, frames=5, failures=2)
    problems = sorted(row["problem"] for row in rows_of(tmp_path / "tables" / "failures.parquet"))
    assert problems[0].startswith("its summary is of another form (KeyError: 'source')")
    assert problems[1].startswith("not a readable table (")


def test_curves_of_an_older_version_lack_columns(manifest: Path, tmp_path: Path) -> None:
    predict(manifest, tmp_path / "out")
    folder = tmp_path / "out" / result_path(id_of(str(tmp_path / "in" / "0.mp4")))
    (folder / "frames.csv").write_text("frame_index,time_seconds,unheard_of\n0,0.5,x\n")
    collect(str(tmp_path / "out"), tmp_path / "tables")
    (row,) = [row for row in rows_of(tmp_path / "tables" / "frames.parquet") if row["source"].endswith("0.mp4")]
    assert (row["frame_index"], row["time_seconds"], row["entropy_bits"]) == (0, 0.5, None)


def test_a_source_that_succeeds_later_is_no_failure(manifest: Path, tmp_path: Path) -> None:
    clip = tmp_path / "in" / "0.mp4"
    shutil.move(clip, tmp_path / "away.mp4")
    assert statuses(predict(manifest, tmp_path / "out"))["0.mp4"] == "failed"
    shutil.move(tmp_path / "away.mp4", clip)
    assert collect(str(tmp_path / "out"), tmp_path / "tables").failures == 2
    predict(manifest, tmp_path / "out")
    assert collect(str(tmp_path / "out"), tmp_path / "tables") == Collected(results=3, frames=12, failures=1)


def test_nothing_there_leaves_no_tables(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("out", "nowhere"):
        with pytest.raises(OutputError, match=r"there is no result|cannot be read") as caught:
            collect(str(tmp_path / name), tmp_path / "tables")
        assert Path(caught.value.where) == tmp_path / name
    assert not (tmp_path / "tables").exists()


@pytest.mark.slow
def test_results_of_a_store(s3: Any, manifest: Path, tmp_path: Path) -> None:
    predict(manifest, f"{s3.bucket}/out")
    s3.refusals = 1
    assert collect(f"{s3.bucket}/out", tmp_path / "tables") == Collected(results=3, frames=12, failures=1)
