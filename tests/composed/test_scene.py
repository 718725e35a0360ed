"""What moves takes its gaze along; speed against the scenery draws looks, the camera does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gfsalnet.composed.camera import Camera, random_camera
from gfsalnet.composed.cutouts import CutOut, cut_out
from gfsalnet.composed.sampling import random_scene
from gfsalnet.composed.scene import MovingObject, Scene, Scenery, Shares
from gfsalnet.flow import DISFlow

from .conftest import SIZE_HW, disc_photograph

FRAMES = 6
SCREEN_HW = (96, 128)


def camera(step_xy: tuple[float, float] = (0, 0), size: float = 0.8) -> Camera:
    """Pans by a share of the scenery's sides a frame."""
    time = np.arange(FRAMES)[:, None]
    return Camera(0.45 + time * np.array(step_xy), np.full(FRAMES, size), np.zeros(FRAMES), np.zeros(FRAMES))


def moving(cutout: CutOut, step_pixels: float) -> MovingObject:
    centre = np.stack([60 + step_pixels * np.arange(FRAMES), np.full(FRAMES, 60.0)], 1)
    return MovingObject(cutout, centre, np.ones(FRAMES), np.zeros(FRAMES))


@pytest.fixture(scope="module")
def disc() -> CutOut:
    found = cut_out(*disc_photograph((60, 50)))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def scenery() -> Scenery:
    rgb, gaze = disc_photograph((110, 90), seed=5)
    return Scenery(rgb, np.stack([gaze.x, gaze.y], 1))


def scene(scenery: Scenery, disc: CutOut, step_pixels: float, pan: tuple[float, float] = (0, 0)) -> Scene:
    return Scene(scenery, camera(pan), (moving(disc, step_pixels),), SCREEN_HW)


def share_of_object(frame: object) -> float:
    weights, points, mask = frame.weights, frame.points_xy, frame.masks[0]  # type: ignore[attr-defined]
    column, row = points.astype(int).T
    return float(weights[mask[row, column]].sum())


def test_the_middle_of_the_view_is_the_middle_of_the_screen() -> None:
    matrices = camera((0.01, 0.02)).screen_from_scenery(SIZE_HW, SCREEN_HW)
    for matrix, centre in zip(matrices, camera((0.01, 0.02)).centre_xy, strict=True):
        x, y, w = matrix @ [centre[0] * SIZE_HW[1], centre[1] * SIZE_HW[0], 1]
        assert (x / w, y / w) == pytest.approx((64, 48))
    corner = matrices[0] @ [(0.45 + 0.4) * SIZE_HW[1], (0.45 + 0.4) * SIZE_HW[0], 1]
    assert corner[:2] == pytest.approx((128, 96))


def test_a_pan_moves_the_picture_as_its_matrices_say(scenery: Scenery, disc: CutOut) -> None:
    """The flow that an estimator finds in rendered frames is the one the camera was given."""
    panned = Scene(scenery, camera((0.01, 0)), (), SCREEN_HW)
    first, second = panned.render(0).rgb, panned.render(1).rgb
    flow = DISFlow("medium", size_wh=None)(first, second).flow_pixels[20:-20, 20:-20]
    expected = -0.01 * SIZE_HW[1] * SCREEN_HW[1] / (SIZE_HW[1] * 0.8)
    assert np.median(flow[..., 0]) == pytest.approx(expected, abs=0.2)
    assert np.median(flow[..., 1]) == pytest.approx(0, abs=0.2)


def test_looks_grow_with_the_speed_against_the_scenery(scenery: Scenery, disc: CutOut) -> None:
    shares = [share_of_object(scene(scenery, disc, step).render(3)) for step in (0, 0.2, 1, 4)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(Shares().at_rest * disc.gaze_share)
    assert shares[-1] > 0.7


def test_the_camera_draws_no_looks(scenery: Scenery, disc: CutOut) -> None:
    still, panned = scene(scenery, disc, 0).render(3), scene(scenery, disc, 0, pan=(0.01, 0.01)).render(3)
    assert share_of_object(panned) == pytest.approx(share_of_object(still))
    assert np.allclose(panned.weights, panned.still_weights)
    assert panned.speeds == pytest.approx([0])


def test_weights_are_shares_and_the_density_lies_on_the_object(scenery: Scenery, disc: CutOut) -> None:
    frame = scene(scenery, disc, 3).render(2)
    assert frame.weights.sum() == pytest.approx(1)
    assert frame.still_weights.sum() == pytest.approx(1)
    density = frame.density(4)
    assert density.sum() == pytest.approx(1, abs=1e-5)
    assert frame.masks[0][np.unravel_index(density.argmax(), density.shape)]
    red = frame.rgb[frame.masks[0]]
    assert (red[:, 0] > 150).mean() > 0.85


def test_the_motion_share_is_known_on_objects_and_where_nothing_moves(scenery: Scenery, disc: CutOut) -> None:
    moving, resting = (scene(scenery, disc, step, pan=(0.01, 0)).render(3) for step in (4, 0))
    share, mask = moving.motion_share(), moving.masks[0]
    assert share[mask] == pytest.approx(moving.drawn_by_motion[0])
    assert moving.drawn_by_motion[0] > 0.8
    assert np.isnan(share[~mask]).all()
    assert not resting.motion_share().any()  # the camera moves: that is no reason to trust motion


def test_what_is_hidden_is_not_looked_at(scenery: Scenery, disc: CutOut) -> None:
    over = MovingObject(disc, np.tile([110.0, 90.0], (FRAMES, 1)), np.full(FRAMES, 1.4), np.zeros(FRAMES))
    hidden = Scene(scenery, camera(), (over,), SCREEN_HW).render(0)
    open_ = Scene(scenery, camera(), (), SCREEN_HW).render(0)
    assert len(open_.points_xy) - (len(hidden.points_xy) - len(disc.points_xy)) >= 10  # the scenery's own disc


def test_viewers_are_drawn_by_their_share(scenery: Scenery, disc: CutOut) -> None:
    frame = scene(scenery, disc, 4).render(3)
    looks = frame.viewers(2000, np.random.default_rng(0))
    on_object = frame.masks[0][looks.y.astype(int), looks.x.astype(int)].mean()
    assert on_object == pytest.approx(share_of_object(frame), abs=0.04)
    nothing = replace(frame, points_xy=frame.points_xy[:0], weights=frame.weights[:0])
    assert len(nothing.viewers(5, np.random.default_rng(0))) == 0
    assert nothing.density(4).sum() == 0


def test_random_scenes_are_seeded_and_sound(scenery: Scenery, disc: CutOut) -> None:
    kinds = set()
    for seed in range(40):
        one, again = (
            random_scene(scenery, lambda rng: disc, SCREEN_HW, 12, np.random.default_rng(seed)) for _ in range(2)
        )
        frame = one.render(seed % 12)
        assert np.array_equal(frame.rgb, again.render(seed % 12).rgb)
        assert frame.weights.sum() == pytest.approx(1, abs=1e-6) or not frame.weights.any()
        kinds.add((len(one.objects), bool((one.speeds > 0).any())))
    assert {(0, False), (1, False), (1, True), (2, True)} <= kinds


def test_cameras_stay_inside_the_picture() -> None:
    for seed in range(60):
        view = random_camera(24, np.random.default_rng(seed))
        edges = view.centre_xy[:, :, None] + np.array([-0.5, 0.5]) * view.size[:, None, None]
        assert edges.min() > -1e-9
        assert edges.max() < 1 + 1e-9
