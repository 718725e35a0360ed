"""The page in a real browser, offline: needs Chromium and Playwright, and is skipped without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from follower import Follower, square_x

from gfsalnet.report import Version, make_report

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    context = browser.new_context(offline=True, reduced_motion="reduce")
    opened = context.new_page()
    opened.problems = []
    opened.on("console", lambda message: message.type == "error" and opened.problems.append(message.text))
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.goto(report.as_uri())
    opened.wait_for_function("() => document.querySelector('canvas').getAttribute('aria-label').includes(' at ')")
    yield opened
    assert opened.problems == []
    context.close()


def pixel(page: Any, x: int, y: int) -> list[int]:
    script = "([x, y]) => [...document.querySelector('canvas').getContext('2d').getImageData(x, y, 1, 1).data]"
    return page.evaluate(script, [x, y])[:3]


def seek(page: Any, seconds: float) -> None:
    page.evaluate(
        "(s) => { const bar = document.querySelector('.seek'); bar.value = s; bar.dispatchEvent(new Event('input')); }",
        seconds,
    )
    page.wait_for_function(
        "(s) => document.querySelector('canvas').getAttribute('aria-label').includes(`at 0:0${s.toFixed(1)}`)",
        arg=seconds,
    )


def test_maps_are_in_step_with_the_frame_wherever_one_seeks(page):
    for index in (3, 25, 11):
        seek(page, index / 10)
        page.keyboard.press("Tab")
        page.click("[data-view=frame] >> nth=0")
        x = square_x(index)
        assert min(pixel(page, x + 8, 32)) > 200
        page.click("[data-view=overlay] >> nth=0")
        red, _, blue = pixel(page, x + 8, 32)
        assert red - blue > 40
        page.click("[data-view=focus] >> nth=0")
        assert min(pixel(page, x + 8, 32)) > 200


def test_the_gate_is_bare_on_the_first_frame_of_a_shot(page):
    page.click("[data-view=gate] >> nth=0")
    for index, is_bare in ((19, False), (20, True), (21, False)):
        seek(page, index / 10)
        red, _, blue = pixel(page, square_x(index) + 12, 32)
        assert (abs(red - blue) < 6) == is_bare
        label = page.get_attribute("canvas >> nth=0", "aria-label")
        assert ("no motion yet" in label) == is_bare


def test_a_curve_is_clicked_and_the_opacity_slid(page):
    curve = page.locator(".curves svg:visible").first
    box = curve.bounding_box()
    curve.click(position={"x": box["width"] * 0.5, "y": box["height"] / 2})
    page.wait_for_function("() => Math.abs(document.querySelector('.seek').value - 1.5) < 0.3")
    seek(page, 1.5)
    tinted = pixel(page, square_x(15) + 8, 32)
    page.locator("label input").first.fill("0")
    assert min(pixel(page, square_x(15) + 8, 32)) > 200 > min(tinted)


def test_it_works_by_keyboard_alone(page):
    page.focus(".player >> nth=0")
    page.keyboard.press("End")
    page.wait_for_function("() => document.querySelector('.seek').value > 2.8")
    page.keyboard.press("Home")
    page.wait_for_function("() => document.querySelector('.seek').value < 0.05")
    page.keyboard.press(".")
    page.wait_for_function("() => Math.abs(document.querySelector('.seek').value - 0.1) < 0.03")
    page.keyboard.press("4")
    assert page.get_attribute("[data-view=gate] >> nth=0", "aria-pressed") == "true"
    page.keyboard.press("k")
    page.wait_for_function("() => document.querySelector('.seek').value > 0.5")
    page.keyboard.press("k")
    assert page.evaluate("document.querySelector('.play').textContent") == "Play"
    outlined = page.evaluate("getComputedStyle(document.querySelector('.player')).outlineStyle")
    assert outlined != "none"


def test_everything_has_a_name_for_screen_readers(page):
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input:not([hidden]), canvas, svg, [role=group]')].filter((element) =>"
        " !(element.getAttribute('aria-label') || element.textContent.trim() || element.closest('label'))).length"
    )
    assert unnamed == 0
    label = page.get_attribute(".curves svg:visible >> nth=0", "aria-label")
    assert "mean" in label
    assert "half" in label


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser, report, scheme):
    context = browser.new_context(offline=True, color_scheme=scheme)
    page = context.new_page()
    page.goto(report.as_uri())
    ratios = page.evaluate(
        """() => {
          const light = (text) => {
            const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
              .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const behind = (element) => {
            for (let at = element; at; at = at.parentElement) {
              const colour = getComputedStyle(at).backgroundColor;
              if (!/, 0\\)$|transparent/.test(colour)) return colour;
            }
            return "rgb(255, 255, 255)";
          };
          const texts = "p, small, button, figcaption, figcaption span, th, td, a, .tick, summary";
          return [...document.querySelectorAll(texts)]
            .map((element) => {
              const style = getComputedStyle(element);
              const ink = element instanceof SVGElement ? style.fill : style.color;
              const [a, b] = [light(ink), light(behind(element))].sort((x, y) => y - x);
              return (a + 0.05) / (b + 0.05);
            });
        }"""
    )
    assert len(ratios) > 30
    assert min(ratios) >= 4.5
    context.close()


def test_two_versions_play_together(page):
    section = page.locator("#section-1")
    section.scroll_into_view_if_needed()
    assert section.locator("canvas").count() == 2
    page.focus("#section-1 .player")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#section-1 canvas')].every("
        "(canvas) => canvas.getAttribute('aria-label').includes('at 0:01'))"
    )
    assert section.locator(".curves svg:visible").first.locator("path").count() == 4


def test_a_picture_has_no_time(browser, tmp_path):
    picture = tmp_path / "square.png"
    cv2.imwrite(str(picture), np.pad(np.full((16, 16), 255, np.uint8), ((24, 24), (8, 72))))
    make_report([(Version(source=str(picture), model=Follower()),)], tmp_path / "report.html")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector("canvas[aria-label*=' at ']")
    assert page.is_visible("[data-view=focus]")
    page.get_by_role("button", name="Draw a box").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".interest td.number")
    assert [page.is_visible(part) for part in (".play", ".seek", ".curves", ".over")] == [False] * 4
    page.close()


def test_the_shorter_of_two_waits_for_the_longer_one(browser, clip, tmp_path):
    longer, shorter = (Version(source=str(clip), model=Follower(), part_seconds=(0.0, end)) for end in (None, 1.0))
    make_report([(longer, shorter)], tmp_path / "report.html")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    page.locator("canvas[aria-label*=' at ']").last.wait_for()
    page.locator(".seek").evaluate("(bar) => (bar.value = 2, bar.dispatchEvent(new Event('input')))")
    second = page.locator("canvas[aria-label*='at 0:00.9']")
    second.wait_for()
    play, pause = (page.get_by_role("button", name=name, exact=True) for name in ("Play", "Pause"))
    page.focus(".player")
    page.keyboard.press("k")
    pause.wait_for()
    play.wait_for()  # it has ended
    assert second.count() == 1
    page.evaluate(
        """() => {
          const canvas = document.querySelectorAll("canvas")[1];
          window.shown = [];
          const note = () => shown.push(canvas.ariaLabel.split(" at ")[1]);
          new MutationObserver(note).observe(canvas, { attributes: true });
        }"""
    )
    play.click()  # both, from the beginning
    pause.wait_for()
    play.wait_for()
    shown = page.evaluate("shown")
    assert shown[-1] in ("0:00.9", "0:01.0")
    assert len(set(shown)) > 3
    page.close()
