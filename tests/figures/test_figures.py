from __future__ import annotations

import csv
import json
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from follower import Follower, square_x

from gfsalnet.areas import read_areas
from gfsalnet.errors import GFSalNetError, RequestError, SourceError
from gfsalnet.figures import (
    Clip,
    chosen,
    figure_6,
    figure_7,
    figure_8,
    figure_metrics,
    figure_strip,
    figure_training,
    motion_shares,
    read_curves,
    save_figure,
)


def write_areas(path, *areas):
    path.write_text(json.dumps({"areas": [{"name": name, "units": "pixels", **area} for name, area in areas]}))
    return read_areas(path)


def box(time_seconds, *corners):
    return {"time_seconds": time_seconds, "box": list(corners)}


def test_frames_are_chosen_by_time_or_spread_evenly(clip):
    found = chosen(Follower(), Clip(source=str(clip)), [0.5, 1.01])
    assert [prediction.frame_index for prediction in found] == [5, 10]
    found = chosen(Follower(), Clip(source=str(clip)), 3)
    assert [prediction.frame_index for prediction in found] == [5, 15, 25]
    part = Clip(source=str(clip), start_seconds=2, end_seconds=2.5)
    assert [prediction.frame_index for prediction in chosen(Follower(), part, 9)] == [20, 21, 22, 23, 24]


def test_a_time_after_the_end_is_one_line(clip):
    with pytest.raises(SourceError, match=r"ends at 3.00 s, before 7 s"):
        chosen(Follower(), Clip(source=str(clip)), [0.1, 7])


def test_a_figure_is_a_pdf_and_a_png_with_the_same_bytes_each_time(clip, tmp_path):
    shown = chosen(Follower(), Clip(source=str(clip)), [0, 1])
    paths = save_figure(figure_6(shown), tmp_path / "six")
    assert [path.name for path in paths] == ["six.pdf", "six.png"]
    assert paths[0].read_bytes()[:5] == b"%PDF-"
    again = save_figure(figure_6(shown), tmp_path / "again.pdf")[0]
    assert again.read_bytes() == paths[0].read_bytes()
    with pytest.raises(GFSalNetError, match="unknown ending"):
        save_figure(figure_6(shown), tmp_path / "six.docx")


def test_figure_6_leaves_the_first_frame_of_a_shot_empty(clip):
    figure = figure_6(chosen(Follower(), Clip(source=str(clip)), [0, 1]))
    said = [[text.get_text() for text in axes.texts] for axes in figure.axes[:14]]
    assert said[:7] == [[], ["no motion yet"], [], *[["no motion yet"]] * 3, []]
    assert said[7:] == [[]] * 7
    weights = figure.axes[11].images[0].get_array()
    assert (weights[32, 2], weights[32, -3]) == (1, 0)  # appearance on the left, motion on the right
    without = replace(chosen(Follower(), Clip(source=str(clip)), [1])[0], map_gate=None)
    with pytest.raises(RequestError, match="gate"):
        figure_6([without])


def test_figure_7_has_a_row_for_each_model_and_one_for_the_truth(clip, tmp_path):
    shown = {name: chosen(Follower(name), Clip(source=str(clip)), [0.5, 1]) for name in ("one", "two")}
    assert len(figure_7(shown).axes) == 3 * 2
    truth = {5: shown["one"][0].map_density}
    figure = figure_7(shown, truth)
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["frame", "viewers", "one", "two"]
    assert np.asarray(figure.axes[3].images[0].get_array()).min() == 255  # nobody was recorded there


def test_a_strip_shows_frames_over_overlays(clip, tmp_path):
    path = save_figure(figure_strip(chosen(Follower(), Clip(source=str(clip)), 4)), tmp_path / "strip.png")[0]
    height, width = matplotlib.image.imread(path).shape[:2]
    assert width > 2 * height


def test_motion_shares_are_means_of_1_minus_the_gate_inside(clip, tmp_path):
    """The gate of the model is 0 right of the middle of the square, else 1."""
    areas = write_areas(
        tmp_path / "areas.json",
        ("left", {"keyframes": [box(0, 0, 0, 8, 64)]}),
        ("right", {"keyframes": [box(0, 80, 0, 96, 64)], "to_seconds": 1.0}),
        ("on the square", {"keyframes": [box(0, 8, 24, 24, 40), box(2.9, 66, 24, 82, 40)]}),
    )
    found = motion_shares(Follower(), Clip(source=str(clip)), areas)
    assert found.names == ("left", "right", "on the square")
    assert np.isnan(found.shares[:, [0, 20]]).all()  # where shots start
    kept = np.setdiff1d(np.arange(30), [0, 20])
    np.testing.assert_array_equal(found.shares[0, kept], 0)
    np.testing.assert_array_equal(found.shares[1, 1:10], 1)
    assert np.isnan(found.shares[1, 10:]).all()
    np.testing.assert_allclose(found.shares[2, kept], 0.5, atol=0.01)
    labels = [text.get_text() for text in figure_8(found).axes[1].get_legend().get_texts()]
    assert labels == ["left", "right", "on the square"]


def test_areas_follow_what_is_in_them(clip, tmp_path):
    areas = write_areas(tmp_path / "areas.json", ("square", {"keyframes": [box(0, 8, 24, 24, 40)]}))
    still = motion_shares(Follower(), Clip(source=str(clip), end_seconds=1.9), areas)
    follows = motion_shares(Follower(), Clip(source=str(clip), end_seconds=1.9), areas, follow=True)
    assert still.shares[0, 18] == 0  # the square has left the box
    np.testing.assert_allclose(follows.shares[0, 1:], 0.5, atol=0.1)
    assert square_x(18) > 24


def test_training_curves_of_two_runs(tmp_path):
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        with (tmp_path / run / "curves.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["epoch", "train_kl", "kldiv", "nss"])
            rows.writerows([[0, 2, 2.5, 1], [1, 1.5, 2.1, 1.4]])
    runs = {run: read_curves(tmp_path / run) for run in ("a", "b")}
    figure = figure_training(runs)
    assert [axes.get_title() for axes in figure.axes] == ["KL of validation", "NSS of validation", "KL of training"]
    assert all(len(axes.lines) == 2 for axes in figure.axes)
    (tmp_path / "a" / "curves.csv").write_text("epoch,nss\n0,what\n")
    for run in ("a", "missing"):
        with pytest.raises(SourceError, match="Give the folder of a training run"):
            read_curves(tmp_path / run)


def test_bars_stand_at_their_values_with_their_intervals():
    bars = {"NSS ↑": {"floor": (0.5, np.nan, np.nan), "mine": (1.5, 1.2, 1.9), "nothing": (np.nan,) * 3}}
    axes = figure_metrics(bars, ["mine"]).axes[0]
    heights = [patch.get_height() for patch in axes.patches]
    assert heights == [0.5, 1.5]
    (interval,) = axes.collections[0].get_segments()
    assert interval[:, 1].tolist() == [1.2, 1.9]
