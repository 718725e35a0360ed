"""What the page does with finished videos, and with a camera: in a real browser, with a real report."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import served

pytestmark = pytest.mark.slow
CANVAS = "canvas[aria-label*=' at ']"


@pytest.fixture
def start(app: Any, report: Path, tmp_path: Path) -> Callable[[], Any]:
    """A server whose jobs all give the same report."""
    (tmp_path / "data").mkdir()
    shutil.copy(report, tmp_path / "data" / "report.html")
    (tmp_path / "clip.mp4").write_bytes(b"video")
    (tmp_path / "slow.mp4").write_bytes(b"slow video")
    (tmp_path / "broken.txt").write_bytes(b"broken")
    return lambda **settings: served(app(**settings))


def ready(page: Any) -> None:
    page.wait_for_selector("#model option", state="attached")


def times(page: Any, within: str) -> list[str]:
    """At which times the pictures are."""
    labels = [canvas.get_attribute("aria-label") for canvas in page.locator(f"{within} canvas").all()]
    return [re.search(r"at ([\d:.]+)", label)[1] for label in labels]


def test_the_player_and_its_areas_are_on_the_page(start: Any, open_page: Any, tmp_path: Path) -> None:
    with start() as address:
        page, said = open_page(address, viewport={"width": 1000, "height": 900})
        ready(page)
        page.set_input_files("#file", tmp_path / "clip.mp4")
        page.locator("article .player").scroll_into_view_if_needed()
        page.wait_for_selector(f"article {CANVAS}")
        page.get_by_role("button", name="Draw a box").focus()
        page.keyboard.press("Enter")
        numbers = page.locator("article .interest td.number").first
        numbers.wait_for()
        assert numbers.inner_text().endswith(" %")
        page.get_by_role("button", name="Fold away").click()
        assert page.is_hidden("article .player")
        page.reload()  # the browser remembers, and shows the picture alone
        page.get_by_role("button", name="Play and measure").click()
        page.locator("article .player").scroll_into_view_if_needed()
        page.wait_for_selector(f"article {CANVAS}")
        assert said == []


def test_two_models_play_side_by_side_in_step(start: Any, open_page: Any, tmp_path: Path) -> None:
    with start() as address:
        page, said = open_page(address, viewport={"width": 1000, "height": 900})
        ready(page)
        page.click("summary")
        page.select_option("#second", "centre-bias")
        page.set_input_files("#file", tmp_path / "clip.mp4")
        page.locator(f"#beside {CANVAS}").last.wait_for()
        assert page.locator("#beside figcaption.version1").inner_text() == "centre-bias"
        assert page.locator("#said").inner_text() == "gfsalnet-mobile and centre-bias are side by side."
        page.get_by_role("button", name="Play", exact=True).click()
        page.locator("#beside canvas[aria-label*='at 0:01']").last.wait_for()
        page.get_by_role("button", name="Pause").click()
        page.keyboard.press("Home")
        page.locator("#beside .seek").press("ArrowRight")
        page.keyboard.press("End")
        page.locator("#beside canvas[aria-label*='at 0:02.9']").last.wait_for()
        one, two = times(page, "#beside")
        assert one == two
        curves = page.locator("#beside .curves svg:visible").first.locator("path")
        assert curves.count() == 4
        page.locator("#beside .close").click()
        assert page.locator("#beside canvas").count() == 0
        page.locator("article .remove").first.click()
        page.locator("#beside").wait_for(state="hidden")
        assert said == []


def test_a_recording_by_the_camera_is_sent(start: Any, open_page: Any, tmp_path: Path) -> None:
    with start() as address:
        page, said = open_page(address)
        ready(page)
        page.click("#camera")
        page.wait_for_selector(".record:not(:disabled)")
        page.keyboard.press("Escape")
        assert page.locator("dialog").is_hidden()
        assert page.evaluate("document.activeElement.id") == "camera"
        page.keyboard.press("Enter")
        page.wait_for_selector(".record:not(:disabled)")
        page.keyboard.press("Enter")
        page.get_by_text("Recording, 0:01 of 0:30").wait_for()
        page.keyboard.press("Enter")
        page.wait_for_selector("article.done")
        assert re.fullmatch(r"camera [\d. -]+\.webm", page.inner_text("article h2"))
        assert said == []
    (upload,) = (tmp_path / "data" / "jobs").glob("*/upload/*")
    assert upload.read_bytes()[:4] == bytes.fromhex("1a45dfa3")  # of Matroska, to which WebM belongs


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_in_any_state(
    start: Any, open_page: Any, tmp_path: Path, scheme: str, width: int, violations: Callable[[Any], list[str]]
) -> None:
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
    with start() as address:
        page, _ = open_page(address, **look)

        def nothing_is_wrong() -> None:
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width

        ready(page)
        nothing_is_wrong()
        page.click("summary")
        page.set_input_files("#file", tmp_path / "slow.mp4")
        page.locator("article .state", has_text="Frame 1").wait_for()
        nothing_is_wrong()
        (tmp_path / "data" / "go").touch()
        page.wait_for_selector("article.done .player")
        for name in ("Draw a box", "Draw a polygon"):
            page.get_by_role("button", name=name).focus()
            page.keyboard.press("Enter")
        page.locator("article summary").click()
        nothing_is_wrong()
        page.set_input_files("#file", tmp_path / "broken.txt")
        page.wait_for_selector("article.failed")
        nothing_is_wrong()
        page.set_input_files("#file", tmp_path / "clip.mp4")
        page.locator("#beside").wait_for()
        page.get_by_role("button", name="Compare").click()
        page.locator("#beside canvas").last.wait_for()
        nothing_is_wrong()
        page.click("#camera")
        page.wait_for_selector(".record:not(:disabled)")
        nothing_is_wrong()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_the_token_is_asked_for(
    start: Any, open_page: Any, scheme: str, violations: Callable[[Any], list[str]]
) -> None:
    with start(token="0123456789abcdef") as address:
        page, _ = open_page(address, color_scheme=scheme)
        page.wait_for_selector("#token")
        assert violations(page) == []
