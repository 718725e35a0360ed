"""The page in a real browser: needs Chromium and Playwright, and is skipped without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import served

pytestmark = pytest.mark.slow


def test_a_video_is_sent_by_keyboard_and_its_results_are_shown(app: Any, open_page: Any, tmp_path: Path) -> None:
    clip = tmp_path / "a & b.mp4"
    clip.write_bytes(b"video")
    with served(app()) as address:
        page, said = open_page(address)
        page.on("filechooser", lambda chooser: None)  # or the first one may come before Playwright waits for it
        page.wait_for_selector("#model option", state="attached")
        for _ in range(5):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "choose":
                break
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Enter")
        chooser.value.set_files(clip)
        page.wait_for_selector("article.done")
        assert page.inner_text("article h2") == "a & b.mp4"
        assert page.inner_text("#said") == "a & b.mp4: Done."
        page.wait_for_selector(".result")  # the report of this test has nothing to play
        assert page.get_attribute(".result", "aria-label") == "a & b.mp4 with its heat map"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.reload()  # this browser remembers
        page.wait_for_selector("article.done")
        page.click("article .remove")
        page.wait_for_selector("article", state="detached")
        page.reload()
        page.wait_for_selector("#model option", state="attached")
        assert page.query_selector("article") is None
        assert said == []


@pytest.mark.parametrize(
    "event",
    [
        "new DragEvent('drop', { dataTransfer: data, bubbles: true })",
        "new ClipboardEvent('paste', { clipboardData: data, bubbles: true })",
    ],
)
def test_files_are_dropped_and_pasted(app: Any, open_page: Any, event: str) -> None:
    with served(app()) as address:
        page, said = open_page(address)
        page.wait_for_selector("#model option", state="attached")
        page.evaluate(
            f"""() => {{
              const data = new DataTransfer();
              for (const name of ["one.mp4", "two.mp4"]) data.items.add(new File(["video"], name));
              document.body.dispatchEvent({event});
            }}"""
        )
        page.locator("article.done").nth(1).wait_for()
        assert sorted(page.locator("article h2").all_inner_texts()) == ["one.mp4", "two.mp4"]
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
        assert page.inner_text("article .state") == "Failed. notes.txt: is no video. Send one."


def test_the_page_that_keeps_videos_in_the_tab_is_ready_and_isolated(app: Any, open_page: Any) -> None:
    with served(app()) as address:
        page, said = open_page(address)
        page.click("a[href='/local/']")
        page.locator("#said", has_text="Ready.").wait_for(timeout=60_000)
        assert page.evaluate("crossOriginIsolated")
        assert said == []
