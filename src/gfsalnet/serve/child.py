"""What a job's process runs: `python -m gfsalnet.serve.child PARENT BYTES look|command …`.

It ends with the server, stands back behind it, may take so much address space, and then is the command line, or `look`.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import signal
import sys
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfsalnet.video import VideoInfo

_PR_SET_PDEATHSIG = 1
_NICENESS = 5
JOB_FAILED = 1


def main(arguments: list[str]) -> None:
    """Run what the arguments say."""
    parent, most_bytes, what, *rest = arguments
    _end_with(int(parent))
    _limit(int(most_bytes))
    if what == "look":
        sys.exit(look(rest[0], rest[1], float(rest[2])))
    sys.argv = ["gfsalnet", *rest]
    runpy.run_module("gfsalnet", run_name="__main__")


def look(source: str, picture: str, most_seconds: float) -> int:
    """Look at a video before it is worked at: refuse one that is too long, and draw the first frame's overlay.

    Prints one JSON object: `problem`, or `kind` and `seconds`.
    """
    from gfsalnet.errors import GFSalNetError
    from gfsalnet.models import load_model
    from gfsalnet.unexpected import one_line
    from gfsalnet.video import open_source

    try:
        with open_source(source) as reader:
            seconds = _duration_seconds(reader.info)
            if seconds is not None and seconds > most_seconds:
                problem = f"is {seconds:.0f} seconds long, more than the {most_seconds:.0f} that this server takes"
                raise GFSalNetError(os.path.basename(source), problem, "Send a part of it")
            model = load_model(backend="auto")
            for prediction in model.stream(islice(reader, 1)):
                prediction.save(picture)
            _say({"kind": reader.info.kind, "seconds": seconds})
    except Exception as error:
        _say({"problem": one_line(os.path.basename(source), error)})
        return JOB_FAILED
    return 0


def _duration_seconds(info: VideoInfo) -> float | None:
    """As the header has it or, where that is more, as the frames have it that are there."""
    from gfsalnet.video import read_packets

    table = read_packets(info.path) if info.kind == "video" and info.path is not None else None
    if table is None or len(table.stamps) < 2 or info.time_base is None:
        return info.duration_seconds
    return max(info.duration_seconds or 0.0, float((table.stamps[-1] - table.stamps[0]) * info.time_base))


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")


def _end_with(parent: int) -> None:
    """Ask to be told to stop when the server is no more."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the line above
        sys.exit(JOB_FAILED)


def _limit(most_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICENESS)  # whoever asks how far a job is should not have to wait for jobs


if __name__ == "__main__":
    main(sys.argv[1:])
