"""What the tests of the server run in the place of a job's processes: it does in a moment what takes these seconds.

The content of the video says what happens: `broken`, `crash`, `killed` once, `killed always` or `killed in pieces`,
`damaged`, `pause`, and `slow`, which waits for a file `go` beside the folder of the jobs. A file `report.html` there is
everybody's report.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    what, *rest = sys.argv[3:]
    if what == "look":
        look(Path(rest[0]), Path(rest[1]))
    else:
        predict(Path(rest[-1]), Path(after(rest, "--output")) / "clip", rest)


def after(arguments: list[str], option: str) -> str:
    return arguments[arguments.index(option) + 1]


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def look(source: Path, picture: Path) -> None:
    if b"broken" in source.read_bytes():
        say(problem=f"{source}: is no video. Send one.")
        sys.exit(1)
    picture.write_bytes(b"picture")
    say(kind="video", seconds=1.0)


def predict(source: Path, output: Path, arguments: list[str]) -> None:
    said, job = source.read_bytes(), output.parent.parent
    begun = job / "begun"
    begun.write_text(begun.read_text() + "x" if begun.exists() else "x")
    if b"crash" in said:
        sys.stdout.write("a line from below\n╰────╯\n")
        sys.stdout.flush()
        os._exit(9)
    if b"in pieces" in said and len(begun.read_text()) < 15:
        (output / ".pieces").mkdir(parents=True, exist_ok=True)
        (output / ".pieces" / f"{len(begun.read_text())}.piece").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if b"killed" in said and b"in pieces" not in said and (b"always" in said or begun.read_text() == "x"):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.5 * (b"pause" in said))
    for done in range(1, 4):
        speed = {"per_second": 30.0, "seconds_left": 0.1}
        say(event="progress", source=source.name, done=done, total=3, file=1, files=1, failed=0, **speed)
        while b"slow" in said and not (job.parent.parent / "go").exists():
            time.sleep(0.02)
    (output / "maps").mkdir(parents=True, exist_ok=True)
    (output / "overlay.mp4").write_bytes(bytes(range(200)))
    (output / "maps" / "000000.png").write_bytes(b"map")
    if any(word.startswith("--save=") and "report" in word for word in arguments):
        given = job.parent.parent / "report.html"
        report = given.read_bytes() if given.exists() else b'<script type="module">play()</script>'
        (output / "report.html").write_bytes(report)
    (output / "summary.json").write_text(json.dumps({"arguments": arguments}))
    status = "damaged" if b"damaged" in said else "done"
    message, notes = f"{source}: 3 frames", ["a note"]
    say(event="outcome", source=str(source), status=status, message=message, notes=notes, frames=3, folder=str(output))


main()
