"""The camera taken out of the motion, at any frame rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import pytest

from gfsalnet.flow import DISFlow
from gfsalnet.flow.camera import CameraMotion, against_scene, camera_motion, speed
from gfsalnet.flow.scene_motion import SceneMotion, SceneMotionStream
from gfsalnet.types import FlowField, Frame

HEIGHT, WIDTH = 240, 320
Where = Callable[[float], np.ndarray]
"""Seconds → a (2, 3) affine map from texture to screen."""


def _texture(seed: int, size: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(size, size, 3)).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(127 + 45 * texture / texture.std(), 0, 255).astype(np.uint8)


SCENERY, THING = _texture(1, 640), _texture(2, 40)


def still(seconds: float) -> np.ndarray:
    return np.array([[1, 0, -160], [0, 1, -200]], float)


def pan(seconds: float) -> np.ndarray:
    return still(seconds) + np.array([[0, 0, -60 * seconds], [0, 0, 0]])


def zoom(seconds: float) -> np.ndarray:
    return cv2.getRotationMatrix2D((320, 320), 0, 1 + 0.3 * seconds) + still(seconds) - np.eye(2, 3)


def spin(seconds: float) -> np.ndarray:
    return cv2.getRotationMatrix2D((320, 320), 20 * seconds, 1) + still(seconds) - np.eye(2, 3)


def frame_at(seconds: float, camera: Where, speed: float | None, index: int) -> Frame:
    """The scenery, and a thing that moves to the right by so many pixels per second; None: no thing."""
    rgb = cv2.warpAffine(SCENERY, camera(seconds), (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    if speed is not None:
        x = 60 + speed * seconds
        place = np.array([[1, 0, x], [0, 1, 100]])
        mask = cv2.warpAffine(np.ones(THING.shape[:2], np.float32), place, (WIDTH, HEIGHT))[..., None]
        rgb = (rgb * (1 - mask) + cv2.warpAffine(THING, place, (WIDTH, HEIGHT)) * mask).astype(np.uint8)
    return Frame(rgb, time_seconds=seconds, index=index)


def clip(times: Sequence[float], camera: Where = still, speed: float | None = None) -> Iterator[Frame]:
    for index, seconds in enumerate(times):
        yield frame_at(float(seconds), camera, speed, index)


def last_motion(frames: Iterator[Frame]) -> SceneMotion:
    stream = SceneMotionStream(DISFlow())
    for number, frame in enumerate(frames):
        motion = stream.push(frame, starts_shot=number == 0)
    return motion


def on_thing(motion: SceneMotion, seconds: float, speed: float) -> float:
    """The residual in the middle of the thing."""
    scale = motion.residual.shape[1] / WIDTH
    return float(motion.residual[round(120 * scale), round((80 + speed * seconds) * scale)])


def test_camera_of_a_known_field() -> None:
    """A field of a zoom with a third of the picture moving otherwise."""
    affine = np.array([[1.02, 0.01, -3.0], [-0.01, 1.02, 1.0]])
    vectors = CameraMotion(affine, 1.0).flow((HEIGHT, WIDTH)).flow_pixels
    vectors[60:180, :200] += (4, -3)
    camera = camera_motion(FlowField(vectors))
    np.testing.assert_allclose(camera.affine_23, affine, atol=1e-4)
    assert camera.inlier_share == pytest.approx(1 - 120 * 200 / (HEIGHT * WIDTH), abs=0.01)
    left = speed(against_scene(FlowField(vectors), camera))
    np.testing.assert_allclose(left[60:180, :200], 5, atol=0.05)
    assert left[200:].max() < 0.05


def test_speed_is_in_pixels_of_a_picture_320_wide() -> None:
    field = FlowField(np.full((60, 80, 2), (3, 4), np.float32))
    camera = camera_motion(field)
    assert camera.speed((60, 80)) == pytest.approx(20, abs=1e-3)
    assert speed(field).mean() == pytest.approx(20, abs=1e-3)


@pytest.mark.parametrize("camera", [still, pan, zoom, spin])
def test_a_camera_alone_leaves_nothing(camera: Where) -> None:
    motion = last_motion(clip(np.arange(12) / 25, camera))
    inner = motion.residual[6:-6, 6:-6]
    assert inner.max() < 0.25
    assert motion.inlier_share > 0.8


@pytest.mark.parametrize("camera", [still, pan, zoom])
def test_a_thing_that_moves_stands_out(camera: Where) -> None:
    times, velocity = np.arange(12) / 25, 50.0
    motion = last_motion(clip(times, camera, velocity))
    assert on_thing(motion, times[-1], velocity) > 10 * np.median(motion.residual)


@pytest.mark.parametrize("rate", [60, *(pytest.param(rate, marks=pytest.mark.slow) for rate in (24, 30, 50))])
def test_the_frame_rate_does_not_matter(rate: int) -> None:
    speed, seconds = 50.0, 0.8
    motion = last_motion(clip(np.arange(round(seconds * rate) + 1) / rate, pan, speed))
    reference = last_motion(clip(np.arange(round(seconds * 25) + 1) / 25, pan, speed))
    assert motion.mean_residual == pytest.approx(reference.mean_residual, rel=0.15)
    assert motion.short.mean() == pytest.approx(reference.short.mean(), rel=0.15)
    assert motion.camera_speed == pytest.approx(60 / 25, rel=0.05)
    assert on_thing(motion, seconds, speed) == pytest.approx(on_thing(reference, seconds, speed), rel=0.15)


def test_a_variable_rate_gives_the_same() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 30))
    motion = last_motion(clip(times, pan, 50.0))
    assert motion.camera_speed == pytest.approx(60 / 25, rel=0.05)


def test_repeated_and_dropped_frames_do_not_flash() -> None:
    """Of 30 frames per second each fifth is dropped, and the one before shown again."""
    times = np.arange(40) / 30
    shown = np.where(np.arange(40) % 5 == 4, times - 1 / 30, times)
    stream, speed, found = SceneMotionStream(DISFlow()), 50.0, []
    for index, (now, content) in enumerate(zip(times, shown, strict=True)):
        rgb = frame_at(content, pan, speed, index).rgb
        motion = stream.push(Frame(rgb, time_seconds=float(now), index=index), starts_shot=index == 0)
        found.append((motion.mean_residual, motion.short.mean(), motion.camera_speed))
    residual, short, camera = np.array(found)[15:].T
    assert camera.min() > 0.9 * 60 / 25
    assert camera.max() < 1.1 * 60 / 25
    assert residual.max() < 1.25 * residual.min()
    assert short.max() < 1.5 * short.min()


def test_what_stands_still_comes_to_rest() -> None:
    """Motion is forgotten after the reach, not before."""
    stream = SceneMotionStream(DISFlow(), reach_seconds=0.5)
    frames = list(clip(np.arange(12) / 25, still, 50.0))
    found = [stream.push(frame, index == 0).mean_residual for index, frame in enumerate(frames)]
    for number in range(1, 20):
        again = Frame(frames[-1].rgb, time_seconds=frames[-1].time_seconds + number / 25, index=11 + number)
        found.append(stream.push(again, starts_shot=False).mean_residual)
    assert found[11 + 10] > 0.5 * found[11]
    assert found[-1] == 0


def test_the_shorter_mean_follows_at_once() -> None:
    """Motion that stops is gone from it after 0.2 s, and lasts in the longer one."""
    moving = [frame_at(i / 25, still, 50.0, i) for i in range(12)]
    grain = np.random.default_rng(0).normal(0, 6, (8, HEIGHT, WIDTH, 3))  # a frame that repeats another is no motion
    rested = np.clip(moving[-1].rgb + grain, 0, 255).astype(np.uint8)
    resting = [Frame(rgb, time_seconds=(12 + i) / 25, index=12 + i) for i, rgb in enumerate(rested)]
    stream = SceneMotionStream(DISFlow())
    found = [stream.push(frame, index == 0) for index, frame in enumerate((*moving, *resting))]
    moved, last = found[11], found[-1]
    thing = np.unravel_index(moved.residual.argmax(), moved.residual.shape)
    assert last.short[thing] < 0.2 * moved.short[thing]
    assert last.residual[thing] > max(0.15 * moved.residual[thing], 3 * last.short[thing])


def test_a_cut_forgets() -> None:
    stream = SceneMotionStream(DISFlow())
    for index, frame in enumerate(clip(np.arange(10) / 25, pan, 50.0)):
        motion = stream.push(frame, starts_shot=index in (0, 9))
    assert motion.mean_residual == 0
    assert motion.camera_speed == 0
    assert motion.inlier_share == 1


@pytest.mark.parametrize("rgb", [np.zeros((90, 120, 3), np.uint8), np.full((90, 120, 3), 255, np.uint8)])
def test_empty_pictures_and_one_frame(rgb: np.ndarray) -> None:
    stream = SceneMotionStream(DISFlow())
    for index in range(3):
        motion = stream.push(Frame(rgb, index=index), starts_shot=index == 0)
        assert motion.mean_residual == 0


def test_noise_is_finite() -> None:
    stream, rng = SceneMotionStream(DISFlow()), np.random.default_rng(0)
    for index in range(4):
        rgb = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        assert np.isfinite(stream.push(Frame(rgb, index=index), index == 0).residual).all()
