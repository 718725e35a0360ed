"""Laws of looking at motion, on made clips: what the camera does draws nothing, what begins to move draws soon.

Evidence, gate and memory are those of the default model; the network is left out: appearance is a blob in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from gfsalnet.flow import DISFlow
from gfsalnet.flow.scene_motion import SceneMotion, SceneMotionStream
from gfsalnet.maps import FrameMaps, Map
from gfsalnet.models.over_time import MapsOverTime, OverTime
from gfsalnet.models.registry import MODELS
from gfsalnet.network.folder import CONFIG_FILE, read_config
from gfsalnet.types import RGB, Frame

HEIGHT, WIDTH, RATE = 120, 160, 25
FRAMES = 16


def texture(seed: int, size: int) -> RGB:
    noise = np.random.default_rng(seed).normal(size=(size, size, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.clip(127 + 45 * soft / soft.std(), 0, 255).astype(np.uint8)


SCENERY, DISC = texture(1, 400), texture(2, 200)
MIDDLE = np.exp(-((np.mgrid[:60, :80][0] - 30) ** 2 + (np.mgrid[:60, :80][1] - 40) ** 2) / 450).astype(np.float32)


@pytest.fixture(scope="module")
def how() -> OverTime:
    """The numbers of the default model."""
    folder = MODELS["gfsalnet-mobile"].folder
    return OverTime.from_json(read_config(folder)[1]["over_time"], folder / CONFIG_FILE)


def fused(how: OverTime, pictures: Iterable[RGB], rate: float = RATE) -> list[tuple[SceneMotion, FrameMaps]]:
    stream, over_time, found = SceneMotionStream(DISFlow("fast", (WIDTH, HEIGHT))), MapsOverTime(how, "video"), []
    for index, rgb in enumerate(pictures):
        motion = stream.push(Frame(rgb, index=index, time_seconds=index / rate), starts_shot=index == 0)
        found.append((motion, over_time.fused(MIDDLE / MIDDLE.sum(), motion)))
    return found


def changed(maps: FrameMaps) -> float:
    """How far motion changes the map, 0…1."""
    assert maps.gate is not None
    return float(((1 - maps.gate) * maps.saliency).sum())


def warped(matrix: Callable[[float], np.ndarray]) -> Iterator[RGB]:
    for index in range(FRAMES):
        yield cv2.warpAffine(SCENERY, matrix(index / RATE), (WIDTH, HEIGHT))  # type: ignore[misc]


def shifted(matrix_23: np.ndarray, right: float, down: float) -> np.ndarray:
    return np.asarray(matrix_23 + np.array([[0, 0, right], [0, 0, down]]))


def turned(degrees: float, zoom: float, across: float) -> Callable[[float], np.ndarray]:
    """A camera that does so much in a second."""

    def at(seconds: float) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D((200, 200), degrees * seconds, 1 + zoom * seconds)
        return shifted(matrix, -120 - across * seconds, -140)

    return at


def train() -> Iterator[RGB]:
    """What is near runs past the window, what is far stays; no affine motion is both."""
    x, y = (values.astype(np.float32) for values in np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)))
    for index in range(FRAMES):
        moved = x + 10 + np.float32(index / RATE * 220) * (y / HEIGHT) ** 2
        yield cv2.remap(SCENERY, moved.astype(np.float32), y, cv2.INTER_LINEAR)  # type: ignore[misc]


def scrolled() -> Iterator[RGB]:
    """Lines of words under a bar that stays."""
    rng, page = np.random.default_rng(0), np.full((400, WIDTH, 3), 250, np.uint8)
    for row in range(6, 390, 9):
        for x in np.cumsum(rng.integers(12, 30, 6)):
            page[row : row + 4, x : x + 9] = 40
    for index in range(FRAMES):
        shown = page[6 * index : 6 * index + HEIGHT].copy()
        shown[:16] = (40, 80, 160)
        yield shown


def crowd() -> Iterator[RGB]:
    """Things all over the picture, each on its way."""
    rng, thing = np.random.default_rng(3), texture(2, 24)
    places, steps = rng.uniform(0, 1, (40, 2)) * (HEIGHT - 24, WIDTH - 24), rng.normal(0, 1.5, (40, 2))
    for index in range(FRAMES):
        rgb = SCENERY[:HEIGHT, :WIDTH].copy()
        for row, column in ((places + index * steps) % (HEIGHT - 24, WIDTH - 24)).astype(int):
            rgb[row : row + 24, column : column + 24] = thing
        yield rgb


def grainy() -> Iterator[RGB]:
    rng = np.random.default_rng(0)
    for _ in range(FRAMES):
        yield np.clip(SCENERY[:HEIGHT, :WIDTH] + rng.normal(0, 10, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)


NOTHING_TO_FOLLOW: dict[str, Callable[[], Iterable[RGB]]] = {
    "still": lambda: [SCENERY[:HEIGHT, :WIDTH]] * FRAMES,
    "pan": lambda: warped(turned(0, 0, 40)),
    "zoom": lambda: warped(turned(0, 0.3, 0)),
    "spin": lambda: warped(turned(20, 0, 0)),
    "train": train,
    "scrolling": scrolled,
    "crowd": crowd,
    "noise": grainy,
    "black": lambda: [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * FRAMES,
}


@pytest.mark.parametrize("name", NOTHING_TO_FOLLOW)
def test_where_motion_says_nothing_appearance_stays(how: OverTime, name: str) -> None:
    for _, maps in fused(how, NOTHING_TO_FOLLOW[name]()):
        assert np.isfinite(maps.saliency).all()
        assert changed(maps) < 0.15


def things(places: Callable[[int], list[tuple[int, int]]], frames: int) -> Iterator[RGB]:
    """Equal things at (row, column) by the number of the frame."""
    thing = texture(2, 18)
    for index in range(frames):
        rgb = SCENERY[:HEIGHT, :WIDTH].copy()
        for row, column in places(index):
            rgb[row : row + 18, column : column + 18] = thing
        yield rgb


def at(maps: Map | None, row: int, column: int) -> float:
    """The mean of a map on a thing there."""
    assert maps is not None
    scale = maps.shape[1] / WIDTH
    top, left, size = round(row * scale), round(column * scale), round(18 * scale)
    return float(maps[top : top + size, left : left + size].mean())


def turning(angles: tuple[float, float]) -> RGB:
    """Two equal discs, one at the left and one at the right, turned by so many degrees."""
    rgb, mask = SCENERY[:HEIGHT, :WIDTH].copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    for x, angle in zip((40, 120), angles, strict=True):
        disc = cv2.warpAffine(
            DISC, shifted(cv2.getRotationMatrix2D((100, 100), angle, 1), x - 100, -40), (WIDTH, HEIGHT)
        )
        cv2.circle(mask := np.zeros_like(mask), (x, 60), 16, 1, -1)
        rgb[mask > 0] = disc[mask > 0]
    return rgb


@pytest.mark.parametrize("rate", [25, 50])
def test_what_begins_to_move_draws_soon(how: OverTime, rate: int) -> None:
    """One disc turns all the time, another from half a second on, as fast.

    After 0.16 s it draws nearly as much, sooner than by the mean over half a second, and then alike.
    """
    degrees, start = 200 / rate, rate // 2
    angles = [(degrees * index, degrees * max(0, index - start)) for index in range(start + round(0.7 * rate))]
    pictures = [turning(both) for both in angles]
    assert how.gate is not None
    found, slow = (fused(of, pictures, rate) for of in (how, replace(how, gate=replace(how.gate, onset=0.0))))

    def compared(seconds: float, of: list[tuple[SceneMotion, FrameMaps]]) -> float:
        """With how they draw in the end."""
        ratios = [at(maps.motion, 51, 111) / at(maps.motion, 51, 31) for _, maps in of]
        return ratios[start + round(seconds * rate)] / ratios[-1]

    assert compared(-0.04, found) < 0.5
    assert compared(0.16, found) > 0.9 > 1.1 * compared(0.16, slow)


def test_what_moved_on_leaves_less_of_a_trail(how: OverTime) -> None:
    """Where a thing was 0.3 s ago the mean of the speed is still large, but nothing moves there any more."""

    def trail(how: OverTime) -> float:
        _, maps = fused(how, things(lambda index: [(50, 10 + 4 * index)], 24))[-1]
        return at(maps.motion, 50, 10 + 4 * 15) / at(maps.motion, 50, 10 + 4 * 23)

    assert how.gate is not None
    assert trail(how) < 0.8
    assert trail(how) < 0.7 * trail(replace(how, gate=replace(how.gate, onset=0.0)))


def test_a_camera_that_follows_a_thing_sees_it_draw(how: OverTime) -> None:
    """On the screen it rests and the scenery runs; alone it rests as well, and draws nothing by it."""
    pan = list(warped(turned(0, 0, 50)))
    followed = []
    for rgb in pan:
        rgb = rgb.copy()
        rgb[50:68, 100:118] = texture(2, 18)
        followed.append(rgb)
    _, maps = fused(how, followed)[-1]
    _, alone = fused(how, pan)[-1]
    assert at(maps.motion, 50, 100) > 1.5 * at(alone.motion, 50, 100)
