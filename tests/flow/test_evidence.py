"""Invented motion is dropped, real motion stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gfsalnet.flow import DISFlow
from gfsalnet.flow.evidence import evident_flow
from gfsalnet.types import FlowField

HW = (96, 128)


def textured(seed: int = 0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(0, 255, HW, dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.5), np.uint8)


def constant(dx: float, dy: float) -> FlowField:
    return FlowField(np.broadcast_to(np.array([dx, dy], np.float32), (*HW, 2)).copy())


def test_a_motion_that_happened_is_kept() -> None:
    grey = textured()
    kept = evident_flow(constant(3, -2), grey, np.roll(grey, (-2, 3), (0, 1))).flow_pixels[16:-16, 16:-16]
    assert np.allclose(kept, [3, -2], atol=0.05)


@pytest.mark.parametrize("grey", [np.full(HW, 90, np.uint8), textured()], ids=["smooth", "textured"])
def test_a_motion_that_did_not_happen_is_dropped(grey: NDArray[np.uint8]) -> None:
    noise = np.random.default_rng(1).integers(-1, 2, (2, *HW))
    previous, current = (np.clip(grey + part, 0, 255).astype(np.uint8) for part in noise)
    assert np.abs(evident_flow(constant(3, -2), previous, current).flow_pixels).max() < 0.3


def test_no_motion_stays_none() -> None:
    assert not evident_flow(constant(0, 0), textured(), textured(1)).flow_pixels.any()


def test_on_a_smooth_ground_dis_keeps_the_object_and_drops_what_it_invents() -> None:
    rng = np.random.default_rng(0)
    frames = []
    for left in (40, 43):
        rgb = np.full((*HW, 3), 120.0) + rng.normal(0, 2, (*HW, 3))
        rgb[30:60, left : left + 30] = textured()[:30, :30, None]
        frames.append(np.clip(rgb, 0, 255).astype(np.uint8))
    plain = DISFlow("medium", size_wh=None)(*frames).flow_pixels
    honest = DISFlow("medium", size_wh=None, needs_evidence=True)(*frames).flow_pixels
    ground = np.s_[70:, :]
    assert np.abs(honest[ground]).mean() < 0.05 * np.abs(plain[ground]).mean()
    assert np.median(honest[38:52, 50:62, 0]) == pytest.approx(3, abs=0.4)
