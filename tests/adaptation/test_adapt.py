"""`adapt` from a folder of pictures or videos to a model folder, with the shipped network."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.adaptation import adapt
from gfsalnet.demo import draw_frame
from gfsalnet.errors import DatasetError, GFSalNetError, OutputError, RequestError
from gfsalnet.gaze import open_dataset
from gfsalnet.models import load_model
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.video import VideoWriter

SIZE_WH = (160, 120)


def write_table(root: Path, rows: list[dict[str, object]]) -> None:
    with (root / "fixations.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def at_the_left(rng: np.random.Generator, count: int, viewers: int = 3) -> list[dict[str, object]]:
    """Fixations in the left third, wherever that is no part of the picture's own doing."""
    xy = rng.uniform((0, 20), (50, 100), (count, 2))
    return [{"subject": n % viewers, "x": round(x, 1), "y": round(y, 1)} for n, (x, y) in enumerate(xy.tolist())]


def pictures(root: Path, count: int = 8, viewers: int = 3, gaze: int = 40) -> Path:
    (root / "images").mkdir(parents=True)
    rng, rows = np.random.default_rng(0), list[dict[str, object]]()
    for number in range(count):
        rgb = cv2.resize(draw_frame(0.3 * number), SIZE_WH, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(root / f"images/{number}.png"), rgb[..., ::-1])
        rows += [{"image": f"{number}.png", **look} for look in at_the_left(rng, gaze, viewers)]
    write_table(root, rows)
    return root


@pytest.mark.slow
def test_pictures_of_viewers_who_look_to_the_left(tmp_path: Path) -> None:
    folder, stages = tmp_path / "models/left", []
    dataset = open_dataset("folder", pictures(tmp_path / "gaze", viewers=1))
    adapted = adapt("gfsalnet-mobile", dataset, folder, on_progress=lambda *progress: stages.append(progress))
    assert adapted.notes == ["all gaze is of one viewer: so is the result"]
    assert adapted.values["shift right"] < -0.5
    assert adapted.judged.gain > 0.2
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    left_out = config["adapted"]["left_out"]["information gain"]
    assert left_out["after"] - left_out["before"] == pytest.approx(adapted.judged.gain, abs=1e-3)
    assert config["adapted"]["fixations"] == 320
    assert "| information gain |" in (folder / "README.md").read_text(encoding="utf-8")
    model, before = load_model(folder), load_model("gfsalnet-mobile")
    assert isinstance(model, GFSalNetModel)
    rgb = draw_frame(5.0)
    left = rgb.shape[1] // 3
    assert model(rgb).density[:, :left].sum() > 1.3 * before(rgb).density[:, :left].sum()
    # Videos are read as before: nothing was learned of them.
    assert model.over_time is not None
    assert model.over_time.video.centre == before.over_time.video.centre  # type: ignore[attr-defined]  # a GFSalNet too
    assert stages[-1] == ("fit", stages[-1][2], stages[-1][2])


@pytest.mark.slow
def test_videos_of_viewers_who_look_to_the_left(tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(0), list[dict[str, object]]()
    (tmp_path / "videos").mkdir()
    for number in range(3):
        with VideoWriter(tmp_path / f"videos/{number}.mp4", size_wh=SIZE_WH, rate=Fraction(25)) as writer:
            for index in range(20):
                rgb = cv2.resize(draw_frame(number + index / 25), SIZE_WH, interpolation=cv2.INTER_AREA)
                writer.write(rgb, index / 25)
        for frame in range(0, 20, 4):
            rows += [{"video": f"{number}.mp4", "frame": frame, **look} for look in at_the_left(rng, 20)]
    write_table(tmp_path, rows)
    adapted = adapt("gfsalnet-mobile", open_dataset("folder", tmp_path), tmp_path / "out")
    assert adapted.judged.gain > 0.2
    model, before = load_model(tmp_path / "out"), load_model("gfsalnet-mobile")
    source = tmp_path / "videos/0.mp4"
    for new, old in zip(model.predict(source), before.predict(source), strict=True):
        assert new.density[:, :53].sum() > old.density[:, :53].sum()


def test_what_cannot_be_fitted_is_refused_in_one_line(tmp_path: Path) -> None:
    few = open_dataset("folder", pictures(tmp_path / "few", count=1))
    with pytest.raises(DatasetError, match="1 of its 1 pictures have gaze"):
        adapt("gfsalnet-mobile", few, tmp_path / "out")
    sparse = open_dataset("folder", pictures(tmp_path / "sparse", gaze=2))
    with pytest.raises(DatasetError, match="16 fixations on the 8 recordings"):
        adapt("gfsalnet-mobile", sparse, tmp_path / "out")
    root = pictures(tmp_path / "shares", count=2)
    write_table(root, [{"image": "0.png", "x": 0.01 * n, "y": 0.5} for n in range(60)])
    with pytest.raises(DatasetError, match="x and y are pixels"):
        adapt("gfsalnet-mobile", open_dataset("folder", root), tmp_path / "out")
    with pytest.raises(RequestError, match="one stream"):
        adapt("gfsalnet-mobile@1", few, tmp_path / "out")
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputError, match="exists"):
        adapt("gfsalnet-mobile", few, tmp_path / "there")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_gaze_as_the_model_says_it_gains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pictures(tmp_path / "gaze", gaze=1)
    rng, rows, model = np.random.default_rng(0), list[dict[str, object]](), load_model("gfsalnet-mobile")
    for number in range(8):
        density = model(root / f"images/{number}.png").density
        cells = rng.choice(density.size, 60, p=density.ravel().astype(np.float64) / density.sum(dtype=np.float64))
        y, x = np.divmod(cells, SIZE_WH[0])
        rows += [
            {"image": f"{number}.png", "subject": n % 3, "x": int(x[n]), "y": int(y[n])} for n in range(len(cells))
        ]
    write_table(root, rows)
    with pytest.raises(GFSalNetError, match="does not help") as refused:
        adapt("gfsalnet-mobile", open_dataset("folder", root), tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()
