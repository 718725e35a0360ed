"""The page in a real browser: needs Chromium and Playwright, and is skipped without."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address at which the application listens."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def open_page() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        said: list[str] = []

        def open_at(address: str) -> tuple[Any, list[str]]:
            page = browser.new_page(viewport={"width": 360, "height": 740})
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: said.append(request.url) if address not in request.url else None)
            page.goto(address)
            return page, said

        yield open_at
        browser.close()


def test_a_video_is_sent_by_keyboard_and_its_results_are_shown(app: Any, open_page: Any, tmp_path: Path) -> None:
    clip = tmp_path / "a & b.mp4"
    clip.write_bytes(b"video")
    with served(app()) as address:
        page, said = open_page(address)
        page.wait_for_selector("#model option", state="attached")
        for _ in range(5):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "file":
                break
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Enter")
        chooser.value.set_files(clip)
        page.wait_for_selector("a.first")
        assert page.inner_text("article h2") == "a & b.mp4"
        assert page.inner_text("#said") == "a & b.mp4: Done."
        assert page.get_attribute(".result", "aria-label") == "a & b.mp4 with its heat map"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.reload()  # this browser remembers
        page.wait_for_selector("a.first")
        page.click(".remove")
        page.wait_for_selector("article", state="detached")
        page.reload()
        page.wait_for_selector("#model option", state="attached")
        assert page.query_selector("article") is None
        assert said == []


def test_the_token_is_asked_for_once(app: Any, open_page: Any) -> None:
    with served(app(token="0123456789abcdef")) as address:
        page, _ = open_page(address)
        page.fill("#token", "guess")
        page.keyboard.press("Enter")
        page.locator("#said", has_text="not the token").wait_for()
        page.fill("#token", "0123456789abcdef")
        page.keyboard.press("Enter")
        page.wait_for_selector("#model option", state="attached")
        page.reload()
        page.wait_for_selector("#model option", state="attached")
        assert not page.is_visible("#login")


def test_what_is_no_video_is_said(app: Any, open_page: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"broken")
    with served(app()) as address:
        page, _ = open_page(address)
        page.wait_for_selector("#model option", state="attached")
        page.set_input_files("#file", tmp_path / "notes.txt")
        page.wait_for_selector("article.failed")
        assert page.inner_text(".state") == "Failed. notes.txt: is no video. Send one."


def test_the_page_that_keeps_videos_in_the_tab_is_ready_and_isolated(app: Any, open_page: Any) -> None:
    with served(app()) as address:
        page, said = open_page(address)
        page.click("a[href='/local/']")
        page.locator("#said", has_text="Ready.").wait_for(timeout=60_000)
        assert page.evaluate("crossOriginIsolated")
        assert said == []
