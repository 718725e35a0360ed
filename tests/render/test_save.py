from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.errors import OutputError
from gfsalnet.video import read_image


def test_a_prediction_saves_itself_by_the_ending_of_the_name(make_prediction, tmp_path):
    prediction = make_prediction(3, gate=0.25)
    picture = read_image(prediction.save(tmp_path / "a.png"))
    np.testing.assert_array_equal(picture, prediction.overlay())
    assert read_image(prediction.save(str(tmp_path / "a.jpg"))).shape == picture.shape
    np.testing.assert_array_equal(np.load(prediction.save(tmp_path / "a.npy")), prediction.density)
    with np.load(prediction.save(tmp_path / "a.npz")) as maps:
        assert sorted(maps.files) == ["density", "frame_index", "gate", "time_seconds"]
        assert int(maps["frame_index"]) == 3
    with pytest.raises(ValueError, match="unknown ending"):
        prediction.save(tmp_path / "a.tif")
    with pytest.raises(OutputError):
        prediction.save(tmp_path / "missing" / "a.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "a.npy", "a.npz", "a.png"]
