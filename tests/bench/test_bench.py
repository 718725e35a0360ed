from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from gfsalnet.backends import BACKENDS, NetworkInputs
from gfsalnet.backends.graphs import cached_onnx
from gfsalnet.backends.timing import interleaved_timings
from gfsalnet.bench import Clip, NetworkReport, describe_machine, measure_network, measure_video, require_frames
from gfsalnet.bench.machine import gemm_gflops_per_second
from gfsalnet.cli import app
from gfsalnet.demo import draw_clip
from gfsalnet.errors import GFSalNetError
from gfsalnet.models.entry import SHIPPED
from gfsalnet.network import GFSalNet

pytestmark = pytest.mark.usefixtures("cached_graph")


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first shipped model at a small size; its graph takes any."""
    folder = tmp_path_factory.mktemp("model") / "small"
    shutil.copytree(SHIPPED / "gfsalnet-mobile@1", folder)
    about = json.loads((folder / "config.json").read_text())
    about["network"]["input_size_hw"] = [64, 96]
    (folder / "config.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="module")
def report(small_model: Path, cached_graph: None) -> NetworkReport:
    def export_int8(network: GFSalNet, pictures: Sequence[NetworkInputs], path: Path) -> None:
        """What is timed, and under which name, does not depend on the bits."""
        shutil.copy(cached_onnx(network), path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gfsalnet.bench.networks.export_int8", export_int8)
        patch.setattr("gfsalnet.bench.machine._SIDE", 128)
        return measure_network(str(small_model), rounds=2)


def busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_timings_are_interleaved_and_count_cpu_time() -> None:
    order: list[str] = []
    callables = {
        "long": lambda: (order.append("long"), busy(0.03)),
        "short": lambda: (order.append("short"), busy(0.01), time.sleep(0.05)),
    }
    timings = interleaved_timings(callables, rounds=3)
    assert order == ["long", "short"] * 4  # once to warm up
    assert timings.median("short") == pytest.approx(10, abs=8)
    assert timings.best("long") <= timings.median("long")
    assert timings.ratio("long", "short") == pytest.approx(3, rel=0.4)


@pytest.mark.slow
def test_every_backend_that_is_installed_is_measured(report: NetworkReport) -> None:
    names = [row.backend for row in report.backends]
    assert names == ["torch eager", *(name for name in BACKENDS if name not in ("torch-bf16", "torch-fp16"))]
    assert report.remarks == []
    assert report.size_wh[0] % 32 == report.size_wh[1] % 32 == 0
    assert 0.05 < report.gflops < 1
    eager, *others = report.backends
    assert (eager.speedup, eager.share_of_peak, eager.max_rel_diff) == (1, None, 0)
    for row in others:
        assert row.cpu_ms > 0
        assert (row.share_of_peak is None) == (BACKENDS[row.backend][1] != "fp32")
        assert row.max_rel_diff < (1e-4 if BACKENDS[row.backend][1] == "fp32" else 2)


def test_the_peak_is_that_of_a_product() -> None:
    assert gemm_gflops_per_second(cpu_ms=1000) == pytest.approx(2 * 1536**3 / 1e9)


@pytest.mark.slow
def test_the_command_prints_tables_and_writes_figures(
    small_model: Path, report: NetworkReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gfsalnet.demo.FRAMES", 10)
    monkeypatch.setattr("gfsalnet.bench.measure_network", lambda *given: {(str(small_model), 3): report}[given])
    clip, figures = draw_clip(tmp_path / "clip.mp4"), tmp_path / "figures.json"
    arguments = ["bench", "--models", str(small_model), "--rounds", "3", "--video", clip, "--backend", "reference"]
    done = CliRunner().invoke(app, [str(word) for word in (*arguments, "--output", figures)])
    assert done.exit_code == 0, done.output
    for words in (
        "GFLOP per frame",
        "openvino",
        "flow and pictures",
        "write overlay",
        "frames per second over 10 frames",
    ):
        assert words in done.output
    written = json.loads(figures.read_text())
    assert written["machine"]["versions"].keys() == describe_machine()["versions"].keys()
    assert written["video"]["frames"] == 10
    assert 100 < written["video"]["peak_megabytes"] < 2000
    assert set(written["video"]["stages"]) == {"decode", "flow and pictures", "network", "write overlay"}
    assert written["networks"][str(small_model)]["backends"][0]["backend"] == "torch eager"


def test_a_playlist_is_timed_where_it_is_allowed(tmp_path: Path) -> None:
    clip = draw_clip(tmp_path / "a.mp4")
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile 'a.mp4'\n")
    source = str(tmp_path / "list.ffconcat")
    with pytest.raises(GFSalNetError, match="--allow-playlists"):
        require_frames(Clip(source=source))
    require_frames(Clip(source=source, allow_playlists=True))
    assert Clip(source=source, end_seconds=1.0, allow_playlists=True).arguments() == [
        source,
        "--end",
        "1.000000",
        "--allow-playlists",
    ]
    assert clip.exists()


def test_what_cannot_be_timed_says_why(tmp_path: Path) -> None:
    with pytest.raises(GFSalNetError, match=r"gfsalnet predict: failed: .*no such file"):
        measure_video(Clip(source=str(tmp_path / "none.mp4")), "gfsalnet-mobile", "reference", ("csv",))
    for option, word, words in (
        ("--models", "pqft", "pqft: is no GFSalNet"),
        ("--save", "nonsense", "nonsense"),
        ("--backend", "abacus", "abacus"),
    ):
        done = CliRunner().invoke(app, ["bench", option, word], env={"COLUMNS": "200"})
        assert done.exit_code == 2
        assert words in done.output


@pytest.mark.parametrize(("frames", "words"), [(1, "a single frame"), (3, "only 3 frames")])
def test_a_video_too_short_for_a_rate_is_refused(frames: int, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(frames):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((48, 64, 3), 40 * index, np.uint8))
    done = CliRunner().invoke(app, ["bench", "--video", str(folder), "--models", "gfsalnet-mobile"])
    assert done.exit_code == 1
    assert words in done.stderr
