"""The page of `gfsalnet web` in headless Chromium: how much it loads, how fast it is, how near its maps are.

    python benchmarks/browser.py CLIP... [--single] [--most-frames 200]

For each clip: seconds from the choice to the first map on the screen; maps a second of a table of all frames; the
memory (resident, of all processes of the browser) at a tenth of the frames and at the end; the correlation of its maps
with those of `gfsalnet-mobile:appearance` of this package, mean and lowest. Needs Chromium and Playwright. What else
the machine does counts.
"""

from __future__ import annotations

import argparse
import base64
import functools
import http.server
import os
import shutil
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from gfsalnet.models import load_model
from gfsalnet.video import open_source
from gfsalnet.web import HEADERS, write_folder

LOOK = """async (most) => {
  const { Clip } = await import("./clip.js");
  const { look } = await import("./look.js");
  const { Network } = await import("./network.js");
  const settings = await (await fetch("settings.json")).json();
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  const network = await Network.load(settings.model.files, "wasm", threads);
  const clip = await Clip.open(document.querySelector("#given").files[0]);
  const found = [];
  const began = performance.now();
  for await (const { density } of look(clip, network, settings.model)) {
    const text = Array.from(new Uint8Array(density.values.buffer), (byte) => String.fromCharCode(byte)).join("");
    found.push([density.height, density.width, btoa(text)]);
    if (found.length === most) break;
  }
  return [found, (performance.now() - began) / 1000];
}"""
GIVEN = "document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'given' }))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--most-frames", type=int, default=200, help="of a clip that are compared")
    parser.add_argument("--single", action="store_true", help="one thread: without the headers")
    parser.add_argument("--memory", action="store_true", help="the table and the memory alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        write_folder(Path(folder))
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        address = serve(folder, {} if given.single else HEADERS)
        for clip in given.clips:
            page = browser.new_context(service_workers="block").new_page()
            page.set_default_timeout(7_200_000)
            loaded: list[int] = []
            page.on("response", lambda answer, loaded=loaded: loaded.append(int(answer.headers["content-length"])))
            began = time.perf_counter()
            page.goto(address)
            page.locator("#said", has_text="Ready").wait_for()
            print(f"{clip.name}: loaded {sum(loaded) / 1e6:.1f} MB, ready after {time.perf_counter() - began:.1f} s")
            if not given.memory:
                print(f"  {compared(page, clip, given.most_frames)}")
            print(f"  {timed(page, browser, clip)}", flush=True)
            page.context.close()
        browser.close()


def compared(page: Page, clip: Path, most: int) -> str:
    """How near the maps are, and how fast they come without anything drawn."""
    page.evaluate(GIVEN)
    page.set_input_files("#given", clip)
    found, seconds = page.evaluate(LOOK, most)
    agreements = []
    with open_source(clip) as reader:
        expected = load_model("gfsalnet-mobile:appearance").stream(islice(reader, most))
        for (height, width, text), prediction in zip(found, expected, strict=True):
            ours = np.frombuffer(base64.b64decode(text), np.float32).reshape(height, width)
            agreements.append(np.corrcoef(ours.ravel(), prediction.map_density.ravel())[0, 1])
    return f"CC {np.mean(agreements):.5f}, lowest {min(agreements):.5f}; {len(found) / seconds:.1f} maps a second"


def timed(page: Page, browser: Any, clip: Path) -> str:
    """The first map, and a whole table with its memory."""
    began = time.perf_counter()
    page.set_input_files("#file", clip)
    page.locator("#time", has_text="/").wait_for()
    first = time.perf_counter() - began
    page.click("#table")
    began = time.perf_counter()
    early = 0.0
    while page.locator("#files a").count() == 0:
        time.sleep(1)
        if not early and page.evaluate("document.querySelector('#progress').value") > 0.1:
            early = resident_mb(browser)
    seconds = time.perf_counter() - began
    late = resident_mb(browser)
    with page.expect_download() as download:
        page.click("#files a")
    rows = Path(download.value.path()).read_text().count("\n") - 1
    memory = f"{early:.0f} MB at a tenth, {late:.0f} MB at the end"
    return f"first map after {first:.2f} s; table of {rows} frames at {rows / seconds:.1f} a second; {memory}"


def resident_mb(browser: Any) -> float:
    """Of all processes of the browser."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    pages = 0
    for process in processes:
        try:
            pages += int(Path(f"/proc/{process['id']}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def serve(folder: str, headers: dict[str, str]) -> str:
    """The address of the folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for name, value in headers.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/"


if __name__ == "__main__":
    main()
