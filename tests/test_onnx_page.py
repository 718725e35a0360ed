"""docs/onnx.md: the file says of itself what the page says, and the page's program needs nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest

from gfsalnet.backends.graphs import described
from gfsalnet.demo import draw_frame
from gfsalnet.models import load_model
from gfsalnet.models.entry import SHIPPED
from gfsalnet.models.export import graph_metadata
from gfsalnet.models.registry import stored_network
from gfsalnet.network.folder import GRAPH_FILE
from gfsalnet.types import Frame
from gfsalnet.video import VideoWriter
from gfsalnet.web.folder import PAGE as BROWSER_PAGE

NODE = shutil.which("node")
PAGE = (Path(__file__).parents[1] / "docs" / "onnx.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["gfsalnet-mobile", "gfsalnet-mobile@1", "gfsalnet-mobile@1:motion"])
def test_every_key_of_the_metadata_is_explained(name: str) -> None:
    said = graph_metadata(*stored_network(name))
    explained = set(re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in PAGE.splitlines() if "|" in line)))
    assert set(said) <= explained
    assert (said["name"], said["licence"].split(";")[0]) == (name, "Apache-2.0")
    assert ("flow_image" in said, "rgb" in said) == ("@1" in name, "motion" not in name)
    assert ("over_time" in said) == (name == "gfsalnet-mobile")


@pytest.mark.slow  # a process and the whole network
def test_the_program_of_the_page_gives_the_maps_of_predict(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert program.count("\n") <= 60
    (tmp_path / "look.py").write_text(program)
    clip, frames = tmp_path / "clip.mp4", 12
    with VideoWriter(clip, size_wh=(640, 360), rate=Fraction(20), time_base=Fraction(1, 20)) as writer:
        for index in range(frames):
            writer.write(draw_frame(index / 20), index / 20)
    write_model(tmp_path / "saliency.onnx")
    command = [sys.executable, "-I", "look.py", "saliency.onnx", clip.name, "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mp4").stat().st_size > 1000
    found = np.load(tmp_path / "out.npz")["density"]
    expected = [p.map_density for p in load_model("gfsalnet-mobile:appearance").predict(clip)]
    assert len(found) == len(expected) == frames
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.sum() == pytest.approx(1, abs=1e-4)
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999
    assert json.loads(graph_metadata(*stored_network("gfsalnet-mobile"))["over_time"])["gate"] is None


@pytest.mark.slow  # a process, and pictures resampled in JavaScript
@pytest.mark.skipif(NODE is None, reason="needs Node")
def test_the_javascript_of_the_page_gives_the_maps_of_the_package(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```js\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert program.count("\n") <= 60
    (tmp_path / "look.mjs").write_text(program)
    write_model(tmp_path / "saliency.onnx")
    install_runtime(tmp_path / "node_modules" / "onnxruntime-web")
    shown = [draw_frame(index / 20) for index in range(4)]
    command = [NODE, "look.mjs", "saliency.onnx", "640", "360", "20"]
    pixels = b"".join(rgb.tobytes() for rgb in shown)
    done = subprocess.run(command, cwd=tmp_path, input=pixels, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    frames = (Frame(rgb, index=index, time_seconds=index / 20) for index, rgb in enumerate(shown))
    expected = [p.map_density for p in load_model("gfsalnet-mobile:appearance").stream(frames)]
    found = np.frombuffer(done.stdout, np.float32).reshape(np.shape(expected))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.sum() == pytest.approx(1, abs=1e-4)
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


def write_model(path: Path) -> None:
    """What `gfsalnet export onnx` writes, from the graph that is shipped."""
    said = graph_metadata(*stored_network("gfsalnet-mobile"))
    onnx.save(described(onnx.load(SHIPPED / "gfsalnet-mobile" / GRAPH_FILE), said), path)


def install_runtime(folder: Path) -> None:
    """The npm package, as far as this package has it: its build for browsers runs in Node once it finds `require`."""
    folder.mkdir(parents=True)
    for file in (BROWSER_PAGE / "vendor").glob("ort*"):
        shutil.copy(file, folder)
    (folder / "package.json").write_text('{"name": "onnxruntime-web", "type": "module", "exports": "./index.js"}')
    (folder / "index.js").write_text('import "./require.js"; export * from "./ort.wasm.min.mjs";')
    require = 'import { createRequire } from "node:module"; globalThis.require = createRequire(import.meta.url);'
    (folder / "require.js").write_text(require)
