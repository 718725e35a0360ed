"""The models in the package, on pictures of which it is known where to look."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from gfsalnet.demo import draw_frame
from gfsalnet.errors import GFSalNetError
from gfsalnet.models import load_model
from gfsalnet.types import Frame


def frames(count: int) -> Iterator[Frame]:
    """A textured square that moves over a texture."""
    rng = np.random.default_rng(1)
    ground, square = (rng.integers(*span, dtype=np.uint8) for span in ((0, 90, (60, 90, 3)), (100, 255, (20, 20, 3))))
    for index in range(count):
        rgb = ground.copy()
        rgb[20:40, 3 * index : 3 * index + 20] = square
        yield Frame(rgb, time_seconds=index / 25, index=index)


def test_the_shipped_model_predicts_and_looks_at_what_stands_out() -> None:
    model = load_model("gfsalnet-mobile", device="cpu")
    rgb = np.full((180, 320, 3), 110, np.uint8)
    rgb[60:100, 220:260] = (230, 40, 30)
    p = next(iter(model.stream([Frame(rgb)])))
    peak_y, peak_x = np.unravel_index(p.density.argmax(), p.density.shape)
    assert 45 < peak_y < 115
    assert 205 < peak_x < 275
    described = model.describe()
    assert (described["name"], described["streams"]) == ("gfsalnet-mobile", "appearance")
    assert model.has_gate
    assert model.reach_seconds <= 1


def test_the_shipped_maps_show_no_mesh() -> None:
    """Each of the sixteen places that a pixel can have in a block of four by four has the same mean, near the peak."""
    model = load_model("gfsalnet-mobile", device="cpu")
    rgb = np.full((360, 640, 3), 110, np.uint8)
    cv2.circle(rgb, (330, 170), 60, (230, 120, 60), -1)
    p = next(iter(model.stream([Frame(rgb)])))
    row, column = (int(place) for place in np.unravel_index(p.density.argmax(), p.density.shape))
    top, left = np.clip(row - 32, 0, 360 - 64) // 4 * 4, np.clip(column - 32, 0, 640 - 64) // 4 * 4
    near = p.density[top : top + 64, left : left + 64].astype(np.float64)
    phases = np.array([near[a::4, b::4].mean() for a in range(4) for b in range(4)])
    y, x = np.mgrid[:4, :4] - 1.5
    slopes = np.stack((np.ones(16), y.ravel(), x.ravel()), 1)  # a slope across the patch is no mesh
    left_over = phases - slopes @ np.linalg.lstsq(slopes, phases, rcond=None)[0]
    assert np.sqrt((left_over**2).mean()) / phases.mean() < 0.01


def test_a_still_picture_is_read_as_one() -> None:
    model = load_model("gfsalnet-mobile", device="cpu")
    rgb = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    alone = next(iter(model.stream([Frame(rgb)]))).density
    in_a_video = next(iter(model.stream([Frame(rgb), Frame(rgb, index=1)]))).density
    assert np.abs(alone - in_a_video).max() > 1e-5


@pytest.mark.slow
def test_the_shipped_motion_draws_to_what_moves_alone() -> None:
    """In the drawn video a bird flies past a tree. Without motion the gate is appearance's."""
    model = load_model("gfsalnet-mobile", device="cpu")
    times = np.arange(12) / 25
    p = list(model.stream(Frame(draw_frame(1 + t), index=i, time_seconds=t) for i, t in enumerate(times)))
    assert p[0].gate is not None
    assert p[0].gate.min() == 1
    last, bird = p[-1], np.s_[36:76, 418:478]
    assert last.gate is not None
    assert last.gate[bird].mean() < min(0.9, last.gate.mean())
    assert last.motion is not None
    assert last.appearance is not None
    assert last.motion[bird].mean() > 2 * last.motion.mean()
    assert last.density[bird].sum() > last.appearance[bird].sum()


def test_streams_of_the_shipped_model_alone() -> None:
    both, appearance, motion = (
        list(load_model(f"gfsalnet-mobile{stream}", device="cpu").stream(frames(4)))[-1]
        for stream in ("", ":appearance", ":motion")
    )
    np.testing.assert_allclose(appearance.map_density, both.map_appearance, atol=1e-7)
    np.testing.assert_allclose(motion.map_density, both.map_motion, atol=1e-7)
    assert appearance.gate is None
    assert motion.gate is None


def test_the_strength_of_the_centre() -> None:
    grey = np.full((96, 128, 3), 120, np.uint8)
    weak, strong = (load_model("gfsalnet-mobile", device="cpu", centre_bias=b)(grey).density for b in (0.0, 3.0))
    assert np.abs(weak - strong).max() > 1e-6
    with pytest.raises(GFSalNetError, match="no centre of its own"):
        load_model("gfsalnet-mobile@1", device="cpu", centre_bias=0.5)


def test_the_first_gate_turns_to_what_moves_and_only_while_it_moves() -> None:
    """Fig. 8: in the demo video a bird flies past a tree; then the video stands still."""
    model = load_model("gfsalnet-mobile@1", device="cpu")
    moments = [1.0, 1.04, 1.08, 1.08, 1.08]
    p = list(model.stream(Frame(draw_frame(seconds), index=index) for index, seconds in enumerate(moments)))
    bird, tree = np.s_[50:110, 450:540], np.s_[150:230, 570:640]  # rows, columns

    def motion_share(index: int, place: tuple[slice, slice]) -> float:
        weights = p[index].density[place]  # type: ignore[index]
        return float(np.average(1 - p[index].gate[place], weights=weights))  # type: ignore[index]

    assert motion_share(2, bird) > 0.5
    assert motion_share(2, bird) > motion_share(2, tree) + 0.25
    assert motion_share(4, bird) < 0.15
    assert p[2].density[bird].sum() > 1.5 * p[4].density[bird].sum()


def test_flow_is_computed_for_one_stream_only_when_asked() -> None:
    assert not load_model("gfsalnet-mobile:appearance", device="cpu", flow="dis").computes_flow
    kept = load_model("gfsalnet-mobile:appearance", device="cpu", keep_flow=True)
    assert list(kept.stream(frames(2)))[1].flow is not None


def test_the_first_model_has_no_memory_to_look_ahead_with() -> None:
    with pytest.raises(GFSalNetError, match="look ahead"):
        load_model("gfsalnet-mobile@1", device="cpu", lookahead=2)


BLOCKS = np.random.default_rng(0).integers(0, 256, (4, 9, 16, 3), dtype=np.uint8).repeat(10, 1).repeat(10, 2)
CLIPS: dict[str, list[np.ndarray]] = {
    "one frame": [BLOCKS[0]],
    "repeated frames": [BLOCKS[0]] * 8,
    "a cut every other frame": [BLOCKS[index // 2] for index in range(8)],
    "noise": list(np.random.default_rng(1).integers(0, 256, (6, 90, 160, 3), dtype=np.uint8)),
    "black": [np.zeros((90, 160, 3), np.uint8)] * 4,
    "thirteen by nine pixels": [BLOCKS[0, :9, :13]] * 3,
    "another size in the middle": [BLOCKS[0]] * 3 + [BLOCKS[1, :48]] * 3,
}


@pytest.mark.parametrize("name", CLIPS)
def test_maps_stay_sensible_on_bad_input(name: str) -> None:
    """Finite densities that are neither a spike nor empty, and a gate that stays with appearance."""
    shown = [Frame(np.ascontiguousarray(rgb), index=i, time_seconds=i / 25) for i, rgb in enumerate(CLIPS[name])]
    predictions = list(load_model("gfsalnet-mobile", device="cpu").stream(shown))
    assert len(predictions) == len(shown)
    for p in predictions:
        assert np.isfinite(p.map_density).all()
        assert p.map_density.sum() == pytest.approx(1, abs=1e-4)
        assert 1 < p.map_density.max() * p.map_density.size < 60
        assert p.map_gate is not None
        assert p.map_gate.mean() > 0.9
