"""Sources in several processes: the same results, whatever ends a process, and workers busy to the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.predict.remembering import RememberingModel, contents, forgetful, write_long

from gfsalnet.predict import Settings, default_workers, predict_in_pool, predict_sources
from gfsalnet.predict.pool import _largest_first


@pytest.fixture(autouse=True)
def short_warm_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfsalnet.predict.segments.WARM_UPS", 5)


class KilledOnce(RememberingModel):
    """Ends its process at a frame, the first time."""

    def __init__(self, marks: Path, every_time: bool = False) -> None:
        super().__init__()
        self.marks, self.every_time = marks, every_time

    def _small(self, frame):
        if frame.index == 150 and (self.every_time or not self.marks.exists()):
            self.marks.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._small(frame)


class Loads:
    """Makes a model in a worker."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def __call__(self) -> RememberingModel:
        return KilledOnce(*self.arguments)


def test_short_and_long_sources_give_what_they_give_one_by_one(tmp_path: Path) -> None:
    """Two are called alike; one is missing."""
    long = write_long(tmp_path / "a" / "clip.mp4", 100)
    short = write_long(tmp_path / "b" / "clip.mp4", 5)
    sources = [str(long), str(tmp_path / "missing.mp4"), str(short), str(write_long(tmp_path / "c" / "other.mp4", 5))]
    seen: dict[str, tuple[int, int | None]] = {}

    def lazily() -> Iterator[str]:
        yield from sources

    def on_frame(source: str, done: int, expected: int | None) -> None:
        seen[source] = done, expected

    one, many = (Settings(output=tmp_path / name, save=("csv", "npz")) for name in ("one", "many"))
    alone = {outcome.source: outcome for outcome in predict_sources(RememberingModel(), sources, one)}
    together = list(predict_in_pool(RememberingModel(), forgetful, lazily(), many, 2, on_frame))
    assert sorted(outcome.source for outcome in together) == sorted(sources)
    for outcome in together:
        before = alone[outcome.source]
        assert (outcome.status, outcome.frames, outcome.notes) == (before.status, before.frames, before.notes)
        if before.folder is None:
            assert outcome.message == before.message
        else:
            assert outcome.folder == many.output / before.folder.name
            assert contents(before.folder) == contents(outcome.folder)
    assert seen[str(long)] == (400, 400)
    again = list(predict_in_pool(RememberingModel(), forgetful, sources, many, 2))
    assert sorted(outcome.status for outcome in again) == ["failed", "skipped", "skipped", "skipped"]


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_segment_done_again(tmp_path: Path) -> None:
    long = write_long(tmp_path / "long.mp4", 100)
    settings, load = Settings(output=tmp_path / "out", save=("npz",)), Loads(tmp_path / "killed")
    (outcome,) = predict_in_pool(RememberingModel(), load, [str(long)], settings, 2)
    assert (tmp_path / "killed").exists()
    assert (outcome.status, outcome.frames) == ("done", 400)
    (whole,) = predict_sources(RememberingModel(), [str(long)], Settings(output=tmp_path / "one", save=("npz",)))
    assert outcome.folder is not None
    assert whole.folder is not None
    assert contents(outcome.folder) == contents(whole.folder)


@pytest.mark.slow
def test_a_source_that_always_ends_its_process_fails_alone(tmp_path: Path) -> None:
    """It is not the fault of the others that run beside it."""
    sources = [str(write_long(tmp_path / f"{name}.mp4", seconds)) for name, seconds in (("a", 40), ("b", 5), ("c", 5))]
    settings, load = Settings(output=tmp_path / "out", save=("npz",)), Loads(tmp_path / "killed", True)
    outcomes = {outcome.source: outcome for outcome in predict_in_pool(RememberingModel(), load, sources, settings, 2)}
    assert [outcomes[source].status for source in sources] == ["failed", "done", "done"]
    assert "ended unexpectedly" in outcomes[sources[0]].message


@pytest.mark.slow
def test_giving_up_ends_the_processes_and_keeps_what_is_whole(tmp_path: Path) -> None:
    sources = [str(write_long(tmp_path / "short.mp4", 5)), str(write_long(tmp_path / "long.mp4", 100))]
    outcomes = predict_in_pool(RememberingModel(), forgetful, sources, Settings(output=tmp_path / "out"), 1)
    assert next(outcomes).status == "done"
    outcomes.close()
    left = (
        {path.name for path in (tmp_path / "out" / "long").glob("*")} if (tmp_path / "out" / "long").exists() else set()
    )
    assert left <= {".pieces"}


def test_processes_are_started_where_there_is_enough_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, settings = RememberingModel(), Settings(output=tmp_path / "out")
    long, short = (str(write_long(tmp_path / f"{seconds}.mp4", seconds)) for seconds in (160, 10))
    monkeypatch.setattr("gfsalnet.predict.pool.cores", lambda: 4)
    monkeypatch.setattr("gfsalnet.predict.pool.memory_bytes", lambda: None)
    assert default_workers(model, [long], settings) == 1  # nobody knows whether there is room for more
    monkeypatch.setattr("gfsalnet.predict.pool.memory_bytes", lambda: 3 * 2**30)
    assert default_workers(model, [long], settings) == 4
    assert default_workers(model, [long], Settings(output=tmp_path / "out", max_frames=20)) == 1
    assert default_workers(model, [short] * 20, settings) == 4
    for few in ([], [short], [short, str(tmp_path / "missing.mp4"), "-", "0"]):
        assert default_workers(model, few, settings) == 1
    monkeypatch.setattr("gfsalnet.predict.pool.cores", lambda: 1)
    assert default_workers(model, [long], settings) == 1


def test_the_largest_files_come_first_unless_two_are_called_alike(tmp_path: Path) -> None:
    sizes = {"a/one.mp4": 5, "two.mp4": 50, "b/one.mp4": 500}
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    one, two, other = (str(tmp_path / name) for name in sizes)
    assert _largest_first([one, "https://example.org/v.mp4", two]) == [two, one, "https://example.org/v.mp4"]
    assert _largest_first([one, two, other]) == [one, two, other]
