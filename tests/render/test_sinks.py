from __future__ import annotations

import csv
import hashlib
import os
import tracemalloc
from collections.abc import Iterable
from dataclasses import fields
from fractions import Fraction
from itertools import repeat

import av
import cv2
import numpy as np
import pytest

from gfsalnet.errors import OutputError
from gfsalnet.render.look import MapForm, stored_values
from gfsalnet.render.sinks import COLUMN_FORMATS, FileSink, csv_sink, ffv1_sink, grey_map, npz_sink, png_sink
from gfsalnet.render.statistics import FrameStatistics
from gfsalnet.types import Prediction
from gfsalnet.video import VideoInfo

SINKS = {
    "maps": png_sink,
    "maps.npz": npz_sink,
    "maps.mkv": lambda path: ffv1_sink(path, video_info()),
    "frames.csv": csv_sink,
}


def video_info() -> VideoInfo:
    return VideoInfo(
        source="clip.mp4",
        name="clip",
        path=None,
        size_wh=(64, 36),
        rate=Fraction(25),
        time_base=Fraction(1, 12800),
        estimated_frames=None,
        duration_seconds=None,
        has_audio=False,
        kind="video",
    )


def run(sink: FileSink, predictions: Iterable[Prediction], then: BaseException | None = None) -> None:
    with sink as opened:
        for prediction in predictions:
            opened.write(prediction)
        if then is not None:
            raise then


def test_npz_round_trip(tmp_path, make_prediction):
    predictions = [make_prediction(i) for i in range(5)]
    run(npz_sink(tmp_path / "maps.npz"), predictions)
    with np.load(tmp_path / "maps.npz", allow_pickle=False) as stored:
        density, times = stored["density"], stored["time_seconds"]
    assert (density.shape, density.dtype) == ((5, 24, 32), np.float32)
    assert times.dtype == np.float64
    np.testing.assert_array_equal(times, [0, 0.04, 0.08, 0.12, 0.16])
    np.testing.assert_allclose(density, [prediction.map_density for prediction in predictions], rtol=1e-5)
    np.testing.assert_allclose(density.sum(axis=(1, 2), dtype=np.float64), 1, atol=1e-5)
    assert os.listdir(tmp_path) == ["maps.npz"]


def test_npz_at_another_size_still_sums_to_one(tmp_path, make_prediction):
    two_sizes = [make_prediction(0, map_hw=(24, 32)), make_prediction(1, map_hw=(48, 64))]
    run(npz_sink(tmp_path / "maps.npz", MapForm(size_hw=(10, 20))), two_sizes)
    with np.load(tmp_path / "maps.npz") as stored:
        assert stored["density"].shape == (2, 10, 20)
        np.testing.assert_allclose(stored["density"].sum(axis=(1, 2)), 1, atol=1e-5)


def test_npz_has_the_same_bytes_each_time(tmp_path, make_prediction):
    digests = set()
    for name in ("a.npz", "b.npz"):
        run(npz_sink(tmp_path / name), [make_prediction(3)])
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_npz_refuses_a_change_of_size(tmp_path, make_prediction):
    two_sizes = [make_prediction(0), make_prediction(1, map_hw=(12, 32))]
    with pytest.raises(ValueError, match=r"changed from \(24, 32\) to \(12, 32\)"):
        run(npz_sink(tmp_path / "maps.npz"), two_sizes)
    assert os.listdir(tmp_path) == []


def test_npz_memory_does_not_grow_with_the_video(tmp_path, make_prediction):
    prediction = make_prediction(map_hw=(64, 80))
    tracemalloc.start()
    run(npz_sink(tmp_path / "maps.npz"), repeat(prediction, 2000))  # 41 MB of maps
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 4e6
    assert (tmp_path / "maps.npz").stat().st_size > 2000 * 64 * 80 * 4


def test_pngs_are_numbered_by_frame_at_source_size(tmp_path, make_prediction):
    predictions = [make_prediction(i) for i in (0, 1, 12)]
    run(png_sink(tmp_path / "maps"), predictions)
    assert sorted(os.listdir(tmp_path / "maps")) == ["000000.png", "000001.png", "000012.png"]
    for prediction in predictions:
        stored = cv2.imread(str(tmp_path / "maps" / f"{prediction.frame_index:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert (stored.shape, stored.dtype, stored.max()) == ((36, 64), np.uint8, 255)
        expected = prediction.density / prediction.density.max() * 255
        np.testing.assert_allclose(stored, expected, atol=0.51)


def test_a_map_without_mass_is_black_and_a_flat_one_white(make_prediction):
    assert grey_map(make_prediction(density=np.zeros((4, 4), np.float32))).max() == 0
    assert grey_map(make_prediction(density=np.full((4, 4), 1 / 16, np.float32))).min() == 255


def test_csv_has_a_row_a_frame(tmp_path, make_prediction):
    predictions = [make_prediction(0), make_prediction(1, gate=0.25)]
    run(csv_sink(tmp_path / "frames.csv"), predictions)
    with (tmp_path / "frames.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [field.name for field in fields(FrameStatistics)] == list(COLUMN_FORMATS)
    assert [row["frame_index"] for row in rows] == ["0", "1"]
    assert [row["motion_share"] for row in rows] == ["", "0.7500"]
    assert [row["starts_shot"] for row in rows] == ["1", "0"]
    assert rows[1]["time_seconds"] == "0.040000"
    expected = FrameStatistics.of(predictions[1])
    assert float(rows[1]["peak_x"]) == pytest.approx(expected.peak_x, abs=0.005)
    assert float(rows[1]["entropy_bits"]) == pytest.approx(expected.entropy_bits, abs=5e-5)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("name", SINKS)
def test_nothing_is_left_after_an_exception_of_others(tmp_path, make_prediction, name, error):
    with pytest.raises(error) as caught:
        run(SINKS[name](tmp_path / name), [make_prediction()], then=error("theirs"))
    assert type(caught.value) is error  # an OSError of the reader is no OutputError
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", SINKS)
def test_an_unfinished_run_keeps_the_older_output(tmp_path, make_prediction, name):
    run(SINKS[name](tmp_path / name), [make_prediction()])
    with pytest.raises(KeyboardInterrupt):
        run(SINKS[name](tmp_path / name), [], then=KeyboardInterrupt())
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", SINKS)
@pytest.mark.usefixtures("small_files")
def test_a_full_disk_is_an_output_error_and_leaves_nothing(tmp_path, make_prediction, name):
    prediction = make_prediction(size_hw=(240, 320), map_hw=(240, 320))
    with pytest.raises(OutputError, match="cannot be written") as caught:
        run(SINKS[name](tmp_path / name), repeat(prediction, 200))
    assert caught.value.where == str(tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", SINKS)
def test_a_missing_folder_is_an_output_error(tmp_path, name):
    with pytest.raises(OutputError, match="cannot be written"):
        run(SINKS[name](tmp_path / "absent" / name), [])


def test_two_predictions_of_one_frame_are_not_written_over_each_other(make_prediction, tmp_path):
    with pytest.raises(ValueError, match="two predictions of frame 0"):
        run(png_sink(tmp_path / "maps"), [make_prediction(0), make_prediction(0)])
    assert not list(tmp_path.iterdir())


def test_half_precision_keeps_the_sum_and_halves_the_size(tmp_path, make_prediction):
    predictions = [make_prediction(i) for i in range(3)]
    run(npz_sink(tmp_path / "maps.npz", MapForm(precision="float16")), predictions)
    with np.load(tmp_path / "maps.npz") as stored:
        assert stored["density"].dtype == np.float16
        np.testing.assert_allclose(stored["density"].sum(axis=(1, 2), dtype=np.float64), 1, atol=2e-3)


def test_half_precision_is_refused_where_it_is_too_coarse(tmp_path, make_prediction):
    with pytest.raises(OutputError, match=r"too coarse.*--map-size"):
        run(npz_sink(tmp_path / "maps.npz", MapForm(size_hw=(1080, 1920), precision="float16")), [make_prediction()])
    assert os.listdir(tmp_path) == []


def test_the_array_of_an_npz_is_named_after_what_its_numbers_mean(tmp_path, make_prediction):
    prediction = make_prediction()
    run(npz_sink(tmp_path / "log.npz", MapForm(values="log")), [prediction])
    run(npz_sink(tmp_path / "frame.npz", MapForm(values="frame")), [prediction])
    with np.load(tmp_path / "log.npz") as stored:
        back = np.exp(stored["log_density"][0].astype(np.float64))
        np.testing.assert_allclose(back, prediction.map_density, rtol=1e-4, atol=1e-30)
    with np.load(tmp_path / "frame.npz") as stored:
        assert stored["saliency"].max() == 1


def test_16_bit_pngs_hold_the_density_and_its_logarithm_as_documented(tmp_path, make_prediction):
    prediction = make_prediction(size_hw=(24, 32))
    relative = prediction.map_density.astype(np.float64) * prediction.map_density.size
    for values in ("density", "log"):
        run(png_sink(tmp_path / values, values, 16), [prediction])
        stored = cv2.imread(str(tmp_path / values / "000000.png"), cv2.IMREAD_UNCHANGED)
        assert stored.dtype == np.uint16
        share = stored / 65535
        expected = relative.clip(2**-8, None) if values == "log" else relative
        found = 2 ** (16 * share - 8) if values == "log" else 256 * share
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=256 / 65535)


def test_a_lossless_video_holds_every_bit(tmp_path, make_prediction):
    predictions = [make_prediction(i) for i in range(4)]
    run(ffv1_sink(tmp_path / "maps.mkv", video_info()), predictions)
    with av.open(str(tmp_path / "maps.mkv")) as file:
        stored = [frame.to_ndarray(format="gray16le") for frame in file.decode(video=0)]
    for grey, prediction in zip(stored, predictions, strict=True):
        expected = np.rint(stored_values(prediction.map_density, "frame") * np.float32(65535))
        np.testing.assert_array_equal(grey, expected)
