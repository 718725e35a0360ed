from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.errors import GFSalNetError, SourceError
from gfsalnet.flow import CachedFlow, FlowStream, PrecomputedFlow, make_estimator, write_flo
from gfsalnet.types import FlowField, Frame


def uniform(value: float, size_hw: tuple[int, int] = (3, 4)) -> FlowField:
    return FlowField(np.full((*size_hw, 2), value, np.float32))


@pytest.fixture
def folder(tmp_path):
    """Flow 8, 9, 10 and 11 in files whose alphabetical order is another."""
    for number in (8, 9, 10, 11):
        write_flo(tmp_path / f"frame_{number}.flo", uniform(number))
    (tmp_path / "notes.txt").touch()
    return tmp_path


def frames(*indices: int) -> list[Frame]:
    return [Frame(np.zeros((6, 8, 3), np.uint8), index=index) for index in indices]


def test_a_frame_gets_the_file_that_leads_to_it(folder):
    stream = FlowStream(make_estimator(f"folder:{folder}"))
    fields = [stream.push(frame, starts_shot=frame.index == 2) for frame in frames(0, 1, 2, 3)]
    assert [field.flow_pixels[0, 0, 0] for field in fields] == [0, 8, 0, 10]
    assert {field.size_hw for field in fields} == {(3, 4)}


def test_a_frame_keeps_its_file_when_others_are_lost(folder):
    stream = FlowStream(PrecomputedFlow(folder))
    assert [stream.push(frame, starts_shot=False).flow_pixels[0, 0, 0] for frame in frames(0, 4)] == [0, 11]


def test_settings_make_the_same_again(folder):
    flow = PrecomputedFlow(folder)
    assert make_estimator(flow.name, **flow.settings).version == flow.version


def test_the_version_changes_with_the_files(folder):
    before = PrecomputedFlow(folder).version
    write_flo(folder / "frame_12.flo", uniform(12))
    assert PrecomputedFlow(folder).version != before


def test_unknown_vectors_do_not_move(folder):
    field = uniform(2)
    field.flow_pixels[1, 1] = 1, 1e10
    write_flo(folder / "frame_8.flo", field)
    vectors = PrecomputedFlow(folder).leading_to(1).flow_pixels
    assert vectors[1, 1].tolist() == [0, 0]
    assert vectors[0, 0].tolist() == [2, 2]


def test_too_few_files_and_files_of_another_size_are_told(folder):
    write_flo(folder / "frame_9.flo", uniform(9, (3, 5)))
    flow = PrecomputedFlow(folder)
    with pytest.raises(SourceError, match="the flow to frame 4, and there is a frame 5"):
        flow.leading_to(5)
    with pytest.raises(SourceError, match=r"frame_9.flo: is \(5, 3\).*\(4, 3\)"):
        flow.leading_to(2)


def test_folders_without_flow_are_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(SourceError, match=r"holds no \.flo files"):
            PrecomputedFlow(folder)


def test_frames_without_their_number_are_refused(folder, tmp_path):
    flow = PrecomputedFlow(folder)
    first, second = frames(0, 0)
    with pytest.raises(GFSalNetError, match="name an estimator"):
        CachedFlow(flow, tmp_path / "cache")(first.rgb, second.rgb)
    stream = FlowStream(flow)
    stream.push(first, starts_shot=True)
    with pytest.raises(GFSalNetError, match="name an estimator"):
        stream.push(second, starts_shot=False)
