"""Run `gfsalnet bench` and add its figures, with the commit, to a file of all that was ever measured.

    python benchmarks/speed.py [--history benchmarks/history.jsonl] [--show] [BENCH OPTIONS...]

Every line of the history is one run: when, commit, machine, networks, video. Backends take turns within a run, so
ratios hold whatever else the machine did; frames per second are by the clock. `--show` prints the history instead.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HISTORY = Path(__file__).with_name("history.jsonl")


def commit() -> str:
    """Of the code that runs, with a + if it was changed since."""
    folder = Path(__file__).parent
    name, changes = (
        subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
        for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
    )
    return name + ("+" if changes else "")


def show(history: Path) -> None:
    print("| when | commit | processor | network | backend | CPU ms per frame | speedup | of the peak |")
    print("|---|---|---|---|---|--:|--:|--:|")
    for line in history.read_text(encoding="utf-8").splitlines():
        run = json.loads(line)
        for network, report in run["networks"].items():
            for row in report["backends"]:
                share = "–" if row["share_of_peak"] is None else f"{row['share_of_peak']:.0%}"
                figures = f"{row['cpu_ms']:.1f} | {row['speedup']:.2f} | {share}"
                where = f"{run['when'][:10]} | {run['commit']} | {run['machine']['processor']}"
                print(f"| {where} | {network} | {row['backend']} | {figures} |")
        video = run["video"]
        print(
            f"{run['when'][:10]} {run['commit']}: video at {video['frames_per_second']:.1f} frames per second, "
            f"{video['peak_megabytes']:.0f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", type=Path, default=HISTORY)
    parser.add_argument("--show", action="store_true")
    arguments, options = parser.parse_known_args()
    if arguments.show:
        show(arguments.history)
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        subprocess.run([sys.executable, "-m", "gfsalnet", "bench", "--output", figures, *options], check=True)
        run = json.loads(figures.read_text(encoding="utf-8"))
    with arguments.history.open("a", encoding="utf-8") as history:
        history.write(json.dumps({"commit": commit(), **run}) + "\n")


if __name__ == "__main__":
    main()
