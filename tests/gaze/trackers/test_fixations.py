"""I-VT and I-DT on gaze whose fixations are known."""

from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.gaze.trackers.fixations import Detection, Method, detect_fixations

MS = 10**6


def gaze(*parts: tuple[float, float, int]) -> tuple[np.ndarray, np.ndarray]:
    """Samples at 250 Hz: for each part its place in pixels and its number of samples, with saccades of 5 between."""
    points: list[np.ndarray] = []
    for x, y, count in parts:
        if points:
            points.append(np.linspace(points[-1][-1], [x, y], 7)[1:-1])
        points.append(np.tile([x, y], (count, 1)).astype(float))
    xy = np.concatenate(points)
    return np.arange(len(xy), dtype=np.int64) * 4 * MS, xy


@pytest.mark.parametrize("method", ["ivt", "idt"])
def test_known_fixations_are_found(method: Method) -> None:
    time, xy = gaze((100, 100, 50), (500, 300, 75))
    found = detect_fixations(time, xy, Detection(method=method, pixels_per_degree=35))
    assert len(found.start_ns) == 2
    np.testing.assert_allclose(found.points, [[100, 100], [500, 300]], atol=20)
    np.testing.assert_allclose(found.start_ns / MS, [0, 220], atol=12)
    np.testing.assert_allclose(found.duration_ns / MS, [200, 300], atol=16)


@pytest.mark.parametrize("method", ["ivt", "idt"])
def test_short_ones_and_gaps_are_no_fixations(method: Method) -> None:
    time, xy = gaze((100, 100, 8), (500, 300, 75))
    assert len(detect_fixations(time, xy, Detection(method=method, pixels_per_degree=35)).start_ns) == 1
    xy[:] = np.nan
    assert len(detect_fixations(time, xy, Detection(method=method, pixels_per_degree=35)).start_ns) == 0


def test_a_blink_does_not_split_a_fixation_but_a_long_gap_does() -> None:
    time, xy = gaze((100, 100, 100))
    xy[40:50] = np.nan  # 40 ms
    detection = Detection(method="ivt", pixels_per_degree=35)
    (length,) = detect_fixations(time, xy, detection).duration_ns
    assert length == 400 * MS
    xy[30:70] = np.nan
    assert detect_fixations(time, xy, detection).duration_ns.tolist() == [120 * MS, 120 * MS]


def test_smooth_pursuit_is_no_fixation_by_velocity() -> None:
    time = np.arange(250, dtype=np.int64) * 4 * MS
    following = np.stack([time / MS * 1.4, np.full(250, 300.0)], axis=1)  # 40 degrees per second
    assert not len(detect_fixations(time, following, Detection(method="ivt", pixels_per_degree=35)).start_ns)
