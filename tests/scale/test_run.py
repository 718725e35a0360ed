"""Shards of a manifest: what is missing is predicted, and every row that is not has its reason."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from clips import rows_of, write_clip

from gfsalnet.errors import OutputError, SourceError
from gfsalnet.models import SaliencyModel
from gfsalnet.object_store import objects_under, read, write
from gfsalnet.predict import Outcome, Settings, asked_of_all, predict_sources
from gfsalnet.scale import run as module
from gfsalnet.scale.identity import id_of, result_path
from gfsalnet.scale.manifest import make_manifest
from gfsalnet.scale.run import open_shard
from gfsalnet.scale.tables import MANIFEST
from gfsalnet.types import Frame, Prediction


class Even(SaliencyModel):
    """The same everywhere: a model without weights."""

    name = "even"
    input_size_hw = (12, 16)
    version = 1

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version}

    def stream(self, frames: Iterable[Frame], seconds: dict[str, float] | None = None) -> Iterator[Prediction]:
        for frame in frames:
            yield Prediction(frame=frame, map_density=np.full((12, 16), 1 / 192, np.float32))


def predict(
    manifest: Path,
    output: Path | str,
    *,
    save: tuple[str, ...] = ("csv",),
    version: int = 1,
    **how: Any,
) -> list[Outcome]:
    model = Even()
    model.version = version
    settings = Settings(output=Path("unused"), save=save, overwrite=how.get("overwrite", False))
    shard = open_shard(manifest, str(output), asked=asked_of_all(model, settings), save=save, **how)
    return list(shard.outcomes(lambda sources: predict_sources(model, sources, settings)))


def planned(manifest: Path, output: Path | str, save: tuple[str, ...] = ("csv",), **how: Any) -> tuple[int, int]:
    """Rows that are done, and to do."""
    asked = asked_of_all(Even(), Settings(output=Path("unused")))
    plan = open_shard(manifest, str(output), asked=asked, save=save, **how).plan
    return plan.done, len(plan.to_do)


def statuses(outcomes: Iterable[Outcome]) -> dict[str, str]:
    return {Path(outcome.source).name: outcome.status for outcome in outcomes}


def outcome_rows(output: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((output / "outcomes").iterdir()) for row in rows_of(path)]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for number in range(4):
        write_clip(tmp_path / "in" / f"{number}.mp4", frames=3)
    return tmp_path / "in"


@pytest.fixture
def manifest(clips: Path, tmp_path: Path) -> Path:
    make_manifest([str(clips)], tmp_path / "m.parquet")
    return tmp_path / "m.parquet"


def test_shards_share_the_rows_and_a_second_run_does_nothing(manifest: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcomes = [outcome for number in (1, 2, 3) for outcome in predict(manifest, out, shard=f"{number}/3")]
    assert sorted(statuses(outcomes).items()) == [(f"{number}.mp4", "done") for number in range(4)]
    for path in clips.iterdir():
        summary = json.loads((out / result_path(id_of(str(path))) / "summary.json").read_text())
        assert (summary["source"]["path"], summary["frames"]) == (str(path), 3)
    assert predict(manifest, out) == []
    assert [row["status"] for row in outcome_rows(out)] == ["done"] * 4
    assert {row["shard"] for row in outcome_rows(out)} <= {"1/3", "2/3", "3/3"}


def test_what_is_done_is_known_by_the_summaries_too(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict(manifest, out)
    shutil.rmtree(out / "outcomes")
    assert planned(manifest, out) == (4, 0)
    assert predict(manifest, out) == []
    assert [row["status"] for row in outcome_rows(out)] == ["done"] * 4  # written down again


def test_only_what_is_missing_is_done(manifest: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict(manifest, out)
    shutil.rmtree(out / result_path(id_of(str(clips / "2.mp4"))))
    (out / result_path(id_of(str(clips / "3.mp4"))) / "summary.json").unlink()  # as while it is replaced
    assert planned(manifest, out) == (2, 2)
    assert planned(manifest, out, ("csv", "npz")) == (0, 4)
    assert statuses(predict(manifest, out)) == {"2.mp4": "done", "3.mp4": "done"}
    predict(manifest, out, save=("npz",))
    assert planned(manifest, out, ("csv",)) == (4, 0)  # adding outputs keeps those that are there
    folder = out / result_path(id_of(str(clips / "1.mp4")))
    assert sorted(path.name for path in folder.iterdir()) == ["frames.csv", "maps.npz", "summary.json"]
    assert sorted(statuses(predict(manifest, out, overwrite=True)).values()) == ["done"] * 4


def test_results_of_other_settings_are_in_the_way_once(manifest: Path, tmp_path: Path) -> None:
    # Where the folder of the test lies decides which clips are in which shard: one of the two may have none.
    shard = next(shard for shard in ("1/2", "2/2") if predict(manifest, tmp_path / "out", shard=shard))
    with pytest.raises(OutputError, match=r"holds results of other settings \(model\.version was 1, is 2\)"):
        predict(manifest, tmp_path / "out", version=2)
    first = predict(manifest, tmp_path / "out", version=2, overwrite=True, shard=shard)
    rest = predict(manifest, tmp_path / "out", version=2)
    assert statuses(first) | statuses(rest) == dict.fromkeys((f"{number}.mp4" for number in range(4)), "done")


def test_sources_that_are_not_what_they_were(manifest: Path, clips: Path, tmp_path: Path) -> None:
    write_clip(clips / "0.mp4", frames=5)
    (clips / "1.mp4").unlink()
    (clips / "2.mp4").write_bytes((clips / "2.mp4").read_bytes()[:300])
    outcomes = predict(manifest, tmp_path / "out")
    assert statuses(outcomes) == {"0.mp4": "failed", "1.mp4": "failed", "2.mp4": "failed", "3.mp4": "done"}
    problems = {Path(row["uri"]).name: row["problem"] for row in outcome_rows(tmp_path / "out")}
    assert problems["0.mp4"].startswith("it has changed since it was listed (bytes was ")
    assert problems["1.mp4"].startswith("there is no such file or folder. ")
    assert problems["3.mp4"] is None
    write_clip(clips / "1.mp4", frames=5)
    make_manifest([str(clips)], manifest)
    assert statuses(predict(manifest, tmp_path / "out"))["0.mp4"] == "done"
    write_clip(clips / "3.mp4", frames=7)  # it was done
    make_manifest([str(clips)], manifest)
    assert statuses(predict(manifest, tmp_path / "out"))["3.mp4"] == "done"


def test_rows_that_are_not_tried_have_their_reasons(manifest: Path, clips: Path, tmp_path: Path) -> None:
    (clips / "empty.mp4").touch()
    make_manifest([str(clips)], manifest)
    good = rows_of(manifest)
    rows = [
        *good,
        good[0],
        {"uri": None},
        {"uri": "clip.mp4"},
        {"uri": "rtsp://camera/1"},
        {"uri": str(clips / "3.mp4"), "id": "../../etc"},
        {"uri": "https://ann:pa55@host/x.mp4"},
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=MANIFEST), manifest)
    outcomes = predict(manifest, tmp_path / "out")
    words = [
        "the file is empty",
        "an earlier row of the manifest names it already",
        "the row has no URI",
        "is neither an absolute path nor an address",
        "addresses of rtsp are not read here",
        "its id is not that of its URI",
        "its user, password or query is a secret",
    ]
    assert [outcome.status for outcome in outcomes] == ["failed", "skipped", *["failed"] * 5, *["done"] * 4]
    for outcome, reason in zip(outcomes, words, strict=False):
        assert reason in outcome.message
    assert not any(b"pa55" in path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert [outcome.status for outcome in predict(manifest, tmp_path / "out")] == ["failed", "skipped", *["failed"] * 5]
    assert len(outcome_rows(tmp_path / "out")) == 11  # the same reasons are not written down again


def test_a_list_of_uris_is_manifest_enough(clips: Path, tmp_path: Path) -> None:
    table = pyarrow.table({"uri": [str(clips / "0.mp4")], "more": [1]})
    pyarrow.parquet.write_table(table, tmp_path / "m.parquet")
    assert statuses(predict(tmp_path / "m.parquet", tmp_path / "out")) == {"0.mp4": "done"}
    assert planned(tmp_path / "m.parquet", tmp_path / "out") == (1, 0)
    (tmp_path / "m.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="not a readable Parquet file"):
        predict(tmp_path / "m.parquet", tmp_path / "out")


def test_a_full_disk_stops_no_other_row_and_a_second_run_does_the_rest(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("gfsalnet.store.folder.publish", full)
        outcomes = predict(manifest, tmp_path / "out")
        assert {outcome.status for outcome in outcomes} == {"failed"}
        assert all("No space left on device" in outcome.message for outcome in outcomes)
    assert sorted(statuses(predict(manifest, tmp_path / "out")).values()) == ["done"] * 4
    monkeypatch.setattr("gfsalnet.files.publish", full)
    with pytest.raises(OutputError, match="No space left on device"):
        predict(manifest, tmp_path / "out", save=("npz",))


def test_a_kill_loses_no_result(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(output=Path("unused"), save=("csv",))
    shard = open_shard(manifest, str(tmp_path / "out"), asked=asked_of_all(Even(), settings), save=("csv",))
    outcomes = shard.outcomes(lambda sources: predict_sources(Even(), sources, settings))
    with monkeypatch.context() as patch:
        patch.setattr(type(shard.log), "flush", lambda log: None)
        next(outcomes)
        next(outcomes)
        outcomes.close()
    assert not (tmp_path / "out" / "outcomes").exists()
    assert planned(manifest, tmp_path / "out") == (2, 2)


@pytest.mark.slow
def test_results_in_a_store(s3: Any, manifest: Path, clips: Path, tmp_path: Path) -> None:
    out = f"{s3.bucket}/out"
    for path in clips.iterdir():
        write(f"{s3.bucket}/in/{path.name}", path.read_bytes(), SourceError)
    write(f"{s3.bucket}/in/bad.mp4", b"no video", SourceError)
    make_manifest([f"{s3.bucket}/in"], manifest)
    s3.refusals = 2
    outcomes = predict(manifest, out)
    assert sorted(statuses(outcomes).values()) == [*["done"] * 4, "failed"]
    folder = f"{out}/{result_path(id_of(f'{s3.bucket}/in/1.mp4'))}"
    assert [stored.address for stored in objects_under(folder, SourceError)] == [
        f"{folder}/frames.csv",
        f"{folder}/summary.json",
    ]
    summary = json.loads(read(f"{folder}/summary.json", SourceError) or b"")
    assert summary["source"]["path"].startswith(f"{s3.bucket}/in/1.mp4 (ETag ")
    assert planned(manifest, out) == (4, 0)
    assert [outcome.status for outcome in predict(manifest, out)] == ["failed"]
    for stored in list(objects_under(f"{out}/outcomes", SourceError)):
        write(stored.address, b"", SourceError)
    with pytest.raises(OutputError, match="Remove it"):
        planned(manifest, out)


@pytest.mark.slow
def test_a_store_that_refuses_a_result_is_a_reason(
    s3: Any, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OutputError("s3://b/x", "the store does not do it (SlowDown)", "Try again")

    with monkeypatch.context() as patch:
        patch.setattr("gfsalnet.scale.destination.write_folder", refuse)
        outcomes = predict(manifest, f"{s3.bucket}/out")
    assert {outcome.status for outcome in outcomes} == {"failed"}
    assert sorted(statuses(predict(manifest, f"{s3.bucket}/out")).values()) == ["done"] * 4


def test_nothing_is_written_to_other_addresses(manifest: Path) -> None:
    for output in ("https://example.org/out", "ftp://x/y"):
        with pytest.raises(OutputError, match="nothing can be written to this address"):
            predict(manifest, output)
    assert module.REQUEST_FILE == "request.json"
