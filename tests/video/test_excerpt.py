from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.files import write_png
from gfsalnet.video import open_source


@pytest.fixture
def frames(tmp_path):
    """Twenty frames at 10 Hz, each as bright as its number."""
    for index in range(20):
        write_png(tmp_path / f"{index:02d}.png", np.full((16, 16, 3), index, np.uint8))
    return tmp_path


def read(source, **part):
    with open_source(source, rate=10, **part) as reader:
        return reader.info, list(reader), reader.report


def test_frames_keep_their_numbers_and_times(frames):
    info, found, report = read(frames, start_seconds=0.5, end_seconds=1.2)
    assert [frame.index for frame in found] == list(range(5, 12))
    assert [frame.rgb[0, 0, 0] for frame in found] == list(range(5, 12))
    assert found[0].time_seconds == info.start_seconds == 0.5
    assert (info.estimated_frames, report.frames_read) == (7, 7)
    assert info.duration_seconds == pytest.approx(0.7)


def test_one_bound_is_enough(frames):
    assert len(read(frames, start_seconds=1.85)[1]) == 1
    assert len(read(frames, end_seconds=0.05)[1]) == 1
    assert len(read(frames, end_seconds=99)[1]) == 20


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"start_seconds": 9}, "it ends at 2.00 s, before --start 9"),
        ({"start_seconds": 0.51, "end_seconds": 0.59}, "no frame lies between 0.51 and 0.59 s"),
    ],
)
def test_where_nothing_is_left_it_says_so(frames, part, problem):
    with pytest.raises(SourceError, match=problem):
        open_source(frames, rate=10, **part)


def test_a_picture_has_no_parts(frames):
    assert len(read(frames / "07.png", start_seconds=5)[1]) == 1
