"""How well do models say where people look? The table that every change of a model is judged by.

    python benchmarks/accuracy.py --clips ../shared/data/video_dev --photographs ../shared/data --cache CACHE
        [--row default=gfsalnet-mobile …] [--output accuracy.json]

A row is a name and a model's name or folder; the streams of a model with a gate are rows of their own. Beside them
stand the centre (a Gaussian, and the mean of training photographs), one half of the viewers predicting the other, and
all but one predicting that one. Intervals of 95 %: clips, then blocks of one second in them, are drawn again 1,000
times; photographs likewise. Maps of models are kept in the cache by the model's weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from recorded_gaze import (
    COLUMNS,
    SETS,
    Array,
    Shown,
    centred_gaussian,
    of_viewers,
    photographs,
    scored_size,
    scores,
    set_means,
    video_frames,
)

import gfsalnet
from gfsalnet.metrics import kldiv
from gfsalnet.types import Frame, Prediction

DRAWS, MOST_VIEWERS = 1000, 8
"""Of the bootstrap; viewers of a frame who are left out in turn."""
HALF, ALL_BUT_ONE = VIEWERS = "half of the viewers", "all but one"


class Scored(NamedTuple):
    """One frame's scores by one predictor."""

    place: str
    block: int
    """The second that the frame lies in; of a photograph, which one it is."""
    all_viewers: Array
    """(5,) against all points."""
    one_half: Array
    """(5,) against the second half of the viewers."""


class Model:
    """A model, and its maps of the scored frames: what is not in the cache is made.

    UNISAL sees so many-th frames of a video that about six come in a second, as its authors trained it; a frame between
    has the map of the last that it saw.
    """

    def __init__(self, name: str, cache: Path) -> None:
        self.name, self._cache, self._model = name, cache, gfsalnet.load_model(name)
        about = json.dumps(self._model.describe(), sort_keys=True, default=str)
        self.key = hashlib.sha256(about.encode()).hexdigest()[:16]
        self.parts = ("saliency", "appearance", "motion", "gate") if self._model.has_gate else ("saliency",)

    def maps(self, shown: list[Shown]) -> dict[str, list[Array]]:
        """`parts` → the maps of each frame of one clip, or of one photograph."""
        path = self._cache / self.key / f"{shown[0].place.replace('/', '-')}-{shown[0].path.stem}.npz"
        if not path.is_file():
            is_clip = shown[0].path.suffix == ".mp4"
            predictions = self._of_clip(shown) if is_clip else [self._of_photograph(shown[0])]
            made = {name: [getattr(p, attribute) for p in predictions] for name, attribute in PARTS.items()}
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part.npz")
            np.savez(partial, **{name: np.stack(made[name]) for name in self.parts})
            partial.replace(path)
        with np.load(path) as kept:
            return {name: list(kept[name]) for name in self.parts}

    def _of_photograph(self, picture: Shown) -> Prediction:
        rgb = np.ascontiguousarray(cv2.imread(str(picture.path), cv2.IMREAD_COLOR)[..., ::-1])
        return next(iter(self._model.stream([Frame(rgb)])))

    def _of_clip(self, shown: list[Shown]) -> list[Prediction]:
        wanted = {frame.index for frame in shown}
        if self._model.name == "unisal":
            from gfsalnet.models.published import unisal

            unisal.FRAME_STEP = 1  # the frames are six a second already
            stride = max(round(shown[-1].index / shown[-1].seconds / 6), 1)
            wanted = {index // stride * stride for index in wanted}
            found = {p.frame_index: p for p in self._model.stream(_frames(shown[0].path, lambda i: i % stride == 0))}
            return [found[frame.index // stride * stride] for frame in shown]
        if self._model.reach_seconds or self._model.reach_frames > 1:
            predictions = self._model.stream(_frames(shown[0].path, lambda _: True))
            found = {p.frame_index: p for p in predictions if p.frame_index in wanted}
            return [found[frame.index] for frame in shown]
        found = {}
        needed = {index - back for index in wanted for back in range(int(self._model.reach_frames) + 1)}
        for frames in _runs(_frames(shown[0].path, needed.__contains__)):
            found |= {p.frame_index: p for p in self._model.stream(frames)}
        return [found[frame.index] for frame in shown]


PARTS = {"saliency": "map_density", "appearance": "map_appearance", "motion": "map_motion", "gate": "map_gate"}


def _frames(path: Path, is_needed: Callable[[int], bool]) -> Iterator[Frame]:
    with gfsalnet.video.open_source(str(path)) as source:
        yield from (frame for frame in source if is_needed(frame.index))


def _runs(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    """Those that follow each other."""
    for _, run in groupby(enumerate(frames), key=lambda pair: pair[1].index - pair[0]):
        yield [frame for _, frame in run]


def learned_centre(data: Path) -> Array:
    """(60, 80): the mean density of the photographs that are trained on."""
    total = np.zeros((60, 80))
    with np.load(data / "teacher_maps/teacher_maps.npz") as maps:
        kept_back = {str(source) for source in maps["source"][maps["validation"]]}
    for name in SETS:
        with np.load(data / name / "fixations.npz") as table:
            sizes, image = table["original_sizes_wh"], table["image_index"]
            back = [f"{name}/images/{file}" in kept_back for file in table["image_names"]]
            on = ~np.array(back)[image]
            x, y = table["x"][on] / sizes[image[on], 0], table["y"][on] / sizes[image[on], 1]
        counts, _, _ = np.histogram2d(y, x, bins=(60, 80), range=((0, 1), (0, 1)))
        total += cv2.GaussianBlur(counts / counts.sum(), (0, 0), 2.4)
    return total


def scored(shown: list[Shown], models: Mapping[str, Model], centre: Array | None) -> Iterator[tuple[str, Scored]]:
    """Every predictor on every frame."""
    for _, group in groupby(shown, key=lambda frame: frame.path.parent if frame.path.suffix == ".mp4" else frame.path):
        frames = list(group)
        of_models = {
            name if part == "saliency" else f"{name}: {part}": found
            for name, model in models.items()
            for part, found in model.maps(frames).items()
            if part != "gate"
        }
        for number, frame in enumerate(frames):
            truth, half = frame.density(), frame.density(frame.second_half)
            maps = {name: scored_size(found[number], frame.size_hw) for name, found in of_models.items()}
            maps["centre (Gaussian)"] = centred_gaussian(frame.size_hw)
            if centre is not None:
                maps["centre (learned)"] = scored_size(centre, frame.size_hw)
            block = int(frame.seconds) if frame.path.suffix == ".mp4" else frame.index
            for name, values in maps.items():
                against_half = scores(values, frame, half, frame.second_half)
                yield name, Scored(frame.place, block, scores(values, frame, truth), against_half)
            against = scores(of_viewers(frame, ~frame.second_half), frame, half, frame.second_half)
            yield HALF, Scored(frame.place, block, against, against)
            left_out = _one_left_out(frame)
            yield ALL_BUT_ONE, Scored(frame.place, block, left_out, np.full(5, np.nan))


def _one_left_out(frame: Shown) -> Array:
    """Each viewer, or some of many, predicted by the others; only NSS and AUC mean something for one."""
    viewers = np.unique(frame.subject)
    if len(viewers) > MOST_VIEWERS:
        viewers = np.random.default_rng(frame.index).permutation(viewers)[:MOST_VIEWERS]
    rows = []
    for viewer in viewers:
        one = frame.subject == viewer
        rows.append(scores(of_viewers(frame, ~one), frame, frame.density(one), one))
    mean = np.mean(rows, 0)
    mean[[1, 3, 4]] = np.nan
    return mean


class Row(NamedTuple):
    """A predictor over one kind of data."""

    sets: dict[str, Array]
    """(5,) against all viewers."""
    half: Array
    """(5,) mean of sets against one half."""
    draws: dict[str, Array]
    """(DRAWS, 5) of each set and of their mean, the same draws for every predictor."""

    def interval(self) -> Array:
        """(2, 5) of the mean of sets."""
        return np.percentile(self.draws["mean"], (2.5, 97.5), axis=0)


def row_of(found: list[Scored]) -> Row:
    """Means of places, then of sets, and their bootstrap."""
    places = {place: list(group) for place, group in groupby(found, key=lambda s: s.place)}
    means = {place: np.mean([s.all_viewers for s in group], 0) for place, group in places.items()}
    half = set_means({place: np.mean([s.one_half for s in group], 0) for place, group in places.items()})["mean"]
    rng, draws = np.random.default_rng(0), list[dict[str, Array]]()
    blocks = {
        place: [np.array([s.all_viewers for s in block]) for _, block in groupby(group, key=lambda s: s.block)]
        for place, group in places.items()
    }
    is_video = any("/" in place for place in places)
    for _ in range(DRAWS):
        drawn: dict[str, Array] = {}
        for set_name, members in groupby(sorted(places), key=lambda place: place.split("/")[0]):
            names = list(members)
            chosen = rng.integers(0, len(names), len(names)) if is_video else range(len(names))
            for number, which in enumerate(chosen):
                parts = blocks[names[which]]
                picked = [parts[i] for i in rng.integers(0, len(parts), len(parts))]
                drawn[f"{set_name}/{number}" if is_video else set_name] = np.concatenate(picked).mean(0)
        draws.append(set_means(drawn))
    return Row(set_means(means), half, {name: np.array([draw[name] for draw in draws]) for name in draws[0]})


def table(rows: Mapping[str, Row], title: str) -> str:
    """Markdown: the mean of the sets with its interval of NSS, then NSS / CC of each set."""
    sets = [name for name in next(iter(rows.values())).sets if name != "mean"]
    lines = [f"| {title} | {' | '.join(COLUMNS)} | NSS, 95 % | vs half NSS / CC | {' | '.join(sets)} |"]
    lines.append("|---" * (len(COLUMNS) + 3 + len(sets)) + "|")
    for name, row in rows.items():
        low, high = row.interval()[:, 2]
        cells = [_number(value) for value in row.sets["mean"]]
        cells += [f"{low:.2f} to {high:.2f}", f"{_number(row.half[2])} / {_number(row.half[1])}"]
        cells += [f"{_number(row.sets[s][2])} / {_number(row.sets[s][1])}" for s in sets]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def paired(rows: Mapping[str, Row]) -> str:
    """How much better the first is than others, draw by draw, over all and set by set."""
    first, *others = [name for name in rows if name not in VIEWERS]
    lines = []
    for other in others:
        for of in rows[first].sets:
            low, high = np.percentile(rows[first].draws[of] - rows[other].draws[of], (2.5, 97.5), axis=0)
            mean = rows[first].sets[of] - rows[other].sets[of]
            said = ", ".join(f"{COLUMNS[i]} {mean[i]:+.3f} ({low[i]:+.3f} to {high[i]:+.3f})" for i in (2, 1, 4))
            lines.append(f"{first} − {other}, {of}: {said}")
    return "\n".join(lines)


def law_of_the_gate(shown: list[Shown], name: str, model: Model, found: Mapping[str, list[Scored]]) -> str:
    """Markdown, clip by clip: the fused map and appearance alone, how far appearance counts, what motion changes."""
    lines = ["| clip | gated: NSS / CC / KL | appearance: NSS / CC / KL | P | KL of the map from appearance's |"]
    lines.append("|---" * 5 + "|")
    for _, group in groupby(shown, key=lambda frame: frame.path.parent):
        frames = list(group)
        place, maps = frames[0].place, model.maps(frames)
        cells = []
        for row in (name, f"{name}: appearance"):
            mean = np.mean([s.all_viewers for s in found[row] if s.place == place], 0)
            cells.append(" / ".join(f"{mean[i]:.3f}" for i in (2, 1, 4)))
        share = np.mean([(s * g).sum() / s.sum() for s, g in zip(maps["saliency"], maps["gate"], strict=True)])
        changed = np.mean([kldiv(a, s) for a, s in zip(maps["appearance"], maps["saliency"], strict=True)])
        lines.append(f"| {place} | {cells[0]} | {cells[1]} | {share:.2f} | {changed:.3f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--photographs", type=Path, help="the folder with osie, crowd, scene and teacher_maps")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--row", action="append", default=[], metavar="NAME=MODEL")
    parser.add_argument("--output", type=Path, help="the numbers, as JSON")
    args = parser.parse_args()
    named = dict(row.split("=", 1) for row in args.row) or {"gated": "gfsalnet-mobile"}
    models = {name: Model(model, args.cache) for name, model in named.items()}
    centre = learned_centre(args.photographs) if args.photographs else None
    kinds = {"video": list(video_frames(args.clips)) if args.clips else []}
    kinds["photographs"] = list(photographs(args.photographs)) if args.photographs else []
    numbers = {}
    for kind, shown in kinds.items():
        if not shown:
            continue
        found: dict[str, list[Scored]] = {}
        for name, score in scored(shown, models, centre):
            found.setdefault(name, []).append(score)
        rows = {name: row_of(of_one) for name, of_one in found.items()}
        print(table(rows, kind), "\n\n" + paired(rows) + "\n", flush=True)
        for name, model in models.items():
            if kind == "video" and "gate" in model.parts:
                print(law_of_the_gate(shown, name, model, found), "\n", flush=True)
        numbers[kind] = {
            name: {
                "sets": {s: dict(zip(COLUMNS, map(float, v), strict=True)) for s, v in row.sets.items()},
                "interval": row.interval().tolist(),
                "places": {
                    p: np.mean([s.all_viewers for s in found[name] if s.place == p], 0).tolist()
                    for p in {s.place for s in found[name]}
                },
            }
            for name, row in rows.items()
        }
    if args.output:
        args.output.write_text(json.dumps({"rows": named, "scores": numbers}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
