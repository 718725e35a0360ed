"""Public exports of each maker, against readings that were worked out by hand from the formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.gaze.trackers import TrackerError
from gfsalnet.gaze.trackers.eyelink import read_eyelink
from gfsalnet.gaze.trackers.gazepoint import read_gazepoint
from gfsalnet.gaze.trackers.imotions import read_imotions
from gfsalnet.gaze.trackers.pupil import read_pupil_cloud, read_pupil_core
from gfsalnet.gaze.trackers.recording import TrackerRecording
from gfsalnet.gaze.trackers.smi import read_smi
from gfsalnet.gaze.trackers.tobii import read_tobii

pytestmark = pytest.mark.shared

Reader = Callable[[Path], list[TrackerRecording]]
SURFACE = "pupil-core/recording/exports/000/surfaces/gaze_positions_on_surface_Surface 1.csv"
MS, S = 10**6, 10**9

# Reader, file, samples, valid ones, unit of the clock in ns, and the first valid samples: time, x, y.
READINGS: list[tuple[Reader, str, int, int, int, list[tuple[float, float, float]]]] = [
    (read_tobii, "tobii/studio2-decimal-comma-image.tsv", 252, 252, MS, [(1, 421, 524), (21, 417, 531)]),
    (read_tobii, "tobii/studio2-two-elements-lost-eye.tsv", 394, 371, MS, [(16741, 734, 397), (16761, 642, 491)]),
    (read_tobii, "tobii/studio2-quoted-segment.csv", 346, 346, MS, [(48874, 497, 147), (48894, 494, 163)]),
    (read_tobii, "tobii/studio3-web.tsv", 541, 533, MS, [(3280, 1001, 488), (3288, 1011, 501)]),
    (read_tobii, "tobii/prolab24-right-eye-image.tsv", 485, 436, MS, [(10357, 1079, 601), (10360, 1075, 597)]),
    (read_eyelink, "eyelink/mono-500hz.asc", 1834, 1834, MS, [(7196720, 512.8, 394.5), (7196722, 513.3, 395.4)]),
    (read_eyelink, "eyelink/bino-500hz.asc", 1745, 1745, MS, [(6185399, 506.25, 383.3), (6185401, 506.15, 383.6)]),
    (read_eyelink, "eyelink/mono-2000hz.asc", 3492, 3492, MS, [(8258957, 528.2, 374.1), (8258957.5, 528, 374.8)]),
    (read_eyelink, "eyelink/mono-remote-250hz.asc", 1281, 1281, MS, [(12976172, 513.2, 402), (12976176, 514.2, 402.3)]),
    (read_eyelink, "eyelink/opensesame-1000hz-blinks.asc", 4642, 4504, MS, [(2178382, 199.1, 563.7)]),
    (read_gazepoint, "gazepoint/newmedia_all_gaze.csv", 143, 135, S, [(3.74593, 0.95518, 0.48964)]),
    (read_pupil_core, SURFACE, 294, 156, S, [(38818.782833, 0.73970, 1 - 0.17137)]),
    (read_pupil_cloud, "pupil-cloud/marker-mapper/gaze.csv", 126, 126, 1, [(1754690236678340946, 0.35423, 0.91768)]),
    (read_imotions, "imotions/merged-sensors-interslide-to-image.txt", 5, 5, MS, [(1507141350444, 957, 582)]),
]


@pytest.mark.parametrize(("read", "file", "count", "valid", "unit", "first"), READINGS)
def test_samples_are_read_right(
    read: Reader,
    file: str,
    count: int,
    valid: int,
    unit: int,
    first: list[tuple[float, float, float]],
    shared_dir: Path,
) -> None:
    recording = read(shared_dir / "trackers" / file)[0]
    points = recording.points("both")
    there = np.isfinite(points).all(axis=1)
    assert (len(points), there.sum()) == (count, valid)
    for place, (time, x, y) in enumerate(first):
        # Whole numbers stay whole: nanoseconds since 1970 do not fit a float.
        assert recording.time_ns[there][place] == (time * unit if isinstance(time, int) else round(time * unit))
        np.testing.assert_allclose(points[there][place], (x, y), atol=1e-5)


def test_of_two_eyes_the_one_that_is_there_counts(shared_dir: Path) -> None:
    recording = read_tobii(shared_dir / "trackers" / "tobii" / "studio3-web.tsv")[0]
    assert recording.left is not None
    assert recording.right is not None
    left, right = (np.isfinite(points).all(axis=1) for points in (recording.left, recording.right))
    assert ((left & right).sum(), (left & ~right).sum(), (right & ~left).sum()) == (518, 3, 12)


def test_stimuli_begin_where_the_export_says(shared_dir: Path) -> None:
    tobii, smi = shared_dir / "trackers" / "tobii", shared_dir / "trackers" / "smi"
    for file, name, start_ms, box in (
        ("studio2-decimal-comma-image.tsv", "Augenblicke.jpg", 183, [40, 0, 1200, 1024]),
        ("studio2-two-elements-lost-eye.tsv", "SMI Label.bmp", 19679, [465, 369, 351, 287]),
        ("studio3-web.tsv", "http://www.drewmstiles.com/", 4513, [30, 77, 1864, 937]),
        ("prolab24-right-eye-image.tsv", "chimsky (1)", 11644, [405, 108, 1110, 865]),
    ):
        recording = read_tobii(tobii / file)[0]
        assert (name, start_ms * MS) in [(s.name, s.start_ns) for s in recording.showings]
        assert recording.shown_boxes is not None
        assert recording.shown_boxes[np.isfinite(recording.shown_boxes).all(axis=1)][0].tolist() == box
    assert read_tobii(tobii / "studio2-quoted-segment.csv")[0].showings == []
    shown = read_smi(smi / "begaze35-events-screenrec.txt")[0].showings
    assert [(s.name, s.start_ns) for s in shown] == [("MT430PN56168-scrrec.avi", 167531284088 * 1000)]
    imotions = read_imotions(shared_dir / "trackers" / "imotions" / "merged-sensors-interslide-to-image.txt")[0]
    assert [s.start_ns % (60 * S) for s in imotions.showings] == [30474 * MS]


def test_messages_of_the_eyelink_have_offsets(shared_dir: Path) -> None:
    recording = read_eyelink(shared_dir / "trackers" / "eyelink" / "mono-500hz.asc")[0]
    assert next(event.time_ns for event in recording.events if event.text == "Initial_display") == 7196815 * MS
    assert recording.screen_wh == (1024, 768)
    blinks = read_eyelink(shared_dir / "trackers" / "eyelink" / "opensesame-1000hz-blinks.asc")[0]
    assert blinks.screen_wh == (1024, 768)


def test_fixations_of_the_makers_are_read(shared_dir: Path) -> None:
    trackers = shared_dir / "trackers"
    for read, file, count, start_ns, duration_ns, point in (
        (read_eyelink, "eyelink/mono-500hz.asc", 12, 7196724 * MS, 400 * MS, (515.1, 396.3)),
        (read_gazepoint, "gazepoint/newmedia_fixations.csv", 48, 0, 230070000, (0.43988, 0.44991)),
        (read_smi, "smi/begaze35-events-screenrec.txt", 241, 167531377718000, 241786000, (951.83, 791.40)),
        (read_pupil_cloud, "pupil-cloud/marker-mapper/fixations.csv", None, None, None, None),
    ):
        if count is None:
            with pytest.raises(TrackerError, match="no mapped gaze"):
                read(trackers / file)
            continue
        found = read(trackers / file)[0].fixations
        assert found is not None
        assert (len(found.start_ns), found.start_ns[0], found.duration_ns[0]) == (count, start_ns, duration_ns)
        np.testing.assert_allclose(found.points[0], point)


@pytest.mark.parametrize(
    ("read", "file", "message"),
    [
        (read_tobii, "tobii/prolab-glasses-mapped.tsv", "mapped to a still picture"),
        (read_tobii, "eyelink/mono-500hz.asc", "no column of the recording's time"),
        (read_eyelink, "tobii/studio3-web.tsv", "no whole ASC file of an EyeLink"),
        (read_gazepoint, "gazepoint/Data_Summary_export.csv", "lacks the column TIME"),
        (read_pupil_core, "pupil-core/recording/exports/000/gaze_positions.csv", "the gaze in the scene camera"),
        (read_imotions, "imotions/AOImetrics.csv", "lacks Timestamp"),
        (read_smi, "gazepoint/newmedia_fixations.csv", "no export of BeGaze"),
    ],
)
def test_what_is_no_gaze_on_a_display_is_refused(read: Reader, file: str, message: str, shared_dir: Path) -> None:
    with pytest.raises(TrackerError, match=message):
        read(shared_dir / "trackers" / file)
