"""A video in segments gives what it gives in one piece, to the byte; where it cannot, it is predicted in one piece."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import av
import pytest
from tests.predict.remembering import RATE, RememberingModel, contents, write_long

from gfsalnet.models import load_model
from gfsalnet.predict import (
    SegmentTask,
    Settings,
    plan_segments,
    predict_in_segments,
    predict_segment,
    predict_source,
)
from gfsalnet.video import open_source


@pytest.fixture(autouse=True)
def short_warm_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    """At few frames per second those that tell a cut are many."""
    monkeypatch.setattr("gfsalnet.predict.segments.WARM_UPS", 5)


LONG_SECONDS = 100
"""Three segments."""


def plan(model: RememberingModel, path: Path, **how: Any) -> list[tuple[int, int, int]]:
    with open_source(path) as reader:
        return [(part.seen_from, part.first, part.end) for part in plan_segments(model, reader.info, **how)]


def in_both_ways(path: Path, output: Path, words: tuple[str, ...] = ("csv", "npz"), **how: Any) -> tuple[Path, Path]:
    """The folders of the results in one piece and in segments."""
    model = RememberingModel()
    whole = predict_source(model, str(path), Settings(output=output / "whole", save=words, **how))
    parts = predict_in_segments(model, str(path), Settings(output=output / "parts", save=words, **how))
    assert whole.folder is not None
    assert parts is not None
    assert parts.folder is not None
    assert (parts.status, parts.frames, parts.notes) == (whole.status, whole.frames, whole.notes)
    return whole.folder, parts.folder


def require_the_same(whole: Path, parts: Path) -> None:
    assert contents(whole) == contents(parts)
    one, other = (json.loads((folder / "summary.json").read_text()) for folder in (whole, parts))
    for summary in (one, other):
        del summary["seconds"]
    assert one == other


class Midnight(datetime):
    """The time at which every report is made."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Midnight:
        return cls(2000, 1, 1, tzinfo=tz)


VARYING = [1000 * n // RATE + 90 * (n % 2) + 20_000 * (n > 200) for n in range(400)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("closed.mp4", {"options": "open-gop=0"}),
        ("open.mp4", {"options": "open-gop=1"}),
        ("open.mkv", {"options": "open-gop=1"}),
        ("varying.mp4", {"options": "open-gop=1", "stamps": VARYING}),
        ("varying.mkv", {"stamps": VARYING}),
    ],
)
def test_every_output_is_the_same_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: dict[str, Any]
) -> None:
    monkeypatch.setattr("gfsalnet.report.about.datetime", Midnight)
    path = write_long(tmp_path / name, LONG_SECONDS, **how)
    assert len(plan(RememberingModel(), path)) >= 3
    words = ("overlay", "png", "csv", "npz", "report") if name == "open.mp4" else ("csv", "npz")
    require_the_same(*in_both_ways(path, tmp_path, words))


@pytest.mark.slow
def test_open_groups_of_hevc(tmp_path: Path) -> None:
    path = write_long(tmp_path / "open.mp4", 90, codec="libx265", options="open-gop=1")
    assert len(plan(RememberingModel(), path)) == 2
    require_the_same(*in_both_ways(path, tmp_path))


@pytest.mark.slow
def test_a_part_of_a_video(tmp_path: Path) -> None:
    path = write_long(tmp_path / "long.mp4", LONG_SECONDS, options="open-gop=1")
    how = {"part_seconds": (11.3, 90.0), "max_frames": 300}
    found = plan(RememberingModel(), path, **how)
    assert (found[0][:2], found[-1][2]) == ((46, 46), 46 + 300)
    require_the_same(*in_both_ways(path, tmp_path, **how))


def test_segments_begin_after_a_warm_up_from_a_key_frame_and_are_long(tmp_path: Path) -> None:
    found = plan(RememberingModel(), write_long(tmp_path / "long.mp4", LONG_SECONDS))
    assert found[0][:2] == (0, 0)
    assert [end for _, _, end in found[:-1]] == [first for _, first, _ in found[1:]]
    assert found[-1][2] == LONG_SECONDS * RATE
    for seen_from, first, end in found[1:]:
        assert seen_from % 16 == 0
        assert first - seen_from >= 2 * RATE + 4
        assert end - first >= 30 * RATE


@pytest.mark.parametrize("what", ["short", "endless memory", "raw", "cut off", "no key frames"])
def test_what_is_predicted_in_one_piece(tmp_path: Path, what: str) -> None:
    model = RememberingModel()
    if what == "endless memory":
        model.reach_seconds = float("inf")
    name = {"raw": "video.h264", "cut off": "video.mkv"}.get(what, "video.mp4")
    options = "keyint=infinite:open-gop=0" if what == "no key frames" else ""
    path = write_long(tmp_path / name, 40 if what == "short" else 80, options=options)
    if what == "cut off":
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
    assert plan(model, path) == []
    assert predict_in_segments(model, str(path), Settings(output=tmp_path / "out", save=("npz",))) is None
    assert not (tmp_path / "out" / "video").exists()


@pytest.mark.slow
def test_a_picture_that_does_not_decode_is_for_one_piece(tmp_path: Path) -> None:
    """The index tells nothing of it, so that it is met in a segment."""
    path = write_long(tmp_path / "broken.mp4", LONG_SECONDS)
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][333]
        position, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[position + size // 2 : position + size] = bytes(size - size // 2)
    path.write_bytes(data)
    assert len(plan(RememberingModel(), path)) == 3
    settings = Settings(output=tmp_path / "out", save=("npz",))
    assert predict_in_segments(RememberingModel(), str(path), settings) is None
    assert predict_source(RememberingModel(), str(path), settings).status == "damaged"


class Watched:
    """Runs segments in this process, and remembers which."""

    def __init__(self, model: RememberingModel, fails_at: int | None = None) -> None:
        self.model, self.fails_at = model, fails_at
        self.done: list[tuple[int, int]] = []

    def __call__(self, tasks: Sequence[SegmentTask]) -> Iterator[SegmentTask]:
        for task in tasks:
            if task.segment.number == self.fails_at:
                raise KeyboardInterrupt
            predict_segment(self.model, task)
            self.done.append((task.segment.number, task.segment.seen_from))
            yield task


def test_a_run_that_was_stopped_goes_on_from_its_pieces(tmp_path: Path) -> None:
    path, model = write_long(tmp_path / "long.mp4", LONG_SECONDS), RememberingModel()
    settings = Settings(output=tmp_path / "out", save=("npz",))
    first, second = Watched(model, fails_at=2), Watched(model)
    with pytest.raises(KeyboardInterrupt):
        predict_in_segments(model, str(path), settings, first)
    assert sorted(p.name for p in (tmp_path / "out" / "long").iterdir()) == [".pieces"]
    outcome = predict_in_segments(model, str(path), settings, second)
    assert outcome is not None
    assert outcome.folder == tmp_path / "out" / "long"
    assert ([n for n, _ in first.done], [n for n, _ in second.done]) == ([0, 1], [2])
    assert sorted(p.name for p in outcome.folder.iterdir()) == ["maps.npz", "summary.json"]
    whole = predict_source(model, str(path), replace(settings, output=tmp_path / "whole"))
    assert whole.folder is not None
    assert contents(whole.folder) == contents(outcome.folder)


def test_a_damaged_piece_is_no_result(tmp_path: Path) -> None:
    path, model = write_long(tmp_path / "long.mp4", LONG_SECONDS), RememberingModel()
    settings = Settings(output=tmp_path / "out", save=("npz",))
    with pytest.raises(KeyboardInterrupt):
        predict_in_segments(model, str(path), settings, Watched(model, fails_at=2))
    for piece in (tmp_path / "out" / "long" / ".pieces").iterdir():
        piece.write_bytes(piece.read_bytes()[:-9000])
    assert predict_in_segments(model, str(path), settings) is None
    assert not (tmp_path / "out" / "long").exists()


@pytest.mark.slow
def test_a_memory_that_is_longer_than_stated_gets_longer_warm_ups(tmp_path: Path) -> None:
    """It never ends, so that each segment is begun at the beginning, in the end."""
    path, model = write_long(tmp_path / "long.mp4", LONG_SECONDS), RememberingModel(forgets=False)
    run = Watched(model)
    parts = predict_in_segments(model, str(path), Settings(output=tmp_path / "parts", save=("npz",)), run)
    whole = predict_source(model, str(path), Settings(output=tmp_path / "whole", save=("npz",)))
    assert parts is not None
    assert parts.folder is not None
    assert whole.folder is not None
    assert contents(parts.folder) == contents(whole.folder)
    assert run.done[-1] == (2, 0)


@pytest.mark.slow
def test_the_shipped_model_on_a_recording(shared_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flow, motion against the camera, the gate and the memory, warmed up from a key frame."""
    monkeypatch.setattr("gfsalnet.predict.segments.LEAST_SECONDS", 5.0)
    path, model = shared_dir / "data" / "clips" / "intel_bottle-detection.mp4", load_model(threads=1)
    made = {}
    for name, predict in (("whole", predict_source), ("parts", predict_in_segments)):
        settings = Settings(output=tmp_path / name, save=("csv", "npz", "gate", "overlay"), max_frames=520)
        outcome = predict(model, str(path), settings)
        assert outcome is not None
        assert outcome.folder is not None
        made[name] = contents(outcome.folder)
    with open_source(path) as reader:
        assert len(plan_segments(model, reader.info, max_frames=520)) == 2
    assert set(made["whole"]) == set(made["parts"])
    assert [name for name in made["whole"] if made["whole"][name] != made["parts"][name]] == []
