"""The paper's five metrics on one 640×480 frame with 250 fixations: gfsalnet.metrics against plain NumPy.

Both run in one process, turn by turn, on one thread, and processor time is taken, so that what else the machine does
counts little and hits both; the ratio is what to quote.

    OPENBLAS_NUM_THREADS=1 python benchmarks/metrics.py [--repeats 41] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gfsalnet import metrics
from gfsalnet.metrics.maps import prepared_fixations, prepared_map

SIZE_HW, N_FIXATIONS, EPS = (480, 640), 250, 2.0**-52
Array = NDArray[Any]
Scores = dict[str, float]
AucJudd = Callable[[Array, Array], float]


def plain_scores(saliency: Array, fixation_map: Array, density: Array, auc: AucJudd) -> Scores:
    """Each metric written down as it is defined."""
    s, q = saliency.astype(np.float64), density.astype(np.float64)
    return {
        "auc_judd": auc(s, fixation_map > 0),
        "nss": float(((s - s.mean()) / s.std(ddof=1))[fixation_map > 0].mean()),
        "cc": float(np.corrcoef(s.ravel(), q.ravel())[0, 1]),
        "sim": plain_sim(s, q),
        "kldiv": float((q / q.sum() * np.log(EPS + q / q.sum() / (s / s.sum() + EPS))).sum()),
    }


def plain_auc_judd(s: Array, fixated: Array) -> float:
    thresholds = np.unique(s[fixated])[::-1]
    hits = s[fixated]
    tp = np.array([0.0] + [(hits >= t).mean() for t in thresholds] + [1.0])
    above = np.array([np.count_nonzero(s >= t) for t in thresholds])
    fp = np.concatenate(([0.0], (above - tp[1:-1] * fixated.sum()) / (~fixated).sum(), [1.0]))
    return float(np.sum(np.diff(fp) * (tp[1:] + tp[:-1]) / 2))


def plain_auc_judd_sorted(s: Array, fixated: Array) -> float:
    """The same area from two sorts."""
    thresholds = np.unique(s[fixated])[::-1]
    hits, others = np.sort(s[fixated]), np.sort(s[~fixated])
    tp = 1 - np.searchsorted(hits, thresholds) / len(hits)
    fp = 1 - np.searchsorted(others, thresholds) / len(others)
    fp, tp = np.concatenate(([0.0], fp, [1.0])), np.concatenate(([0.0], tp, [1.0]))
    return float(np.sum(np.diff(fp) * (tp[1:] + tp[:-1]) / 2))


def plain_sim(s: Array, q: Array) -> float:
    p, q = (s - s.min()) / (s.max() - s.min()), (q - q.min()) / (q.max() - q.min())
    return float(np.minimum(p / p.sum(), q / q.sum()).sum())


def our_scores(
    saliency: Array, fixation_map: Array | metrics.PreparedFixations, density: Array | metrics.PreparedMap
) -> Scores:
    prepared = metrics.PreparedMap(saliency)
    fixations, density = prepared_fixations(fixation_map), prepared_map(density, "density")
    return {
        "auc_judd": metrics.auc_judd(prepared, fixations),
        "nss": metrics.nss(prepared, fixations),
        "cc": metrics.cc(prepared, density),
        "sim": metrics.sim(prepared, density),
        "kldiv": metrics.kldiv(prepared, density),
    }


def make_frame() -> tuple[dict[str, Array], Array, Array]:
    """Predictions of several dtypes, a fixation map and its density."""
    rng = np.random.default_rng(0)
    logits = gaussian_filter(rng.standard_normal(SIZE_HW), 20)
    prediction = np.exp(3 * logits / logits.std())
    prediction /= prediction.sum()
    fixated = rng.choice(prediction.size, N_FIXATIONS, replace=False, p=prediction.ravel())
    fixation_map = np.zeros(SIZE_HW, np.uint8)
    fixation_map.flat[fixated] = 1
    density = gaussian_filter(fixation_map.astype(np.float64), 20).astype(np.float32)
    predictions: dict[str, Array] = {
        "float32 density": prediction.astype(np.float32),
        "float64 density": prediction,
        "uint8 image": np.round(255 * prediction / prediction.max()).astype(np.uint8),
    }
    return predictions, fixation_map, density


def medians_ms(contestants: dict[str, Callable[[], Scores]], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            start = time.process_time()
            run()
            times[name].append(1000 * (time.process_time() - start))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def largest_difference(first: Scores, second: Scores) -> float:
    return max(abs(first[name] - second[name]) for name in first)


def measure(repeats: int) -> list[dict[str, Any]]:
    predictions, fixation_map, density = make_frame()
    fixations, prepared_density = metrics.PreparedFixations(fixation_map), metrics.PreparedMap(density, "density")
    rows = []
    for name, saliency in predictions.items():
        contestants: dict[str, Callable[[], Scores]] = {
            "plain": partial(plain_scores, saliency, fixation_map, density, plain_auc_judd),
            "plain_sorted": partial(plain_scores, saliency, fixation_map, density, plain_auc_judd_sorted),
            "ours_unprepared": partial(our_scores, saliency, fixation_map, density),
            "ours": partial(our_scores, saliency, fixations, prepared_density),
        }
        scores = {key: run() for key, run in contestants.items()}
        rows.append(
            {"prediction": name, **{f"{key}_ms": value for key, value in medians_ms(contestants, repeats).items()}}
            | {"largest_difference": max(largest_difference(scores["plain"], other) for other in scores.values())}
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=41, help="turns of each contestant; the first is not counted")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    arguments = parser.parse_args()
    rows = measure(arguments.repeats)
    print(f"{'prediction':<16} {'plain':>9} {'sorting':>9} {'ours':>9} {'prepared':>9} {'ratio':>7} {'differs':>9}")
    for row in rows:
        row["ratio"] = row["plain_ms"] / row["ours_ms"]
        print(
            f"{row['prediction']:<16} {row['plain_ms']:>6.2f} ms {row['plain_sorted_ms']:>6.2f} ms "
            f"{row['ours_unprepared_ms']:>6.2f} ms {row['ours_ms']:>6.2f} ms {row['ratio']:>6.1f}× "
            f"{row['largest_difference']:>9.1e}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"python": sys.version, "numpy": np.__version__, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
