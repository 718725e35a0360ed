"""What viewers did with areas, from tables with known looks."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.areas import Area, Keyframe
from gfsalnet.areas.area import box_corners
from gfsalnet.areas.gaze import Looks, Viewer, read_viewers
from gfsalnet.areas.over_viewers import over_viewers
from gfsalnet.areas.paths import DrawnPath, FollowedPath
from gfsalnet.areas.people import frame_shares, viewer_rows
from gfsalnet.errors import AreasError
from gfsalnet.gaze.video_files import Timeline

SIZE = (100, 100)
WHOLE = (0.0, 10.0)


def looks(*parts: tuple[float, float, float, float]) -> Looks:
    """Of start, seconds, x, y."""
    start, seconds, x, y = np.array(parts, np.float64).reshape(-1, 4).T
    return Looks(start_seconds=start, seconds=seconds, x=x, y=y)


def path(box: Sequence[float], begin: float = 0, end: float = 99, *more: Keyframe) -> DrawnPath:
    area = Area(
        name="a", units="pixels", keyframes=(Keyframe(0, box_corners(box)), *more), from_seconds=begin, to_seconds=end
    )
    return DrawnPath(area, SIZE)


LEFT = path([0, 0, 50, 100])
# In at 0, out at 1, in at 2 (twice), out at 4: fixations of half a second.
FIXATIONS = looks((0, 0.5, 10, 10), (1, 0.5, 60, 10), (2, 0.5, 20, 10), (3, 0.4, 30, 10), (4, 0.5, 90, 10))


def test_fixations_by_hand() -> None:
    (row,) = viewer_rows(Viewer(name="v", samples=None, fixations=FIXATIONS), [LEFT], "all", WHOLE)
    assert (row["fixation_count"], row["visits"], row["fixation_revisits"]) == (3, 2, 1)
    assert row["fixation_dwell_seconds"] == pytest.approx(1.4)
    assert row["mean_fixation_seconds"] == pytest.approx(1.4 / 3)
    assert row["visit_dwell_seconds"] == pytest.approx(0.5 + 1.4)  # with the saccade between the second and third
    assert (row["time_to_first_fixation_seconds"], row["first_fixation_seconds"]) == (0.0, 0.5)
    assert row["gaze_dwell_seconds"] is None


def test_times_count_from_the_area_and_from_the_clip_and_fixations_are_cut_to_it() -> None:
    late = path([0, 0, 50, 100], 2.25, 3.2)
    (row,) = viewer_rows(Viewer(name="v", samples=None, fixations=FIXATIONS), [late], "all", WHOLE)
    assert (row["fixation_count"], row["time_to_first_fixation_seconds"]) == (2, 0.0)
    assert row["time_to_first_fixation_from_clip_seconds"] == 2.25
    assert row["fixation_dwell_seconds"] == pytest.approx(0.25 + 0.2)
    right = path([50, 0, 100, 100], 3.5)
    (row,) = viewer_rows(Viewer(name="v", samples=None, fixations=FIXATIONS), [right], "all", WHOLE)
    assert (row["time_to_first_fixation_seconds"], row["time_to_first_fixation_from_clip_seconds"]) == (0.5, 4.0)


def test_never_looked_is_missing_as_a_time_and_zero_as_a_count() -> None:
    nowhere = path([98, 98, 99, 99])
    (row,) = viewer_rows(Viewer(name="v", samples=FIXATIONS, fixations=FIXATIONS), [nowhere], "all", WHOLE)
    assert (row["fixation_count"], row["fixation_dwell_seconds"], row["gaze_share"]) == (0, 0, 0)
    assert row["time_to_first_fixation_seconds"] is row["first_fixation_seconds"] is None
    assert row["time_to_first_gaze_seconds"] is None
    (gone,) = viewer_rows(Viewer(name="v", samples=FIXATIONS, fixations=None), [path([0, 0, 9, 9], 8)], "all", WHOLE)
    assert gone["gaze_share"] is gone["entries"] is None  # no gaze while the area was shown


def test_samples_are_tested_where_a_moving_area_is_then() -> None:
    moving = path([0, 0, 10, 100], 0, 99, Keyframe(9, box_corners([90, 0, 100, 100])))
    start = np.arange(0, 9, 0.01)
    on = Looks(start_seconds=start, seconds=np.full(900, 0.01), x=10 * start + 5, y=np.full(900, 50.0))
    (row,) = viewer_rows(Viewer(name="v", samples=on, fixations=None), [moving], "all", WHOLE)
    assert (row["gaze_share"], row["entries"]) == (1, 1)
    still = Looks(start_seconds=start, seconds=np.full(900, 0.01), x=np.full(900, 50.0), y=np.full(900, 50.0))
    (row,) = viewer_rows(Viewer(name="v", samples=still, fixations=None), [moving], "all", WHOLE)
    assert row["time_to_first_gaze_seconds"] == pytest.approx(4.01, abs=0.011)
    assert row["gaze_dwell_seconds"] == pytest.approx(1, abs=0.011)


def test_a_lost_area_has_nobodys_looks() -> None:
    box = box_corners([0, 0, 50, 100])
    followed = FollowedPath(LEFT.area, np.array([0.0, 1, 2, 3]), [box, None, None, box])
    (row,) = viewer_rows(Viewer(name="v", samples=None, fixations=FIXATIONS), [followed], "all", WHOLE)
    assert row["fixation_count"] == 2  # not the one at 2 s


def test_an_overlap_belongs_to_all_or_to_the_first_named() -> None:
    viewer = Viewer(name="v", samples=None, fixations=FIXATIONS)
    for overlap, counts in (("all", [3, 5]), ("first", [3, 2])):
        rows = viewer_rows(viewer, [LEFT, path([0, 0, 100, 100])], overlap, WHOLE)  # type: ignore[arg-type]
        assert [row["fixation_count"] for row in rows] == counts


def test_means_are_over_viewers_and_ratios_have_intervals() -> None:
    viewers = [Viewer(name=f"{n}", samples=None, fixations=looks((n, 0.5, 10, 10))) for n in range(3)]
    viewers.append(Viewer(name="no", samples=None, fixations=looks((1, 0.5, 90, 10))))
    rows = [row for viewer in viewers for row in viewer_rows(viewer, [LEFT], "all", WHOLE)]
    found = {item.measure: item for item in over_viewers(rows)}
    ratio = found["hit_ratio"]
    assert (ratio.mean, ratio.n) == (0.75, 4)
    assert (ratio.low, ratio.high) == (pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))  # Wilson
    first = found["time_to_first_fixation_seconds"]
    assert (first.mean, first.n, first.deviation) == (1.0, 3, 1.0)
    assert first.low is not None
    assert 0 <= first.low < 1.0
    assert found["fixation_count"].mean == 0.75
    assert "gaze_share" not in found


def test_the_share_of_viewers_of_each_frame() -> None:
    starts = np.arange(10) / 10
    left, right = (
        looks(*((t, 0.05, 10, 10) for t in np.arange(20) / 20)),
        looks(*((t, 0.05, 90, 10) for t in starts[:5])),
    )
    both = [Viewer(name="l", samples=left, fixations=None), Viewer(name="r", samples=right, fixations=None)]
    ((seen, looking, share),) = frame_shares(both, [LEFT], "all", starts, (0.0, 1.0))
    assert seen.tolist() == [2] * 5 + [1] * 5
    assert looking.tolist() == [1] * 10
    assert share.tolist() == [0.5] * 5 + [1.0] * 5
    long = [Viewer(name="f", samples=None, fixations=looks((0.22, 0.3, 10, 10)))]
    ((seen, _, _),) = frame_shares(long, [LEFT], "all", starts, (0.0, 1.0))
    assert np.flatnonzero(seen).tolist() == [2, 3, 4, 5]


def test_tables_of_samples_fixations_and_frames_are_read(tmp_path: Path) -> None:
    timeline = Timeline.steady(10, Fraction(10))

    def written(name: str, *rows: Sequence[object]) -> Path:
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return tmp_path / name

    written(
        "fixations.csv",
        ["video", "subject", "time_seconds", "x", "y"],
        *(["clip", "B", t / 50, 5, 5] for t in range(9)),
    )
    written(
        "tracker_fixations.csv",
        ["video", "subject", "time_seconds", "x", "y", "duration_ms"],
        ["clip", "A", 0.1, 7, 7, 200],
    )
    (a, b) = read_viewers(tmp_path, "clip", SIZE, timeline)
    assert (a.name, b.name, a.samples, b.fixations) == ("A", "B", None, None)
    assert b.samples is not None
    np.testing.assert_allclose(b.samples.seconds, 0.02)
    assert a.fixations is not None
    assert a.fixations.seconds.tolist() == [0.2]
    file = written(
        "frames.csv",
        ["video", "subject", "frame", "x", "y", "width", "height"],
        *(["clip", 1, f, 5, 5, 50, 50] for f in (0, 3, 12)),
    )
    (one,) = read_viewers(file, "clip", SIZE, timeline)
    assert one.samples is not None
    assert one.samples.start_seconds.tolist() == pytest.approx([0, 0.3])
    assert (one.samples.x.tolist(), one.samples.seconds.tolist()) == ([10, 10], pytest.approx([0.1, 0.1]))
    with pytest.raises(AreasError, match="no gaze on 'other'; it has clip"):
        read_viewers(tmp_path, "other", SIZE, timeline)
