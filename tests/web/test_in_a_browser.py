"""The page in a real browser, held against the package: needs Chromium and Playwright, and is skipped without."""

from __future__ import annotations

import base64
import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from answering import Served
from numpy.typing import NDArray

from gfsalnet.models import load_model
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.over_time import MapsOverTime
from gfsalnet.render.statistics import FrameStatistics

pytestmark = pytest.mark.slow

RATE, FRAMES = 20, 24
"""Of the clip."""
SOFTWARE_WEBGPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
PATIENCE_MS = 120_000
"""Of a test on a busy machine; the page's own figures are in docs/web.md."""
LOOK = """async () => {
  const { Clip } = await import("./clip.js");
  const { look } = await import("./look.js");
  const { Network } = await import("./network.js");
  const settings = await (await fetch("settings.json")).json();
  const network = await Network.load(settings.model.files, "wasm", 1);
  const clip = await Clip.open(document.querySelector("#given").files[0]);
  const found = [];
  for await (const { seconds, density } of look(clip, network, settings.model)) {
    const text = Array.from(new Uint8Array(density.values.buffer), (byte) => String.fromCharCode(byte)).join("");
    found.push([seconds, density.height, density.width, btoa(text)]);
  }
  return found;
}"""
GIVEN = "document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'given' }))"
READ = """async ([text, height, width, kind, provider]) => {
  const { Network } = await import("./network.js");
  const { Reading } = await import("./over_time.js");
  const settings = await (await fetch("settings.json")).json();
  const network = await Network.load(settings.model.files, provider, 1);
  const rgb = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const saliency = await network.saliency(rgb, height, width);
  return Array.from(new Reading(settings.model[kind]).density(saliency, height, width).values);
}"""


@pytest.fixture(scope="module")
def native() -> GFSalNetModel:
    model = load_model("gfsalnet-mobile:appearance")
    assert isinstance(model, GFSalNetModel)
    return model


class Opened:
    """The page, and all that it complained of."""

    def __init__(self, browser: Any, served: Served, **options: Any) -> None:
        self.context = browser.new_context(accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.goto(served.address)
        self.wait_for("Ready.")

    def wait_for(self, said: str) -> None:
        self.page.locator("#said", has_text=said).wait_for()

    def saved(self, number: int) -> bytes:
        with self.page.expect_download() as download:
            self.page.locator("#files a").nth(number).click()
        return Path(download.value.path()).read_bytes()


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize(
    ("kind", "provider", "size_hw"),
    [("still", "wasm", (224, 384)), ("video", "wasm", (224, 384)), ("video", "webgpu", (64, 96))],
)  # the adapter of the tests is software, whose time counts
def test_maps_of_the_same_pictures_are_those_of_the_package(
    launch: Callable[..., Any],
    isolated: Served,
    native: GFSalNetModel,
    kind: Any,
    provider: str,
    size_hw: tuple[int, int],
) -> None:
    height, width = size_hw
    rgb = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    rgb[:, 20:50, 30:80] = (250, 30, 20)
    assert native.over_time is not None
    saliency = native.backend((rgb,)).saliency[0, 0]
    cells = saliency.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    expected = MapsOverTime(native.over_time, kind).fused(cells / cells.sum(), None).saliency
    opened = Opened(launch(*SOFTWARE_WEBGPU) if provider == "webgpu" else launch(), isolated)
    text = base64.b64encode(rgb.tobytes()).decode()
    found = np.array(opened.page.evaluate(READ, [text, height, width, kind, provider])).reshape(expected.shape)
    assert np.abs(found - expected).max() <= 1e-3 * expected.max()


def test_maps_of_a_whole_clip_are_near_those_of_the_package(
    browser: Any, isolated: Served, native: GFSalNetModel, clip: Path
) -> None:
    opened = Opened(browser, isolated)
    opened.page.evaluate(GIVEN)
    opened.page.set_input_files("#given", clip)
    found = opened.page.evaluate(LOOK)
    expected = list(native.predict(clip))
    assert len(found) == len(expected) == FRAMES
    for (seconds, height, width, text), theirs in zip(found, expected, strict=True):
        ours = np.frombuffer(base64.b64decode(text), np.float32).reshape(height, width)
        assert seconds == pytest.approx(theirs.time_seconds, abs=1e-6)
        assert ours.sum() == pytest.approx(1, abs=1e-4)
        assert correlation(ours, theirs.map_density) >= 0.995


def test_film_and_table_are_made_when_nobody_answers_any_more(
    browser: Any, isolated: Served, native: GFSalNetModel, clip: Path
) -> None:
    opened = Opened(browser, isolated, service_workers="block")
    asked = len(isolated.asked)
    requests: list[str] = []
    opened.page.on("request", lambda request: requests.append(request.url))
    isolated.end()
    opened.page.set_input_files("#file", clip)
    opened.page.locator("#time", has_text="0:01 / 0:01").wait_for()
    opened.page.click("#film")
    opened.page.locator("#files a").nth(1).wait_for()
    film, table = opened.saved(0), opened.saved(1).decode()
    assert [url for url in requests if not url.startswith("blob:")] == []
    assert len(isolated.asked) == asked

    with av.open(io.BytesIO(film)) as container:
        times = sorted(float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None)
        size_wh = container.streams.video[0].width, container.streams.video[0].height
    assert times == pytest.approx([index / RATE for index in range(FRAMES)], abs=1e-3)
    assert size_wh == (640, 360)
    with av.open(io.BytesIO(film)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
    assert heard / 48000 == pytest.approx(FRAMES / RATE, abs=0.1)

    rows = list(csv.DictReader(io.StringIO(table)))
    before = None
    for row, prediction in zip(rows, native.predict(clip), strict=True):
        before = FrameStatistics.of(prediction, before)
        assert int(row["frame_index"]) == before.frame_index
        assert row["starts_shot"] == str(int(before.starts_shot))
        assert row["motion_share"] == ""
        assert float(row["time_seconds"]) == pytest.approx(before.time_seconds, abs=1e-6)
        assert float(row["entropy_bits"]) == pytest.approx(before.entropy_bits, abs=0.1)
        assert float(row["area_50_percent"]) == pytest.approx(before.area_50_percent, abs=0.01)
        assert float(row["centroid_x"]) == pytest.approx(before.centroid_x, abs=8)
    assert opened.complaints == []


def test_once_seen_it_starts_without_a_server_and_with_threads(browser: Any, plain: Served, clip: Path) -> None:
    opened = Opened(browser, plain)
    assert "one thread" in opened.page.locator("#runs").text_content()
    opened.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    plain.end()
    opened.page.reload()
    opened.wait_for("Ready.")
    assert opened.page.evaluate("crossOriginIsolated")
    assert "because" not in opened.page.locator("#runs").text_content()
    opened.page.set_input_files("#file", clip)
    opened.page.locator("#time", has_text="/ 0:01").wait_for()
    assert opened.complaints == []


def test_what_cannot_be_read_is_said_with_the_command_that_can(browser: Any, isolated: Served, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_bytes(b"no video at all" * 100)
    old = tmp_path / "old.avi"
    with av.open(str(old), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for packet in (*stream.encode(av.VideoFrame(64, 64, "yuv420p")), *stream.encode(None)):
            container.mux(packet)
    opened = Opened(browser, isolated)
    for path in (tmp_path / "notes.mp4", old):
        opened.page.set_input_files("#file", path)
        opened.wait_for(f"{path.name} is no video that a browser can open.")
        assert opened.page.inner_text("#instead code") == f'gfsalnet predict "{path.name}"'
        assert not opened.page.is_visible("#player")


def test_a_file_that_breaks_off_is_made_as_far_as_it_goes(browser: Any, isolated: Served, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    with av.open(str(whole), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        noise = np.random.default_rng(0)
        for _ in range(FRAMES):
            pixels = noise.integers(0, 256, (180, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    opened = Opened(browser, isolated)
    opened.page.set_input_files("#file", cut)
    opened.page.locator("#time", has_text="/ 0:01").wait_for()
    opened.page.click("#table")
    opened.page.locator("#files a").wait_for()
    assert "ends early" in opened.page.inner_text("#said") or "cannot be decoded" in opened.page.inner_text("#said")
    rows = opened.saved(0).decode().count("\n") - 1
    assert FRAMES // 4 <= rows <= FRAMES * 3 // 4


def test_by_keyboard_on_a_narrow_screen(browser: Any, isolated: Served, clip: Path) -> None:
    opened = Opened(browser, isolated, viewport={"width": 360, "height": 740}, reduced_motion="reduce")
    page = opened.page
    # Asked for long before the key: what a test asks for only then may come to the browser after the key.
    page.on("filechooser", lambda chooser: chooser.set_files(clip))
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "file":
            break
    page.keyboard.press("Enter")
    page.locator("#time", has_text="0:00 / 0:01").wait_for()
    time.sleep(0.5)
    assert page.inner_text("#time") == "0:00 / 0:01", "nothing moves until it is asked for"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.focus("#play")
    page.keyboard.press("Space")
    page.locator("#time", has_text="0:01 / 0:01").wait_for()
    assert "now" in page.get_attribute("#curves svg", "aria-label")
    assert opened.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    browser: Any, isolated: Served, clip: Path, scheme: str, violations: Callable[[Any], list[str]]
) -> None:
    opened = Opened(browser, isolated, color_scheme=scheme, viewport={"width": 360, "height": 740})
    assert violations(opened.page) == []
    opened.page.set_input_files("#file", clip)
    opened.page.locator("#time", has_text="0:01 / 0:01").wait_for()
    opened.page.click("summary")
    opened.page.click("#table")
    opened.page.locator("#files a").wait_for()
    assert violations(opened.page) == []
