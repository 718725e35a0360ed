"""What later frames gain, from what `motion.evidence recorded` left.

python -m motion.lookahead --data ../shared/data --cache CACHE
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from motion.evidence import Pair, means
from motion.judge import SCORES, shipped
from recorded_gaze import Shown, scored_size, scores, set_means, video_frames

from gfsalnet.maps import to_density
from gfsalnet.models.memory import Timed, remembered
from gfsalnet.models.over_time import MapsOverTime

WIDTH = 128
FRAMES = 0, 2, 5, 10, 15


def fused(place: str, cache: Path) -> list[Timed[int]]:
    """Every frame of a clip before the memory."""
    with np.load(cache / f"recorded-{place.replace('/', '-')}.npz") as kept:
        arrays = dict(kept)
    times, appearance = arrays.pop("times"), arrays.pop("appearance")
    pairs = [Pair(*values) for values in zip(*(arrays[name] for name in Pair._fields), strict=True)]
    size_wh = WIDTH, round(WIDTH * appearance.shape[1] / appearance.shape[2])
    over_time, found = MapsOverTime(shipped(), "video"), []
    for index, now in enumerate(times):
        motion = means([p for p in pairs if now - 1 < p.until <= now + 1e-9], now, pairs[0].residual.shape)
        density = cv2.resize(np.exp(appearance[index].astype(np.float32)), size_wh, interpolation=cv2.INTER_AREA)
        found.append(Timed(index, float(now), index == 0, over_time.fused(to_density(density), motion)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    shown: dict[str, list[Shown]] = {}
    for frame in video_frames(args.data / "video_dev"):
        shown.setdefault(frame.place, []).append(frame)
    rows: dict[tuple[int, str], dict[str, np.ndarray]] = {}
    for place, frames in shown.items():
        maps = fused(place, args.cache)
        for ahead in FRAMES:
            found = dict(
                remembered(
                    [Timed(t.item, t.time_seconds, t.starts_shot, t.maps) for t in maps], shipped().memory, ahead
                )
            )
            for part in ("saliency", "appearance"):
                values = [scores(scored_size(getattr(found[s.index], part), s.size_hw), s, s.density()) for s in frames]
                rows.setdefault((ahead, part), {})[place] = np.mean(values, 0)
    for (ahead, part), of_places in rows.items():
        sets = set_means(of_places)
        print(
            ahead,
            part,
            " | ".join(f"{name} " + " / ".join(f"{v[i]:.3f}" for i in (2, 1, 4)) for name, v in sets.items()),
            SCORES,
        )


if __name__ == "__main__":
    main()
