"""Composed motion as a source: seeded, whole, and what moves is what is looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.flow import DISFlow
from gfsalnet.gaze import open_dataset
from gfsalnet.metrics import PROTOCOLS
from gfsalnet.network import NetworkConfig, mobile
from gfsalnet.training.data.composed import ComposedMotion
from gfsalnet.training.data.examples import Augmentation, Example

SIZE_HW = (96, 128)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs of a disc on a texture, looked at by ten."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    rows = ["image,x,y"]
    for number in range(4):
        rgb = cv2.GaussianBlur(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), (0, 0), 2)
        x, y = (int(value) for value in rng.integers(40, 80, 2))
        cv2.circle(rgb, (x, y), 16, (20, 20, 240), -1)
        cv2.imwrite(str(folder / f"{number}.png"), rgb)
        rows += [f"{number},{x + dx:.1f},{y + dy:.1f}" for dx, dy in rng.normal(0, 4, (10, 2))]
    (folder / "fixations.csv").write_text("\n".join(rows))
    return folder


def source(root: Path, network: NetworkConfig) -> ComposedMotion:
    return ComposedMotion(
        [(open_dataset("folder", root), 0.04)],
        network=replace(network, input_size_hw=SIZE_HW, keep_aspect=False),
        flow=DISFlow("fast", needs_evidence=True),
        scale_pixels=8.0,
        augmentation=Augmentation(colour=0.2),
    )


@pytest.fixture(scope="module")
def two_streams(root: Path) -> ComposedMotion:
    return source(root, mobile("both"))


def test_examples_are_whole_and_decided_by_their_random_numbers(two_streams: ComposedMotion) -> None:
    one, again, other = (two_streams.train_example(1, SIZE_HW, np.random.default_rng(seed)) for seed in (5, 5, 6))
    for a, b in zip(one, again, strict=True):
        assert np.array_equal(a, b, equal_nan=True)
    assert not np.array_equal(one.rgb, other.rgb)
    assert len(two_streams) == 4
    assert one.rgb.shape == one.flow_image.shape == (*SIZE_HW, 3)  # type: ignore[union-attr]
    assert one.density.shape == one.fixations.shape == SIZE_HW
    assert one.density.sum() == pytest.approx(1, abs=1e-5)


def drawn(two_streams: ComposedMotion) -> list[Example]:
    return [two_streams.train_example(i % 4, SIZE_HW, np.random.default_rng(i)) for i in range(60)]


@pytest.mark.slow
def test_known_motion_is_seen_in_the_flow_picture_and_draws_looks(two_streams: ComposedMotion) -> None:
    """Where motion draws most looks the picture is coloured, and there the density beats that of the still frame."""
    moving, resting = [], []
    for example in drawn(two_streams):
        assert example.motion_share is not None
        assert example.flow_image is not None
        assert example.still_density is not None
        colour = 255 - example.flow_image.min(2)
        gain = example.density - example.still_density
        on = np.nan_to_num(example.motion_share) > 0.7
        if on.any():
            moving.append((colour[on].mean(), gain[on].sum()))
        elif not np.isnan(example.motion_share).any() and not example.motion_share.any():
            resting.append(np.abs(gain).sum())
    assert len(moving) > 10
    assert len(resting) > 10
    assert np.mean([colour for colour, _ in moving]) > 30
    assert np.mean([gain for _, gain in moving]) > 0.2
    assert max(resting) < 0.2  # slow movers count as resting and draw little


def test_without_a_motion_stream_the_scene_rests(root: Path) -> None:
    still = source(root, mobile("appearance"))
    for seed in range(8):
        example = still.train_example(seed % 4, SIZE_HW, np.random.default_rng(seed))
        assert example.flow_image is None
        assert example.motion_share is None
        assert example.still_density is not None
        assert np.array_equal(example.density, example.still_density)


def test_validation_scenes_are_always_the_same(root: Path, two_streams: ComposedMotion) -> None:
    example, truth = two_streams.eval_example(2)
    again, _ = source(root, mobile("both")).eval_example(2)
    assert np.array_equal(example.rgb, again.rgb)
    assert PROTOCOLS["default"].score(example.density, truth, ["cc"])["cc"] == pytest.approx(1)
    assert two_streams.fingerprint() == source(root, mobile("both")).fingerprint()
