"""The toy data are gaze folders that the readers take, and the gaze is on the right discs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gfsalnet.gaze import open_dataset
from gfsalnet.training.data.toy import draw_toy
from gfsalnet.training.presets import tiny


def test_the_viewers_of_photographs_look_at_what_is_red(toy: Path) -> None:
    data = open_dataset("folder", toy / "toy" / "photographs", "train")
    assert data.kind == "image"
    sample = next(data.samples(data.videos[0]))
    x, y = sample.fixations.x.astype(int), sample.fixations.y.astype(int)
    assert (sample.frame.rgb[y, x, 0] > 200).mean() > 0.9


def test_the_viewers_of_clips_look_at_what_moves_and_what_is_red(toy: Path) -> None:
    data = open_dataset("folder", toy / "toy" / "clips", "all")
    assert data.kind == "video"
    for video in data.videos:
        frames = [frame.rgb.astype(int) for frame in data.frames(video)]
        gaze = data.gaze(video)[1].fixations
        for seen, viewers in (
            (np.abs(frames[1] - frames[0]).sum(2) > 0, slice(None, 8)),
            (frames[1][..., 0] > 200, slice(8, None)),
        ):
            rows, columns = np.nonzero(seen)
            assert abs(columns.mean() - gaze.x[viewers].mean()) < 6
            assert abs(rows.mean() - gaze.y[viewers].mean()) < 6


def test_a_frame_alone_does_not_show_what_moves(toy: Path) -> None:
    """The disc that moves has the brightness and the contrast of the noise that it covers."""
    data = open_dataset("folder", toy / "toy" / "clips", "all")
    for video in data.videos:
        first, second, *_ = (frame.rgb.astype(float) for frame in data.frames(video))
        moves = np.abs(second - first).sum(2) > 0
        rest = ~moves & (first[..., 0] < 200)
        assert abs(first[moves].mean() - first[rest].mean()) < 3
        assert 0.8 < first[moves].std() / first[rest].std() < 1.25


def test_it_is_known_what_draws_the_looks(toy: Path) -> None:
    recipe = tiny()
    clips = recipe.build_sources(recipe.validate, toy)[1].source
    rng = np.random.default_rng(0)
    for index in range(1, len(clips), 3):
        for example in (clips.eval_example(index)[0], clips.train_example(index, (96, 128), rng)):
            share = example.motion_share
            assert share is not None
            assert example.flow_image is not None
            red, green, _ = np.moveaxis(example.rgb.astype(int), 2, 0)
            assert (share[red > 2 * green + 20] == 0).mean() > 0.95
            assert 200 < (share == 0).sum() < 300  # the disc has 253 pixels
            assert set(np.unique(share[~np.isnan(share)])) == {0.0, 1.0}
            looks = example.density[~np.isnan(share)].sum()
            assert looks > 0.8
            assert example.density[share == 1].sum() > 0.5 * looks


def test_they_are_always_the_same_and_drawn_once(toy: Path, tmp_path: Path) -> None:
    draw_toy(tmp_path / "toy")
    table = Path("clips", "fixations.csv")
    assert (tmp_path / "toy" / table).read_bytes() == (toy / "toy" / table).read_bytes()
    (tmp_path / "toy" / table).write_text("mine")
    draw_toy(tmp_path / "toy")
    assert (tmp_path / "toy" / table).read_text() == "mine"
