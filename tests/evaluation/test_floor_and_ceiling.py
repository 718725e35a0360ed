"""What other videos and other viewers tell."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import HEIGHT, SIGMA_PIXELS, WIDTH, Drawn

from gfsalnet.evaluation import EvaluationSettings
from gfsalnet.evaluation.floor import GRID_HW, OtherVideos, mean_density, with_fixations
from gfsalnet.evaluation.humans import leave_one_out, split_halves, viewers_of
from gfsalnet.gaze import density_map
from gfsalnet.types import Fixations


def test_the_centre_bias_is_the_mean_density_of_the_other_videos() -> None:
    dataset = Drawn()
    others = OtherVideos.learn(dataset, EvaluationSettings())
    bias = others.centre_bias(with_fixations(dataset.gaze("b")), SIGMA_PIXELS)
    assert bias is not None
    assert bias.shape == GRID_HW
    assert bias.sum() == pytest.approx(1)
    maps = []
    for video in "acd":
        frames = [density_map(g.fixations, (HEIGHT, WIDTH), SIGMA_PIXELS) for g in dataset.gaze(video) if g.index != 2]
        maps.append(np.mean(frames, axis=0, dtype=np.float64))
    expected = cv2.resize(np.mean(maps, axis=0), GRID_HW[::-1])
    assert np.corrcoef(bias.ravel(), expected.ravel())[0, 1] > 0.999


def test_a_frame_weighs_the_same_however_many_looked() -> None:
    dataset = Drawn()
    gaze = with_fixations(dataset.gaze("a"))
    one, many = gaze[0].fixations, gaze[1].fixations
    crowd = Fixations(x=np.tile(many.x, 9), y=np.tile(many.y, 9), size_wh=many.size_wh)
    frames = [type(gaze[0])(index=0, fixations=one), type(gaze[0])(index=1, fixations=crowd)]
    assert np.allclose(mean_density(frames, SIGMA_PIXELS), mean_density(gaze[:2], SIGMA_PIXELS))


def test_a_single_video_has_no_others() -> None:
    dataset = Drawn(("alone",))
    others = OtherVideos.learn(dataset, EvaluationSettings())
    assert others.centre_bias(with_fixations(dataset.gaze("alone")), SIGMA_PIXELS) is None
    assert not others.negatives(0, (HEIGHT, WIDTH), np.random.default_rng(0), 10).any()


def test_negatives_come_from_other_videos_only() -> None:
    dataset = Drawn(viewers=1)  # two fixations a frame
    others = OtherVideos.learn(dataset, EvaluationSettings())
    everywhere = [others.negatives(p, (HEIGHT, WIDTH), np.random.default_rng(0), None) for p in range(4)]
    own = np.zeros((HEIGHT, WIDTH))
    for frame in with_fixations(dataset.gaze("a")):
        inside = frame.fixations.inside
        np.add.at(own, (frame.fixations.y[inside].astype(int), frame.fixations.x[inside].astype(int)), 1)
    total = sum(everywhere) / 3  # every video is left out once
    assert np.allclose(total - everywhere[0], own, atol=1e-5)
    few = others.negatives(0, (HEIGHT, WIDTH), np.random.default_rng(1), 3)
    assert few.sum() <= 6
    assert (few <= everywhere[0]).all()


def test_videos_with_damaged_gaze_teach_nothing() -> None:
    dataset = Drawn()
    dataset.damaged = frozenset("b")
    assert OtherVideos.learn(dataset, EvaluationSettings()).videos == 3


def test_the_digest_follows_the_gaze() -> None:
    digests = [
        OtherVideos.learn(dataset, EvaluationSettings()).digest for dataset in (Drawn(), Drawn(), Drawn(viewers=4))
    ]
    assert digests[0] == digests[1] != digests[2]


def some_fixations(subject: list[int], x: list[float]) -> Fixations:
    return Fixations(
        x=np.float32(x), y=np.ones(len(x), np.float32), size_wh=(10, 10), subject=np.array(subject, np.int64)
    )


def test_each_viewer_is_left_out_once() -> None:
    fixations = some_fixations([3, 5, 3, 9, 8], [1, 2, 3, 4, 50])  # 8 looks outside
    assert viewers_of(fixations).tolist() == [3, 5, 9]
    pairs = [(others.x.tolist(), own.x.tolist()) for others, own in leave_one_out(fixations)]
    assert pairs == [([2, 4], [1, 3]), ([1, 3, 4], [2]), ([1, 2, 3], [4])]


def test_halves_share_no_viewer_and_swap_their_parts() -> None:
    fixations = some_fixations([0, 1, 2, 3, 4, 4], [0, 1, 2, 3, 4, 4])
    pairs = [(set(a.x.tolist()), set(b.x.tolist())) for a, b in split_halves(fixations, np.random.default_rng(0))]
    assert len(pairs) == 4
    assert pairs[0] == pairs[1][::-1]
    for first, second in pairs:
        assert first | second == {0, 1, 2, 3, 4}
        assert not first & second


def test_one_viewer_or_unknown_viewers_are_no_ceiling() -> None:
    alone = some_fixations([1, 1], [1, 2])
    unknown = Fixations(x=alone.x, y=alone.y, size_wh=(10, 10))
    for fixations in (alone, unknown):
        assert not list(leave_one_out(fixations))
        assert not list(split_halves(fixations, np.random.default_rng(0)))
