"""The memory of maps: late to what is new, gone after its reach, the same at any frame rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from gfsalnet.maps import FrameMaps, Map
from gfsalnet.models.memory import Memory, Timed, remembered

SIZE_HW = (12, 16)


def blob(row: int, column: int) -> Map:
    y, x = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    powers = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)
    return (powers / powers.sum()).astype(np.float32)


BEFORE, AFTER = blob(3, 3), blob(8, 12)


def frame(index: int, seconds: float, density: Map | None, starts_shot: bool = False) -> Timed[int]:
    maps = None if density is None else FrameMaps(density, density, None, None)
    return Timed(index, seconds, starts_shot, maps)


def means(frames: Iterable[Timed[int]], memory: Memory | None = None, lookahead: int = 0) -> list[Map | None]:
    found = list(remembered(frames, memory or Memory(), lookahead))
    assert [index for index, _ in found] == list(range(len(found)))
    return [maps and maps.saliency for _, maps in found]


def change(times: Sequence[float], at: float, cut: bool = False) -> list[Timed[int]]:
    """One scene before a time, another from then on."""
    shots = [now >= at for now in times]
    return [
        frame(i, now, AFTER if new else BEFORE, cut and new and not shots[i - 1])
        for i, (now, new) in enumerate(zip(times, shots, strict=True))
    ]


def share(density: Map | None, of: Map) -> float:
    assert density is not None
    return float(density[of > of.max() / 2].sum() / of[of > of.max() / 2].sum())


@pytest.mark.parametrize("rate", [15, 24, 30, 60])
def test_after_a_cut_gaze_stays_some_200_ms_and_is_there_by_400(rate: int) -> None:
    """Half of it has gone over by 0.2 s at the latest, nearly all by 0.4 s, at any rate, across the cut."""
    times = np.arange(2 * rate) / rate
    course = [share(mean, AFTER) for mean in means(change(times, 1.0, cut=True))][rate:]
    at = {ms: course[round(ms / 1000 * rate)] for ms in (0, 200, 400)}
    assert at[0] < 0.45
    assert 0.6 < at[200] < 0.9
    assert at[400] > 0.9


def test_a_variable_rate_gives_the_same() -> None:
    steady = np.arange(60) / 30
    uneven = np.sort(np.random.default_rng(0).uniform(0, 2, 60))
    even, odd = ([share(mean, AFTER) for mean in means(change(times, 1.0))] for times in (steady, uneven))
    np.testing.assert_allclose(np.interp(1.3, uneven, odd), np.interp(1.3, steady, even), atol=0.06)


def test_cuts_every_second_bring_each_scene_into_view() -> None:
    times = np.arange(120) / 30
    scenes = [BEFORE if int(now) % 2 == 0 else AFTER for now in times]
    found = means(frame(i, now, scene) for i, (now, scene) in enumerate(zip(times, scenes, strict=True)))
    for mean, scene, now in zip(found, scenes, times, strict=True):
        assert now % 1 < 0.45 or share(mean, scene) > 0.95


def test_the_memory_ends_at_its_reach() -> None:
    """What came before has no influence at all, so that a video can be cut into segments."""
    rng = np.random.default_rng(0)
    frames = [(i / 30, rng.random(SIZE_HW).astype(np.float32)) for i in range(60)]
    late = [(now, values) for now, values in frames if now > 59 / 30 - 0.5]
    long, short = (means(frame(i, *of) for i, of in enumerate(part))[-1] for part in (frames, late))
    np.testing.assert_allclose(long, short, atol=1e-7)


def test_streams_and_gate_are_remembered_as_the_fused_map_is() -> None:
    maps = [FrameMaps(scene, scene, scene, scene) for scene in (BEFORE, BEFORE, AFTER)]
    found = list(remembered((Timed(i, i / 25, False, of) for i, of in enumerate(maps)), Memory()))[-1][1]
    assert found is not None
    assert 0 < share(found.saliency, BEFORE) < 1
    for values in found[1:]:
        np.testing.assert_array_equal(values, found.saliency)


def test_no_memory_leaves_maps_alone() -> None:
    found = means(change(np.arange(4) / 30, 0.05), Memory(tau_seconds=0))
    assert np.array_equal(found[-1], AFTER)


def test_frames_without_times_follow_each_other() -> None:
    found = means(frame(i, 0.0, BEFORE if i < 20 else AFTER) for i in range(40))
    assert share(found[19], AFTER) < 0.01
    assert share(found[-1], AFTER) > 0.9


def test_a_frame_of_another_size_starts_again() -> None:
    other = np.full((6, 8), 1 / 48, np.float32)
    found = means([frame(0, 0.0, BEFORE), frame(1, 0.04, other), frame(2, 0.08, AFTER)], lookahead=2)
    assert [np.array_equal(a, b) for a, b in zip(found, (BEFORE, other, AFTER), strict=True)] == [True] * 3


@pytest.mark.parametrize("lookahead", [1, 4, 100])
def test_every_frame_waits_for_as_many_and_no_more(lookahead: int) -> None:
    """One mean per frame, whatever the clip's length; the frame k from a change sees it k frames ahead."""
    taken = 0

    def counted() -> Iterable[Timed[int]]:
        nonlocal taken
        for each in change(np.arange(40) / 30, 1.0):
            taken += 1
            yield each

    shares = []
    for index, maps in remembered(counted(), Memory(), lookahead):
        assert taken == min(index + 1 + lookahead, 40)
        shares.append(share(maps and maps.saliency, AFTER))
    assert len(shares) == 40
    reach_frames = min(lookahead, 13)  # 0.45 s of 1/30 s
    assert shares[29 - reach_frames] < 1e-3 < shares[30 - reach_frames]
    if lookahead == 100:  # the middle of the change lies where it happens
        assert shares[29] < 0.5 < shares[30]


@pytest.mark.parametrize("lookahead", [0, 3])
def test_what_the_network_skips_passes_in_its_place(lookahead: int) -> None:
    frames = [frame(i, i / 30, BEFORE if i % 3 == 0 else None) for i in range(10)]
    assert [mean is not None for mean in means(frames, lookahead=lookahead)] == [i % 3 == 0 for i in range(10)]


def test_nothing_of_a_new_shot_is_known_before_it() -> None:
    found = means(change(np.arange(60) / 30, 1.0, cut=True), lookahead=10)
    assert share(found[29], AFTER) < 1e-3
    assert share(found[30], BEFORE) > 0  # but what was looked at before is remembered
    assert share(found[-1], BEFORE) < 1e-3


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_clips(count: int) -> None:
    assert len(means([frame(i, i / 30, BEFORE) for i in range(count)], lookahead=5)) == count
