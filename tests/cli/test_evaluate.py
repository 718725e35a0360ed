"""`evaluate`, `compare` and `submit` as a user runs them."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import gfsalnet, one_line_error
from typer.testing import Result

from gfsalnet.choices import BackendName
from gfsalnet.evaluation import ModelSource
from gfsalnet.packages import is_installed

NAMES = [f"{number:02d}" for number in range(4)]


def blob(x: float, y: float) -> np.ndarray:
    rows, columns = np.mgrid[:72, :96]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 72).astype(np.float32)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures with a blob each, and three viewers who look at it."""
    root = tmp_path_factory.mktemp("data") / "mine"
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (root / "fixations.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "x", "y", "subject"])
        for index, name in enumerate(NAMES):
            x, y = 20 + 18 * index, 20 + 10 * index
            cv2.imwrite(str(root / "images" / f"{name}.png"), (255 * blob(x, y)).astype(np.uint8))
            for viewer in range(3):
                for _ in range(2):
                    writer.writerow([f"{name}.png", *np.round(rng.normal((x, y), 2), 2), viewer])
    return root


@pytest.fixture(scope="module")
def maps(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Maps of another program: 8-bit pictures of half the size."""
    folder = tmp_path_factory.mktemp("maps") / "theirs"
    folder.mkdir()
    for index, name in enumerate(NAMES):
        saliency = cv2.resize(blob(20 + 18 * index, 20 + 10 * index), (48, 36))
        cv2.imwrite(str(folder / f"{name}.png"), (255 * saliency).astype(np.uint8))
    return folder


def evaluate(photographs: Path, *arguments: object) -> Result:
    return gfsalnet("evaluate", "--dataset", "folder", "--root", photographs, "--workers", 0, *arguments)


@pytest.mark.slow
def test_maps_of_another_program(photographs: Path, maps: Path, tmp_path: Path) -> None:
    done = evaluate(photographs, "--maps", maps, "--output", tmp_path, "--paper-table", "iv")
    assert done.exit_code == 0, done.stderr
    assert "4 frames of 4 videos scored" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    nss = {row["label"]: row["per_video"].get("nss", {}).get("value") for row in report["rows"]}
    assert nss["centre bias"] < nss["theirs"] <= nss["humans, leave one viewer out"] * 1.5
    assert nss["uniform"] is None
    assert report["settings"]["protocol"] == "mit"
    assert report["sizes_hw"] == {"picture": [[72, 96]], "scored": [[72, 96]], "map": [[36, 48]]}
    assert "GFSalNet, setting 2" in (tmp_path / "paper-table-IV.md").read_text()
    if is_installed("matplotlib"):
        assert {"metrics.pdf", "metrics.png"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.usefixtures("unrendered")
def test_the_default_model_is_scored_where_none_is_named(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def source(name: str, device: str, backend: BackendName) -> ModelSource:
        asked.append(name)
        return ModelSource("centre-bias", device, backend)

    monkeypatch.setattr("gfsalnet.evaluation.ModelSource", source)
    done = evaluate(photographs, "--output", tmp_path, "--humans-every", 0)
    assert done.exit_code == 0, done.stderr
    assert asked == ["gfsalnet-mobile"]


@pytest.mark.usefixtures("unrendered")
def test_a_missing_map_gives_status_1_and_the_rest(photographs: Path, maps: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    for name in NAMES[1:]:
        (fewer / f"{name}.png").write_bytes((maps / f"{name}.png").read_bytes())
    done = evaluate(photographs, "--maps", fewer, "--output", tmp_path / "out")
    assert done.exit_code == 1
    one_line_error(done, "00: ", "holds no maps for 00")
    assert json.loads((tmp_path / "out" / "report.json").read_text())["videos"] == 3


@pytest.mark.usefixtures("unrendered")
def test_gaze_in_other_units_is_told_once(photographs: Path, maps: Path, tmp_path: Path) -> None:
    root = shutil.copytree(photographs, tmp_path / "mine")
    lines = (root / "fixations.csv").read_text().splitlines()
    lines += [f"00.png,0.{place % 9 + 1},0.6,{place % 3}" for place in range(100)]
    kept = [line for line in lines if not line.startswith("00.png") or ",0.6," in line]
    (root / "fixations.csv").write_text("\n".join(kept))
    done = evaluate(root, "--maps", maps, "--output", tmp_path / "out", "--humans-every", 0)
    assert one_line_error(done).startswith("error: 00: 100 of 100 fixations have x and y from 0 to 1")


@pytest.mark.usefixtures("unrendered")
def test_maps_without_values_are_said_at_the_end(photographs: Path, maps: Path, tmp_path: Path) -> None:
    """Their scores are undefined, and the mean of the others must not pass for the mean of all."""
    some = tmp_path / "some"
    some.mkdir()
    for index, name in enumerate(NAMES):
        grey = cv2.imread(str(maps / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(some / f"{name}.png"), grey * (index % 2))
    done = evaluate(photographs, "--maps", some, "--output", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "2 of 4 maps hold one value everywhere (2 of them all 0)" in done.stdout
    said = "undefined for some, and left out of its means: AUC-J, NSS, CC, SIM, KLDiv on 2 frames of 4"
    assert said in done.stdout
    assert said in (tmp_path / "out" / "report.md").read_text()


def test_gaze_in_other_units_is_refused(photographs: Path, maps: Path, tmp_path: Path) -> None:
    shares = tmp_path / "shares"
    (shares / "images").mkdir(parents=True)
    for name in NAMES:
        (shares / "images" / f"{name}.png").write_bytes((photographs / "images" / f"{name}.png").read_bytes())
    with (photographs / "fixations.csv").open() as source, (shares / "fixations.csv").open("w", newline="") as file:
        rows, writer = list(csv.reader(source)), csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows([name, float(x) / 96, float(y) / 72, subject] for name, x, y, subject in rows[1:])
    done = evaluate(shares, "--maps", maps, "--output", tmp_path / "out")
    one_line_error(done, "24 of 24 fixations have x and y from 0 to 1", "dataset check")
    assert not (tmp_path / "out" / "report.json").exists()


@pytest.mark.usefixtures("unrendered")
def test_other_settings_in_one_folder(photographs: Path, maps: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert evaluate(photographs, "--maps", maps, "--output", tmp_path, "--metrics", "nss,cc").exit_code == 0
    done = evaluate(photographs, "--maps", maps, "--output", tmp_path, "--metrics", "all")
    assert done.exit_code == 1
    one_line_error(done, "holds results of other settings", "another --output")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--maps", "x", "--model", "pqft"], "--maps"),
        (["--maps", "x", "--protocol", "mine"], "protocol"),
        (["--maps", "x", "--metrics", "speed"], "speed"),
        (["--maps", "x", "--paper-table", "VII"], "VII"),
    ],
)
def test_wrong_commands(arguments: list[str], word: str, photographs: Path, tmp_path: Path) -> None:
    done = evaluate(photographs, *arguments, "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert word in done.stderr
    assert not (tmp_path / "out").exists()


def test_wrong_roots_and_models(photographs: Path, tmp_path: Path) -> None:
    output = ("--output", tmp_path / "out")
    done = gfsalnet("evaluate", "--dataset", "folder", "--root", tmp_path / "no", "--maps", tmp_path, *output)
    assert done.exit_code == 1
    one_line_error(done, "no")
    done = evaluate(photographs, "--maps", tmp_path / "no", *output)
    assert done.exit_code == 1
    one_line_error(done, "cannot be read")
    done = evaluate(photographs, "--model", "no-such-model", *output)
    assert done.exit_code == 2
    assert "no-such-model" in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_compare_maps_with_a_finished_evaluation(photographs: Path, maps: Path, tmp_path: Path) -> None:
    evaluate(photographs, "--maps", maps, "--output", tmp_path / "finished")
    flat = tmp_path / "blurred"
    flat.mkdir()
    for name in NAMES:
        picture = cv2.imread(str(maps / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(flat / f"{name}.png"), cv2.GaussianBlur(picture, (0, 0), 6))
    output = ("--output", tmp_path / "out", "--workers", 0)
    done = gfsalnet("compare", tmp_path / "finished", flat, "--dataset", "folder", "--root", photographs, *output)
    assert done.exit_code == 0, done.stderr
    assert "difference from theirs" in done.stdout
    comparison = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert comparison["differences"][0]["name"] == "blurred"
    assert comparison["differences"][0]["means"]["nss"]["high"] < 0
    assert (tmp_path / "out" / "blurred" / "report.md").is_file()
    finished = gfsalnet("compare", tmp_path / "finished", tmp_path / "out" / "blurred", *output)
    assert finished.exit_code == 0, finished.stderr


@pytest.mark.usefixtures("unrendered")
def test_compare_models_without_weights(photographs: Path, tmp_path: Path) -> None:
    """A blob is all there is to see in these pictures, and it is seldom in the middle."""
    given = ("--dataset", "folder", "--root", photographs, "--humans-every", 0, "--output", tmp_path, "--workers", 0)
    done = gfsalnet("compare", "aws-d", "pqft", "centre-bias", *given)
    assert done.exit_code == 0, done.stderr
    comparison = json.loads((tmp_path / "comparison.json").read_text())
    highest = {row["name"]: row["means"]["nss"]["high"] for row in comparison["differences"]}
    assert set(highest) == {"pqft", "centre-bias"}
    assert highest["centre-bias"] < -1
    assert json.loads((tmp_path / "aws-d" / "report.json").read_text())["source"]["model"]["constants"]


def test_compare_needs_two_and_a_dataset(maps: Path) -> None:
    assert gfsalnet("compare", maps).exit_code == 2
    done = gfsalnet("compare", maps, maps)
    assert done.exit_code == 2
    assert "--dataset" in done.stderr


def test_submit_names_what_is_missing(maps: Path, tmp_path: Path) -> None:
    done = gfsalnet("submit", "dhf1k", "--maps", maps, "--output", tmp_path / "send.zip")
    assert done.exit_code == 1
    one_line_error(done, "300 of the 300 test videos have no usable maps", "0701")
    assert gfsalnet("submit", "mit300", "--maps", maps).exit_code == 2


@pytest.mark.slow
def test_the_command_with_workers_equals_the_one_without(photographs: Path, maps: Path, tmp_path: Path) -> None:
    for workers in ("0", "2"):
        arguments = ["--dataset", "folder", "--root", photographs, "--maps", maps, "--output", tmp_path / workers]
        command = [sys.executable, "-c", "from gfsalnet.cli import app; app()", "evaluate", *map(str, arguments)]
        subprocess.run([*command, "--workers", workers], check=True, capture_output=True)
    for name in ("report.json", "frames.csv"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
