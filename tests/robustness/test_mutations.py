"""Damaged copies of every format that is read: one line, no traceback, no hang, nothing half, no silent loss."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import samples
from children import SECONDS, Ending, in_child
from mutations import mutated

h5py, torch, scipy, pyarrow = (pytest.importorskip(name) for name in ("h5py", "torch", "scipy", "pyarrow"))

SILENT, SILENT_SHARE = "lost in silence", 0.0004
"""What is known to be left (docs/reliability.md): it must not grow."""
BATCH = 200
"""Damaged videos that one process reads."""


def _readers() -> dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]]:
    from gfsalnet.areas.reading import read_areas
    from gfsalnet.errors import GFSalNetError
    from gfsalnet.evaluation.map_sequences import read_map
    from gfsalnet.flow.flo import read_flo
    from gfsalnet.formats.arrays import ArrayArchive
    from gfsalnet.formats.mat import read_mat
    from gfsalnet.formats.texts import read_toml
    from gfsalnet.gaze.table import read_table
    from gfsalnet.models.official_weights.read import read_official

    return {
        "fixations.csv": (samples.write_csv, read_table),
        "fixations.parquet": (samples.write_parquet, read_table),
        "a.mat": (samples.write_mat, read_mat),
        "new.mat": (samples.write_mat73, read_mat),
        "maps.npz": (samples.write_npz, lambda path: ArrayArchive(path, GFSalNetError).read_all()),
        "map.npy": (samples.write_npy, lambda path: read_map(path).sum()),
        "areas.json": (samples.write_areas, read_areas),
        "gfsalnet.toml": (samples.write_toml, lambda path: read_toml(path, GFSalNetError)),
        "a.pt": (samples.write_torch, read_official),
        "a.safetensors": (samples.write_safetensors, read_official),
        "a.h5": (samples.write_keras, read_official),
        "a.flo": (samples.write_flo, read_flo),
    }


def _command(*arguments: object) -> Callable[[], int]:
    """A command of the program, to be run in a child."""

    def work() -> int:
        from gfsalnet.cli import app

        app([str(argument) for argument in arguments])
        return 0

    return work


def _reading(read: Callable[[Path], Any], path: Path) -> Callable[[], int]:
    """Read a file as the program does, in a child: 1 and one line if it is refused."""

    def work() -> int:
        from gfsalnet.errors import GFSalNetError

        try:
            read(path)
        except GFSalNetError as error:
            print(error)
            return 1
        return 0

    return work


class Tally:
    """Counts endings, and keeps what was wrong with the input that caused it."""

    def __init__(self, kept: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._kept = kept

    def add(self, path: Path, ending: Ending, what: str, wrong: str | None) -> None:
        """Note how a child ended; `wrong` is what else is wrong than the ending says."""
        wrong = ending.wrong() or wrong
        self.counts["refused" if ending.status else "read"] += 1
        if wrong:
            self._kept.mkdir(exist_ok=True)
            kept = self._kept / f"{len(self.wrong)}-{path.name}"
            shutil.copyfile(path, kept)
            self.wrong.append(f"{kept} ({what}): {wrong}\n    {ending.said.strip()[-300:]}")

    def check(self) -> None:
        """Fail with all that was wrong."""
        assert not self.wrong, "\n".join(self.wrong)


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory) -> None:
    """Import here, once, what a child imports that does the work."""
    import cv2

    cv2.setNumThreads(0)  # threads do not survive a fork
    folder = tmp_path_factory.mktemp("warm")
    samples.write_video(folder / "a.mkv", samples.VIDEOS["a.mkv"])
    command = _command("predict", folder / "a.mkv", "--model", "centre-bias", "--save", "csv", "-o", folder / "out")

    def work() -> int:
        with suppress(SystemExit):
            command()
        (folder / "modules").write_text("\n".join(sys.modules))
        return 0

    # Everything is imported and compiled here, which takes minutes where others are at work as well.
    assert in_child(work, folder / "said", seconds=10 * SECONDS).status == 0
    for name in (folder / "modules").read_text().split():
        if name.startswith(("gfsalnet.", "rich.", "typer.", "numpy.")):
            with suppress(ImportError):
                importlib.import_module(name)


@pytest.mark.release(share=0.5)
def test_damaged_videos(tmp_path, rounds, tell):
    whole = {}
    for name, arguments in samples.VIDEOS.items():
        samples.write_video(tmp_path / name, arguments)
        whole[name] = (tmp_path / name).read_bytes()
    tally, silent, done = Tally(tmp_path / "kept"), Counter(), 0
    for done, rng in rounds(5000):  # noqa: B007
        name = str(rng.choice(list(whole)))
        data, what = mutated(whole[name], rng)
        path, out = tmp_path / "now" / name, tmp_path / "out"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        command = _command("predict", path, "--model", "centre-bias", "--save", "csv", "-o", out)
        ending = in_child(command, tmp_path / "said")
        wrong, kind = _judged(out / path.stem, ending)
        silent[kind] += 1
        tally.add(path, ending, what, wrong)
        shutil.rmtree(out, ignore_errors=True)
    tell(f"{done + 1} damaged videos: {dict(sorted(silent.items()))}, wrong: {len(tally.wrong)}")
    tally.check()
    assert silent[SILENT] <= max(1, SILENT_SHARE * (done + 1))


def _judged(folder: Path, ending: Ending) -> tuple[str | None, str]:
    """What is wrong with the results, and how they are to be counted."""
    if not (folder / "summary.json").exists():
        half = sorted(path.name for path in folder.glob("*")) if folder.exists() else []
        return (f"left {half}" if half else "status 0 without a result" if not ending.status else None), "refused"
    summary = json.loads((folder / "summary.json").read_text())
    frames, rows = summary["frames"], len((folder / "frames.csv").read_text().splitlines()) - 1
    if rows != frames:
        return f"{rows} rows of {frames} frames", "half"
    if summary["damage"] is None:
        if frames < samples.FRAMES:
            return None, SILENT
        return (None if ending.status == 0 else "status 1 without damage"), "as whole"
    counted = (
        summary["frames_lost"] == samples.FRAMES - frames or "unknown" in summary["loss"] or "least" in summary["loss"]
    )
    return (None if ending.status == 1 else "damage with status 0"), "said" if counted else "said, another count"


@pytest.mark.release(share=0.3)
def test_many_damaged_videos_are_read(tmp_path, rounds, tell):
    """Without the rest of the command, and many in one process: a hundred times as fast."""
    whole, kept = {}, tmp_path / "kept"
    for name, arguments in samples.VIDEOS.items():
        samples.write_video(tmp_path / name, arguments)
        whole[name] = (tmp_path / name).read_bytes()
    counts, wrong = Counter(), []
    for _, rng in rounds(10_000 // BATCH):

        def work(rng: np.random.Generator = rng) -> int:
            for number in range(BATCH):
                name = str(rng.choice(list(whole)))
                data, what = mutated(whole[name], rng)
                path = tmp_path / "now" / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
                kind, trouble = _read_here(path)
                if kind == SILENT:
                    kept.mkdir(exist_ok=True)
                    shutil.copyfile(path, kept / f"{len(list(kept.iterdir()))}-{name}")
                print(json.dumps([kind, trouble and f"{name}, {what}, {number}: {trouble}"]), flush=True)
            return 0

        ending = in_child(work, tmp_path / "said", seconds=BATCH)
        results = [json.loads(line) for line in ending.said.splitlines() if line.startswith('["')]
        counts.update(kind for kind, _ in results)
        wrong += [trouble for _, trouble in results if trouble]
        if ending.wrong() or len(results) < BATCH:
            wrong.append(f"after {len(results)} of a batch: {ending.wrong()}\n{ending.said[-300:]}")
    tell(f"{counts.total()} damaged videos read: {dict(sorted(counts.items()))}, wrong: {len(wrong)}")
    assert counts[SILENT] <= max(2, SILENT_SHARE * counts.total())
    assert not wrong, f"inputs in {kept}:\n" + "\n".join(wrong)


def _read_here(path: Path) -> tuple[str, str | None]:
    """How the loss is to be counted, and what is wrong."""
    from gfsalnet.errors import GFSalNetError
    from gfsalnet.video import open_source

    try:
        with open_source(str(path)) as reader:
            frames = sum(1 for _ in reader)
    except GFSalNetError:
        return "refused", None
    report, lost = reader.report, samples.FRAMES - frames
    if report.damage is None:
        return ("as whole" if lost <= 0 else SILENT), None
    return "said" if report.loss_unknown or report.frames_lost == max(0, lost) else "said, another count", None


@pytest.mark.release(share=0.2)
def test_damaged_pictures(tmp_path, rounds, tell):
    whole = {}
    for name, write in samples.PICTURES.items():
        write(tmp_path / name)
        whole[name] = (tmp_path / name).read_bytes()
    tally, done = Tally(tmp_path / "kept"), 0
    for done, rng in rounds(2000):  # noqa: B007
        name = str(rng.choice(list(whole)))
        data, what = mutated(whole[name], rng)
        path, out = tmp_path / "now" / name, tmp_path / "out"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        ending = in_child(
            _command("predict", path, "--model", "centre-bias", "--save", "csv", "-o", out), tmp_path / "said"
        )
        folder = out / path.stem
        half = [] if (folder / "summary.json").exists() or not folder.exists() else list(folder.iterdir())
        tally.add(path, ending, what, f"left {half}" if half else None)
        shutil.rmtree(out, ignore_errors=True)
    tell(f"{done + 1} damaged pictures: {dict(tally.counts)}, wrong: {len(tally.wrong)}")
    tally.check()


@pytest.mark.release(share=0.3)
def test_damaged_tables_arrays_weights_and_texts(tmp_path, rounds, tell):
    readers, whole = _readers(), {}
    for name, (write, read) in readers.items():
        write(tmp_path / name)
        read(tmp_path / name)
        whole[name] = (tmp_path / name).read_bytes()
    tally, done = Tally(tmp_path / "kept"), 0
    for done, rng in rounds(3000):  # noqa: B007
        name = str(rng.choice(list(whole)))
        data, what = mutated(whole[name], rng)
        path = tmp_path / "now" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        ending = in_child(_reading(readers[name][1], path), tmp_path / "said")
        lines = ending.said.strip().splitlines()
        wrong = f"{len(lines)} lines" if ending.status == 1 and len(lines) != 1 else None
        tally.add(path, ending, f"{name}, {what}", wrong)
    tell(f"{done + 1} damaged tables, arrays, weights and texts: {dict(tally.counts)}, wrong: {len(tally.wrong)}")
    tally.check()
