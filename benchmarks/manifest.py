"""Manifests of a million rows: how long planning, rescanning and listing take, and how much memory.

    python benchmarks/manifest.py --rows 1000000 --folder /somewhere/with/a/million/inodes

Each step runs in a process of its own. The rows are made up; the results are folders with a summary, as `predict`
writes it; the listed folder holds links to one file, 1000 in each of its folders. Times are wall and CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow

from gfsalnet.demo import draw_clip
from gfsalnet.scale.identity import id_of, result_path
from gfsalnet.scale.manifest import make_manifest
from gfsalnet.scale.outcomes import FILE_ROWS
from gfsalnet.scale.run import open_shard
from gfsalnet.scale.tables import MANIFEST, OUTCOMES, write_table

ASKED = {"model": {"name": "benchmark"}, "settings": {"look": {}, "maps": {}}}
IN_A_FOLDER = 1000
STEPS = ("nothing done", "one shard of 64", "all done, by outcomes", "all done, by summaries", "listed", "listed again")


def uri(number: int) -> str:
    return f"/data/videos/{number // IN_A_FOLDER:05d}/clip-{number:08d}.mp4"


def make_rows(count: int) -> pyarrow.Table:
    numbers = np.arange(count)
    uris = [uri(number) for number in range(count)]
    columns = {
        "id": [id_of(text) for text in uris],
        "uri": uris,
        "size_bytes": numbers + 1,
        "modified": pyarrow.array(numbers).cast(MANIFEST.field("modified").type),
        "duration_seconds": numbers / 25,
        "frames": numbers,
        "width": np.full(count, 640),
        "height": np.full(count, 360),
        "state": ["ready"] * count,
    }
    table = pyarrow.table({name: pyarrow.array(values, MANIFEST.field(name).type) for name, values in columns.items()})
    return filled(table, MANIFEST)


def filled(table: pyarrow.Table, schema: pyarrow.Schema) -> pyarrow.Table:
    """The columns of a schema: those that a table has, and nulls."""
    there = [
        table.column(field.name) if field.name in table.column_names else pyarrow.nulls(len(table), field.type)
        for field in schema
    ]
    return pyarrow.Table.from_arrays(there, schema=schema)


def make_results(root: Path, rows: pyarrow.Table) -> None:
    """Folders with a summary each."""
    for batch in rows.select(["id", "uri", "size_bytes"]).to_batches(10_000):
        for row in batch.to_pylist():
            folder = root / result_path(row["id"])
            folder.mkdir(parents=True, exist_ok=True)
            number = row["size_bytes"] - 1
            source = {"kind": "video", "path": row["uri"], "bytes": number + 1, "modified_ns": number * 1000}
            filler = {"seconds": dict.fromkeys(("read", "flow", "network", "write", "total"), 1.234), "notes": []}
            summary = {"source": source, **ASKED, "frames": 90, "damage": None, "outputs": ["frames.csv"], **filler}
            (folder / "summary.json").write_text(json.dumps(summary, indent=2))


def make_outcomes(root: Path, rows: pyarrow.Table) -> None:
    manifest = root.parent / "manifest.parquet"
    same = open_shard(manifest, str(root), asked=ASKED, save=("csv",), shard="1/65536").log.same
    for at in range(0, len(rows), FILE_ROWS):
        part = rows.slice(at, FILE_ROWS).select(["id", "uri", "size_bytes", "modified", "version"])
        for name, value in {"request": same["request"], "save": "csv", "status": "done"}.items():
            part = part.append_column(name, pyarrow.array([value] * len(part)))
        write_table(root / "outcomes" / f"{at:09d}.parquet", [filled(part, OUTCOMES)], OUTCOMES)


def make_links(root: Path, count: int) -> None:
    clip = draw_clip(root.parent / "clip.mp4")
    for number in range(count):
        path = root / f"{number // IN_A_FOLDER:05d}" / f"clip-{number:08d}.mp4"
        if number % IN_A_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(clip, path)


def step(name: str, folder: Path) -> str:
    """Run one of `STEPS`, and say what it gave."""
    if name.startswith("listed"):
        counts = make_manifest([str(folder / "links")], folder / "listed.parquet", probe=False)
        return json.dumps(counts)
    output = folder / ("results" if name.startswith("all done") else "empty")
    if name == "all done, by summaries":
        os.rename(output / "outcomes", output / "outcomes-away")
    shard = "3/64" if name == "one shard of 64" else "1/1"
    plan = open_shard(folder / "manifest.parquet", str(output), asked=ASKED, save=("csv",), shard=shard).plan
    return f"{plan.done} done, {len(plan.to_do)} to do, {len(plan.bad)} bad"


def run(name: str, folder: Path) -> None:
    began = time.perf_counter()
    said = step(name, folder)
    wall, cpu = time.perf_counter() - began, time.process_time()
    # Not the resident set of getrusage, which counts the process that started this one.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    megabytes = int(peak.split()[1]) / 1024
    print(f"{name:24} {wall:6.1f} s, CPU {cpu:6.1f} s, {megabytes:5.0f} MB: {said}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--step", choices=STEPS)
    arguments = parser.parse_args()
    folder = arguments.folder
    if arguments.step:
        run(arguments.step, folder)
        return
    folder.mkdir(parents=True)
    rows = make_rows(arguments.rows)
    write_table(folder / "manifest.parquet", [rows], MANIFEST)
    make_results(folder / "results", rows)
    make_outcomes(folder / "results", rows)
    make_links(folder / "links", arguments.rows)
    for name in STEPS:
        subprocess.run([sys.executable, __file__, "--folder", str(folder), "--step", name], check=True)


if __name__ == "__main__":
    main()
