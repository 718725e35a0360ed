"""The player's areas against the room `areas`: the same polygons, keyframes and refusals in both languages."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gfsalnet.areas import Area, Keyframe, coverage
from gfsalnet.areas.shapes import crosses_itself
from gfsalnet.report import PLAYER

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")]

PROGRAM = """
import { cornersAt, coverage, crossesItself } from "./areas.mjs";
let text = "";
for await (const piece of process.stdin) text += piece;
const answers = JSON.parse(text).map(({ size, corners, keyframes, seconds }) => {
  const { left, top, columns, rows, shares } = coverage(corners, size);
  const at = cornersAt({ keyframes }, seconds);
  return { left, top, columns, rows, shares: [...shares], crosses: crossesItself(corners), at };
});
console.log(JSON.stringify(answers));
"""


def polygon(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """(K, 2) shares: a star round some place, partly outside the frame; of every third the corners are shuffled."""
    corners = rng.integers(3, 9)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = rng.uniform(0.02, 0.6, (corners, 1))
    found = rng.uniform(0, 1, 2) + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return rng.permutation(found) if rng.random() < 1 / 3 else found


def test_both_languages_agree(tmp_path: Path) -> None:
    shutil.copy(PLAYER / "areas.js", tmp_path / "areas.mjs")
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(100):
        first = polygon(rng)
        times = np.cumsum(rng.uniform(0.1, 2, 3)).tolist()
        keyframes = [{"seconds": seconds, "corners": (first + rng.uniform(-0.2, 0.2, 2)).tolist()} for seconds in times]
        size = rng.integers(1, 40, 2).tolist()
        cases.append({"size": size, "corners": first.tolist(), "keyframes": keyframes, "seconds": rng.uniform(0, 5)})
    command = ["node", "--input-type=module", "-e", PROGRAM]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=True, cwd=tmp_path)
    crossing = 0
    for case, answer in zip(cases, json.loads(done.stdout), strict=True):
        corners = np.array(case["corners"])
        assert answer["crosses"] == crosses_itself(corners)
        crossing += answer["crosses"]
        width, height = case["size"]
        expected = coverage(corners * [width, height], (width, height), (height, width))
        assert (answer["left"], answer["top"]) == (expected.left, expected.top)
        shares = np.reshape(answer["shares"], (answer["rows"], answer["columns"]))
        np.testing.assert_allclose(shares, expected.shares, atol=1e-9)
        keyframes = tuple(Keyframe(k["seconds"], np.array(k["corners"])) for k in case["keyframes"])
        area = Area(name="a", units="share", keyframes=keyframes)
        np.testing.assert_allclose(answer["at"], area.corners_at(case["seconds"], (1, 1)), atol=1e-12)
    assert 10 < crossing < 90
