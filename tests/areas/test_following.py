"""Areas that follow something whose path is known."""

from __future__ import annotations

import cv2
import numpy as np

from gfsalnet.areas import Area, Follower, Keyframe
from gfsalnet.areas.area import box_corners
from gfsalnet.types import Frame

SIDE = 40
RANDOM = np.random.default_rng(0)
SCENERY = cv2.resize(RANDOM.integers(60, 190, (15, 20, 3), np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
THING = cv2.resize(RANDOM.integers(0, 255, (8, 8, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def frame(index: int, x: int | None, y: int = 30) -> Frame:
    rgb = SCENERY.copy()
    if x is not None:
        rgb[y : y + SIDE, x : x + SIDE] = THING
    return Frame(rgb, index / 10, index)


def follower(*keyframes: tuple[float, int]) -> Follower:
    drawn = tuple(Keyframe(time, box_corners([x, 30, x + SIDE, 30 + SIDE])) for time, x in keyframes)
    return Follower([Area(name="thing", units="pixels", keyframes=drawn)], (160, 120))


def test_it_stays_on_what_moves() -> None:
    follow = follower((0, 10))
    for index in range(8):
        (place,) = follow.push(frame(index, 10 + 4 * index))
        assert place.corners is not None
        np.testing.assert_allclose(place.corners.mean(axis=0), [30 + 4 * index, 50], atol=1)
        np.testing.assert_allclose(np.ptp(place.corners, axis=0), SIDE, rtol=0.05)
        assert place.state == ("followed" if index else "drawn")
        assert (place.error_pixels is None) == (index == 0)


def test_what_disappears_is_lost_and_found_again_at_its_next_keyframe() -> None:
    follow = follower((0, 10), (0.5, 90))
    noise = Frame(RANDOM.integers(0, 255, (120, 160, 3), np.uint8), 0.2, 2)
    frames = [frame(0, 10), frame(1, 14), noise, frame(3, None), frame(4, None), frame(5, 90), frame(6, 94)]
    states = [follow.push(one)[0].state for one in frames]
    assert states == ["drawn", "followed", "lost", "lost", "lost", "drawn", "followed"]


def test_before_its_first_keyframe_an_area_is_held() -> None:
    follow = follower((0.2, 10))
    states = [follow.push(frame(index, 10 + 2 * index))[0].state for index in range(4)]
    assert states == ["drawn", "drawn", "drawn", "followed"]


def test_what_leaves_the_frame_is_lost() -> None:
    follow = follower((0, 10))
    places = [follow.push(frame(index, 10))[0] for index in range(2)]
    moving = [np.roll(frame(2, 10).rgb, -20 * step, axis=1) for step in range(1, 4)]
    places += [follow.push(Frame(rgb, 0.2 + step / 10, 2 + step))[0] for step, rgb in enumerate(moving)]
    assert places[1].state == "followed"
    assert places[-1].state == "lost"


def test_of_a_box_with_more_scenery_than_thing_the_thing_is_followed() -> None:
    drawn = (Keyframe(0, box_corners([0, 15, 70, 85])),)  # a third of it is the thing
    follow = Follower([Area(name="thing", units="pixels", keyframes=drawn)], (160, 120))
    places = [follow.push(frame(index, 15 + 4 * index))[0] for index in range(8)]
    assert places[-1].corners is not None
    np.testing.assert_allclose(places[-1].corners.mean(axis=0), [35 + 28, 50], atol=6)
