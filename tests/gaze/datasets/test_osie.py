"""OSIE in the layout of the authors' repository and in that of `folder`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import open_dataset


def viewer(x: list[float], y: list[float]) -> tuple[dict[str, np.ndarray]]:
    return ({"fix_x": np.array([x]), "fix_y": np.array([y]), "fix_duration": np.full((1, len(x)), 200.0)},)


@pytest.fixture
def root(tmp_path: Path, write_mat, write_png) -> Path:
    for name in ("1001", "1002"):
        write_png(tmp_path / "data" / "stimuli" / f"{name}.jpg", np.full((600, 800, 3), int(name) - 950, np.uint8))
    stimuli = [
        ({"img": "1001.jpg", "subjects": [viewer([0.2, 400.5], [1.5, 300.0]), viewer([799.0], [599.0])]},),
        ({"img": "1002.jpg", "subjects": [viewer([10.0], [20.0]), viewer([], [])]},),
    ]
    write_mat(tmp_path / "data" / "eye" / "fixations.mat", fixations=stimuli)
    return tmp_path


def test_the_authors_layout(root: Path) -> None:
    dataset = open_dataset("OSIE", root)
    assert (dataset.name, dataset.kind, dataset.videos) == ("osie", "image", ["1001", "1002"])
    first, second = (next(dataset.samples(name)) for name in dataset.videos)
    assert first.name == "osie/1001"
    assert int(first.frame.rgb.mean()) == pytest.approx(51, abs=1)
    assert first.fixations.x == pytest.approx([0.2, 400.5, 799])
    assert first.fixations.y == pytest.approx([1.5, 300, 599])
    assert first.fixations.subject.tolist() == [0, 0, 1]
    assert first.fixations.size_wh == (800, 600)
    assert second.fixations.x.tolist() == [10]
    assert dataset.sigma_pixels("1001") == pytest.approx(24)


def test_other_contents(root: Path, write_mat) -> None:
    path = root / "data" / "eye" / "fixations.mat"
    write_mat(path, fixations=[({"img": "1001.jpg"},)])
    with pytest.raises(DatasetError, match="not a cell of structs with img and subjects"):
        open_dataset("osie", root)
    path.unlink()
    with pytest.raises(DatasetError, match=r"fixations\.mat: there is no such file"):
        open_dataset("osie", root)


def test_a_missing_picture(root: Path) -> None:
    (root / "data" / "stimuli" / "1002.jpg").unlink()
    with pytest.raises(DatasetError, match=r"1 of 2 files that its table names are missing, the first is 1002\.jpg"):
        open_dataset("osie", root)


@pytest.mark.shared
def test_the_real_pictures(shared_dir: Path) -> None:
    whole, train, val = (open_dataset("osie", shared_dir / "data" / "osie", split) for split in ("all", "train", "val"))
    assert (len(whole.videos), len(train.videos), len(val.videos)) == (600, 515, 85)
    assert sorted(train.videos + val.videos) == sorted(whole.videos)
    assert val.videos == whole.videos[6::7]
    assert sum(len(whole.gaze(name)[0].fixations) for name in whole.videos) == 84224
