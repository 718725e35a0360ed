"""Sources on a Ray cluster: the same results as here, whatever becomes of its processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import ray
from tests.predict.remembering import RememberingModel, contents, forgetful, write_long

from gfsalnet._version import __version__
from gfsalnet.errors import GFSalNetError, OutputError
from gfsalnet.predict import Outcome, Settings, predict_in_pool, predict_sources
from gfsalnet.scale.ray_pool import RayPool, _require_the_same
from gfsalnet.workers import result_of

LONG_SECONDS = 100
KILLED_AT = 150


class KilledOnce(RememberingModel):
    """Ends its process at a frame, the first time, and notes the frames that it sees."""

    def __init__(self, notes: Path) -> None:
        super().__init__()
        self.notes = notes

    def _small(self, frame):
        with self.notes.open("a") as file:
            file.write(f"{frame.index}\n")
        mark = self.notes.with_suffix(".killed")
        if frame.index == KILLED_AT and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._small(frame)


@pytest.fixture(scope="module")
def two_processes() -> Iterator[None]:
    """Ray on this machine, once for all tests: it takes some ten seconds to start."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80 * 2**20)
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def short_warm_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfsalnet.predict.segments.WARM_UPS", 5)


def predicted(load: partial[RememberingModel], sources: list[str], output: Path, workers: int) -> dict[str, Outcome]:
    settings, pool = Settings(output=output, save=("csv", "npz")), partial(RayPool, folder=output)
    outcomes = list(predict_in_pool(RememberingModel(), load, sources, settings, workers, new_pool=pool))
    assert not list(output.glob(".ray-*"))
    return {outcome.source: outcome for outcome in outcomes}


def require_the_same(outcomes: dict[str, Outcome], sources: list[str], output: Path) -> None:
    alone = list(predict_sources(RememberingModel(), sources, Settings(output=output, save=("csv", "npz"))))
    assert len(outcomes) == len(alone)
    for before in alone:
        outcome = outcomes[before.source]
        assert (outcome.status, outcome.frames, outcome.notes) == (before.status, before.frames, before.notes)
        if before.folder is None or outcome.folder is None:
            assert outcome.message == before.message
        else:
            assert contents(outcome.folder) == contents(before.folder)


# Before Ray is started for the others.
@pytest.mark.parametrize(
    ("address", "problem"),
    [("127.0.0.1:1", "cannot be reached"), ("ray://127.0.0.1:1", "is no address"), ("cluster", "is no address")],
)
def test_a_cluster_that_is_not_there_is_one_line(address: str, problem: str) -> None:
    with pytest.raises(GFSalNetError, match=f"Ray at {address}: {problem}") as raised:
        RayPool(1, address=address)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.usefixtures("two_processes")
def test_short_long_and_broken_sources_give_what_they_give_here(tmp_path: Path) -> None:
    """The last long video is shared out; where others wait, a process predicts all segments of one itself."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    videos = [str(write_long(tmp_path / f"{n}.mp4", seconds)) for n, seconds in enumerate((LONG_SECONDS, 5, 5, 5))]
    sources = [videos[0], str(broken), *videos[1:], str(write_long(tmp_path / "last.mp4", LONG_SECONDS))]
    outcomes = predicted(partial(forgetful), sources, tmp_path / "ray", 1)
    require_the_same(outcomes, sources, tmp_path / "here")
    assert [outcomes[source].status for source in sources] == ["done", "failed", "done", "done", "done", "done"]


@pytest.mark.slow
@pytest.mark.usefixtures("two_processes")
@pytest.mark.parametrize("others", [0, 3], ids=["shared out", "by one process"])
def test_a_killed_process_repeats_no_more_than_a_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    if others:
        monkeypatch.delattr("gfsalnet.predict.pool.predict_in_segments")  # in this process
    notes = tmp_path / "frames"
    sources = [str(write_long(tmp_path / "long.mp4", LONG_SECONDS))]
    sources += [str(write_long(tmp_path / f"{number}.mp4", 5)) for number in range(others)]
    outcomes = predicted(partial(KilledOnce, notes), sources, tmp_path / "ray", 2 if others == 0 else 1)
    assert notes.with_suffix(".killed").exists()
    require_the_same(outcomes, sources, tmp_path / "here")
    seen = [int(line) for line in notes.read_text().split()]
    segment, warm_ups = 40 * 4, 4 * 40  # four segments of at most 40 s, warmed up with less than 10 s each
    assert len(seen) <= (LONG_SECONDS + 5 * others) * 4 + segment + warm_ups


def test_what_a_node_must_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mark").touch()
    _require_the_same(__version__, tmp_path, tmp_path / "mark")
    with pytest.raises(GFSalNetError, match=r"has gfsalnet .* and not 0\.0"):
        _require_the_same("0.0", tmp_path, None)
    with pytest.raises(OutputError, match=r"the Ray node .*: does not see .*missing.*Start the command in a folder"):
        _require_the_same(__version__, tmp_path / "missing", None)
    with pytest.raises(OutputError, match=rf"the Ray node .*: does not see {tmp_path}/out.*Choose an --output"):
        _require_the_same(__version__, tmp_path, tmp_path / "out" / "mark")


@pytest.mark.slow
@pytest.mark.usefixtures("two_processes")
def test_a_folder_that_no_node_sees_ends_it_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "touch", lambda *arguments, **more: None)
    with pytest.raises(OutputError, match="does not see"), RayPool(2, folder=tmp_path / "out"):
        pytest.fail("it was begun")


@pytest.mark.slow
@pytest.mark.usefixtures("two_processes")
def test_errors_come_back_as_they_are() -> None:
    with RayPool(1) as pool:
        assert result_of(pool.submit(abs, -3)) == 3
        with pytest.raises(ZeroDivisionError):
            result_of(pool.submit(divmod, 1, 0))
        with pytest.raises(GFSalNetError, match="ended unexpectedly"):
            result_of(pool.submit(os._exit, 1))
