"""`export` as a user runs it, and `predict` and `evaluate` with what runs the network chosen."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from command import gfsalnet, one_line_error
from typer.testing import Result

from gfsalnet.backends.base import WEIGHTS_KEY
from gfsalnet.backends.export_check import ExportCheck
from gfsalnet.demo import draw_frame
from gfsalnet.errors import GFSalNetError
from gfsalnet.models.entry import SHIPPED
from gfsalnet.network import GFSalNet
from gfsalnet.network.folder import weights_hash
from gfsalnet.network.weights import load_network, save_network
from gfsalnet.video import VideoWriter

pytestmark = pytest.mark.usefixtures("cached_graph")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of the drawn video, 160x90."""
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    with VideoWriter(path, size_wh=(160, 90), rate=Fraction(25)) as writer:
        for index in range(12):
            rgb = cv2.resize(draw_frame(index / 25), (160, 90), interpolation=cv2.INTER_AREA)
            writer.write(rgb, index / 25)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder: the shipped weights at a small size."""
    shipped = load_network(SHIPPED / "gfsalnet-mobile@1")[0]
    network = GFSalNet(replace(shipped.config, input_size_hw=(96, 128)))
    network.load_state_dict(shipped.state_dict())
    flow = {"estimator": "dis", "preset": "ultrafast", "size_wh": [80, 60], "scale_pixels": 4.0}
    folder = tmp_path_factory.mktemp("models") / "small"
    save_network(folder, network, {"name": "small", "flow": flow})
    return folder


@pytest.fixture(scope="module")
def with_int8(folder: Path, clip: Path) -> tuple[Path, Result]:
    """The same folder once somebody made an int8.onnx for it, and what was said of that."""
    copy = folder.with_name("with-int8")
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    cv2.imwrite(str(copy / "noise.png"), noise.repeat(8, 0).repeat(8, 1))  # the video alone has few colours
    command = ("export", "onnx", "--model", copy, "--int8", "--calibrate", clip, "--calibrate", copy / "noise.png")
    with pytest.MonkeyPatch.context() as patch:
        # Without `cached_graph`, whose nodes do not say which module they come from: nothing would be quantised.
        patch.setenv("GFSALNET_HOME", str(copy / "home"))
        return copy, gfsalnet(*command, "--output", copy / "int8.onnx")


def inputs_and_outputs(path: Path) -> tuple[list[str], list[str]]:
    graph = onnx.load(path).graph
    return [entry.name for entry in graph.input], [entry.name for entry in graph.output]


SAID = re.compile(
    r"(?P<path>\S+): differs from PyTorch by (?P<difference>\S+) of a map's maximum at most\n"
    r"(?P<cpu_ms>[\d.]+) CPU ms per frame of (?P<size>\w+) in (?P<engine>\w+), (?P<eager>[\d.]+) in eager PyTorch, "
    r"one thread each: (?P<gain>[\d.]+) times as fast\n"
    r"SHA-256 of (?P<file>\S+): (?P<sha256>[0-9a-f]{64})\n"
)


def said(done: Result) -> dict[str, str]:
    assert done.exit_code == 0, done.stderr
    match = SAID.fullmatch(done.stdout)
    assert match is not None, done.stdout
    return match.groupdict()


def test_onnx_is_named_after_the_model_and_checked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = said(gfsalnet("export", "onnx", "--model", folder))
    assert [path.name for path in tmp_path.iterdir()] == ["small.onnx"]
    assert inputs_and_outputs(tmp_path / "small.onnx") == (
        ["rgb", "flow_image"],
        ["saliency", "appearance", "motion", "gate"],
    )
    assert (words["path"], words["engine"], words["size"]) == ("small.onnx", "onnxruntime", "128x96")
    assert (words["file"], words["sha256"]) == ("small.onnx", sha256(Path("small.onnx").read_bytes()).hexdigest())
    assert {entry.key: entry.value for entry in onnx.load("small.onnx").metadata_props}["name"] == "small"
    assert 0 < float(words["difference"]) < 1e-3
    cpu_ms, eager, gain = (float(words[key]) for key in ("cpu_ms", "eager", "gain"))
    assert cpu_ms > 0
    assert gain == pytest.approx(eager / cpu_ms, rel=0.1)


@pytest.mark.slow  # one more export; how files are named is in the test before
def test_one_stream_is_named_after_it_and_has_one_input(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said(gfsalnet("export", "onnx", "--model", f"{folder}:motion"))
    assert inputs_and_outputs(tmp_path / "small-motion.onnx") == (["flow_image"], ["saliency", "motion"])


@pytest.mark.slow
def test_openvino_writes_two_files_where_it_is_told_to(folder: Path, tmp_path: Path) -> None:
    words = said(gfsalnet("export", "openvino", "--model", folder, "--output", tmp_path / "net.xml"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.bin", "net.xml"]
    assert (words["path"], words["engine"]) == (str(tmp_path / "net.xml"), "openvino")


@pytest.mark.slow  # which frames it is calibrated on, and its name, are in the next test
def test_int8_says_how_far_it_is_off(with_int8: tuple[Path, Result]) -> None:
    copy, done = with_int8
    words = said(done)
    assert 1e-3 < float(words["difference"]) < 0.5
    assert "DequantizeLinear" in {node.op_type for node in onnx.load(copy / "int8.onnx").graph.node}


def test_int8_has_a_name_of_its_own(folder: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is calibrated on every fifth frame of the video."""
    given: list[tuple[np.ndarray, ...]] = []
    compared: list[tuple[np.ndarray, ...]] = []

    def export_int8(network: GFSalNet, pictures: list[tuple[np.ndarray, ...]], path: Path, metadata: Any) -> None:
        given.extend(pictures)
        path.write_bytes(b"")

    def check_export(path: Path, engine: str, precision: str, network: GFSalNet, pictures: Any) -> ExportCheck:
        assert (path.is_file(), engine, precision) == (True, "onnxruntime", "int8")
        compared.extend(pictures)
        return ExportCheck(engine, (128, 96), 0.1, 0.99, 1.0, 2.0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gfsalnet.models.export.export_int8", export_int8)
    monkeypatch.setattr("gfsalnet.models.export.check_export", check_export)
    done = gfsalnet("export", "onnx", "--model", folder, "--int8", "--calibrate", clip)
    assert done.exit_code == 0, done.stderr
    assert "of 128x96 in onnxruntime, 2.0 in eager PyTorch, one thread each: 2.0 times as fast" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["small-int8.onnx"]
    assert len(given) == 3  # 0, 5 and 10 of twelve frames
    for rgb, flow_image in given:
        assert rgb.shape == flow_image.shape == (1, 96, 128, 3)
    assert len({rgb.tobytes() for rgb, _ in given}) == 3
    assert [bool((flow_image < 250).any()) for _, flow_image in given] == [False, True, True]  # the first has no flow
    assert len(compared) == 2  # 2 and 7
    assert not {rgb.tobytes() for rgb, _ in given} & {rgb.tobytes() for rgb, _ in compared}


def test_a_file_that_says_something_else_does_not_replace_what_is_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *rest: object) -> ExportCheck:
        raise GFSalNetError(path.name, "differs", "Report this")

    monkeypatch.setattr("gfsalnet.models.export.export_onnx", lambda network, path, metadata: path.write_bytes(b"bad"))
    monkeypatch.setattr("gfsalnet.models.export.check_export", refuse)
    (tmp_path / "network.onnx").write_bytes(b"good")
    done = gfsalnet("export", "onnx", "--model", folder, "--output", tmp_path / "network.onnx")
    assert done.exit_code == 1
    assert "network.onnx: differs" in done.stderr
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("network.onnx", b"good")]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("tensorrt",), "tensorrt"),
        (("onnx", "--model", "salgan-9000"), "salgan-9000"),
        (("onnx", "--model", "pqft"), "pqft: is no GFSalNet"),
        (("onnx", "--int8"), "--calibrate"),
        (("openvino", "--int8", "--calibrate", "clip.mp4"), "--int8"),
        ((), "FORMAT"),
    ],
)
def test_a_wrong_command_ends_with_status_2(
    arguments: tuple[str, ...], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = gfsalnet("export", *arguments)
    assert done.exit_code == 2
    assert word in " ".join(done.stderr.replace("│", "").split())
    assert list(tmp_path.iterdir()) == []


def test_problems_are_one_line(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, words in {
        ("onnx", "--model", f"{folder}", "--int8", "--calibrate", "gone.mp4"): ("gone.mp4",),
    }.items():
        done = gfsalnet("export", *arguments)
        assert done.exit_code == 1
        one_line_error(done, *words)
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "openvino" else find(name))
    done = gfsalnet("export", "openvino", "--model", folder)
    assert done.exit_code == 1
    one_line_error(done, "openvino", 'pip install "gfsalnet[openvino]"')
    assert list(tmp_path.iterdir()) == []


def densities(output: Path) -> np.ndarray:
    with np.load(output / "street" / "maps.npz") as maps:
        return np.array(maps["density"])


def summary_model(output: Path) -> dict[str, object]:
    return dict(json.loads((output / "street" / "summary.json").read_text())["model"])


@pytest.fixture(scope="module")
def predicted(folder: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The maps of the clip in PyTorch, every frame."""
    output = tmp_path_factory.mktemp("predicted")
    done = gfsalnet("predict", clip, "--output", output, "--model", folder, "--save", "npz", "--backend", "torch")
    assert done.exit_code == 0, done.stderr
    return densities(output)


@pytest.mark.slow
def test_predict_uses_the_int8_file_of_a_model_folder(
    folder: Path, clip: Path, predicted: np.ndarray, tmp_path: Path
) -> None:
    """Here a graph with another map of the same weights, so that the maps tell which of the files was opened."""
    model = onnx.load(SHIPPED / "gfsalnet-mobile@1" / "model.onnx")
    del model.metadata_props[:]
    model.metadata_props.add(key=WEIGHTS_KEY, value=weights_hash(folder))
    names = {"saliency": "appearance", "appearance": "saliency"}
    for node in model.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    onnx.save(model, copy / "int8.onnx")
    command = ("predict", clip, "--output", tmp_path / "out", "--model", copy, "--save", "npz", "--max-frames", 2)
    done = gfsalnet(*command, "--backend", "onnxruntime-int8")
    assert done.exit_code == 0, done.stderr
    assert summary_model(tmp_path / "out")["backend"] == "onnxruntime-int8"
    assert not np.allclose(densities(tmp_path / "out"), predicted[:2], rtol=1e-3)


@pytest.mark.slow  # which file is used is in the test before
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_predictions_in_8_bits_are_close(
    engine: str, with_int8: tuple[Path, Result], clip: Path, predicted: np.ndarray, tmp_path: Path
) -> None:
    command = ("predict", clip, "--output", tmp_path, "--model", with_int8[0], "--save", "npz")
    done = gfsalnet(*command, "--backend", f"{engine}-int8")
    assert done.exit_code == 0, done.stderr
    found = densities(tmp_path)
    assert found.shape == predicted.shape
    assert not np.allclose(found, predicted, rtol=1e-3)  # 8 bits were at work
    for density, reference in zip(found, predicted, strict=True):
        assert np.corrcoef(density.ravel(), reference.ravel())[0, 1] > 0.95


def test_predict_says_how_to_make_an_int8_file(folder: Path, clip: Path, tmp_path: Path) -> None:
    command = ("predict", clip, "--output", tmp_path / "out", "--model", folder, "--backend", "openvino-int8")
    done = gfsalnet(*command)
    assert done.exit_code == 1
    one_line_error(done, "no int8.onnx in its folder", "gfsalnet export onnx --int8 --calibrate VIDEO")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_predict_every_second_frame(folder: Path, clip: Path, predicted: np.ndarray, tmp_path: Path) -> None:
    command = ("predict", clip, "--output", tmp_path, "--model", folder, "--backend", "torch", "--every", 2)
    done = gfsalnet(*command, "--save", "npz,csv")
    assert done.exit_code == 0, done.stderr
    found = densities(tmp_path)
    assert summary_model(tmp_path)["every"] == 2
    assert np.array_equal(found[::2], predicted[::2])
    assert np.allclose(found[1:11:2], (predicted[0:10:2] + predicted[2:12:2]) / 2, atol=1e-8)
    assert np.array_equal(found[11], predicted[10])
    with (tmp_path / "street" / "frames.csv").open(newline="") as file:
        assert [int(row["frame_index"]) for row in csv.DictReader(file)] == list(range(12))
    again = gfsalnet("predict", clip, "--output", tmp_path, "--model", folder, "--backend", "torch", "--save", "npz")
    assert again.exit_code == 1
    one_line_error(again, "every", "--overwrite")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--every", 2, "--save", "flow"), "there is flow only for the frames that are predicted"),
        (("--every", 0), "--every"),
        (("--every", 31), "--every"),
    ],
)
def test_predict_refuses_gaps_that_make_no_sense(
    arguments: tuple[object, ...], word: str, folder: Path, clip: Path, tmp_path: Path
) -> None:
    done = gfsalnet("predict", clip, "--output", tmp_path / "out", "--model", folder, *arguments)
    assert done.exit_code == 2
    assert word in " ".join(done.stderr.replace("│", "").split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--backend", "openvino"), ("does not run on openvino",)), (("--every", 2), ("predicts every frame", "--every"))],
)
def test_other_models_run_in_what_they_are_written_in(
    arguments: tuple[object, ...], words: tuple[str, ...], clip: Path, tmp_path: Path
) -> None:
    done = gfsalnet("predict", clip, "--output", tmp_path / "out", "--model", "pqft", *arguments)
    one_line_error(done, "pqft", *words, status=2)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures of the drawn video, and two viewers who look at one place each."""
    root = tmp_path_factory.mktemp("data") / "mine"
    (root / "images").mkdir(parents=True)
    rows = ["image,x,y,subject"]
    for index in range(2):
        picture = cv2.resize(draw_frame(float(index)), (96, 72), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(root / "images" / f"{index}.png"), picture[..., ::-1])
        rows += [f"{index}.png,{30 + 20 * viewer},{30 + 5 * index},{viewer}" for viewer in range(2)]
    (root / "fixations.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize(("backend", "name"), [("torch", "small (torch)"), ("onnxruntime", "small (onnxruntime)")])
def test_a_row_of_an_evaluation_says_what_ran_the_model(
    backend: str, name: str, folder: Path, photographs: Path, tmp_path: Path
) -> None:
    given = ("--dataset", "folder", "--root", photographs, "--workers", 0, "--humans-every", 0, "--output", tmp_path)
    done = gfsalnet("evaluate", *given, "--model", folder, "--metrics", "nss,cc", "--backend", backend)
    assert done.exit_code == 0, done.stderr
    assert f"{name}: 2 frames of 2 videos scored" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert name in [row["label"] for row in report["rows"]]
    assert report["source"]["model"]["backend"] == backend
    assert re.search(rf"^\| \W*{re.escape(name)}\W* \|", (tmp_path / "report.md").read_text(), re.MULTILINE)
