"""Areas of interest drawn in a report: what `gfsalnet aoi` says of the file that comes out is what the page said."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from follower import Follower, square_x

from gfsalnet.areas import AreaSettings, measure_areas, read_areas
from gfsalnet.report.densities import SmallMaps
from gfsalnet.video import open_source

pytestmark = pytest.mark.slow
WIDTH, HEIGHT = 96, 64
TOLERANCE = 0.008
"""Of shares: in these maps all but the square is one level, whose rounding does not average out."""


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 1600})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: message.type == "error" and problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(report.as_uri())
    opened.locator("#section-0 canvas[aria-label*=' at ']").wait_for()
    yield opened
    assert problems == []
    context.close()


def seek(page: Any, seconds: float, section: str = "#section-0") -> None:
    page.locator(f"{section} .seek").evaluate(
        "(bar, s) => (bar.value = s, bar.dispatchEvent(new Event('input')))", seconds
    )
    for canvas in page.locator(f"{section} canvas").all():
        canvas.and_(page.locator(f"[aria-label*='at 0:0{seconds:.1f}']")).wait_for()


def point(page: Any, x: float, y: float, section: str = "#section-0") -> tuple[float, float]:
    """Where a place of the frame, in its pixels, is on the screen."""
    box = page.locator(f"{section} canvas").first.bounding_box()
    return box["x"] + box["width"] * x / WIDTH, box["y"] + box["height"] * y / HEIGHT


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=3)
    page.mouse.up()


def cells(page: Any, row: int = 0, section: str = "#section-0") -> list[str]:
    return page.locator(f"{section} .interest tbody tr").nth(row).locator("td.number").all_inner_texts()


def saved(page: Any, folder: Path, section: str = "#section-0") -> Path:
    with page.expect_download() as download:
        page.locator(section).get_by_role("button", name="Save the areas").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def measured(clip: Path, areas: Path, folder: Path) -> list[dict[str, str]]:
    with open_source(clip) as reader:
        frames = ((p.frame, p) for p in Follower().stream(reader))
        measure_areas(frames, reader.info, read_areas(areas), folder, AreaSettings(save=("csv",)))
    with (folder / "prediction.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_same(shown: list[str], row: dict[str, str]) -> None:
    _, mean, lift, area, peak = shown
    for text, column in ((mean, "attention_share"), (area, "area_share"), (peak.partition(" at ")[0], "peak_share")):
        assert float(text.rstrip(" %")) / 100 == pytest.approx(float(row[column]), abs=TOLERANCE), column
    assert float(lift) == pytest.approx(float(row["lift"]), rel=0.02)


def test_a_box_that_follows_by_keyframes_gets_the_numbers_of_the_verb(page: Any, clip: Path, tmp_path: Path) -> None:
    page.get_by_role("button", name="Draw a box").first.click()
    drag(page, point(page, square_x(0) - 2, 22), point(page, square_x(0) + 18, 42))
    seek(page, 2.0)
    panel = page.locator("#section-0 .interest")
    assert float(cells(page)[0].rstrip(" %")) < 5  # the square has left
    panel.get_by_role("button", name="Keyframe here").click()
    shape = page.locator("#section-0 .areas .shape")
    drag(page, point(page, square_x(0) + 8, 38), point(page, square_x(20) + 8, 38))
    assert float(cells(page)[0].rstrip(" %")) > 75
    seek(page, 1.0)
    assert float(cells(page)[0].rstrip(" %")) > 75  # half way
    seek(page, 2.4)
    panel.get_by_role("button", name="Ends here").click()
    assert "away" in shape.get_attribute("class")
    assert cells(page)[0] == "–"
    panel.get_by_label("Name of Area 1").fill("the square")
    panel.get_by_label("Name of Area 1").blur()
    path = saved(page, tmp_path)
    (area,) = json.loads(path.read_text())["areas"]
    assert (area["name"], area["to_seconds"]) == ("the square", 2.4)
    assert [keyframe["time_seconds"] for keyframe in area["keyframes"]] == [0, 2]
    assert "box" in area["keyframes"][0]
    (row,) = measured(clip, path, tmp_path / "aoi")
    assert_same(cells(page), row)
    assert page.locator("#section-0 .interest path.curve").count() == 1


def test_a_polygon_gets_the_numbers_of_the_verb_and_comes_back_from_its_file(
    page: Any, clip: Path, tmp_path: Path
) -> None:
    page.get_by_role("button", name="Draw a polygon").first.click()
    for x, y in ((10, 10), (80, 20), (60, 60), (30, 50)):
        page.mouse.click(*point(page, x, y))
    page.keyboard.press("Backspace")
    page.mouse.click(*point(page, 20, 55))
    page.mouse.click(*point(page, 10, 10))
    before = cells(page)
    path = saved(page, tmp_path)
    assert len(json.loads(path.read_text())["areas"][0]["keyframes"][0]["polygon"]) == 4
    (row,) = measured(clip, path, tmp_path / "aoi")
    assert_same(before, row)
    page.get_by_role("button", name="Remove Area 1").click()
    assert page.locator("#section-0 .interest .wide").is_hidden()
    page.locator("#section-0 input[type=file]").set_input_files(path)
    page.get_by_text("1 area of areas.json").wait_for()
    assert cells(page) == before


def test_what_would_be_refused_is_said_before_it_is_saved(page: Any, tmp_path: Path) -> None:
    page.get_by_role("button", name="Draw a polygon").first.click()
    for x, y in ((10, 10), (80, 50), (80, 10), (10, 50)):
        page.mouse.click(*point(page, x, y))
    page.keyboard.press("Enter")
    status = page.locator("#section-0 .said")
    assert status.inner_text() == "The sides of Area 1 cross: move a corner."
    (tmp_path / "list.json").write_text(
        '{"areas": [{"name": "a", "units": "share", "keyframes": [{"time_seconds": 0}]}]}'
    )
    page.locator("#section-0 input[type=file]").set_input_files(tmp_path / "list.json")
    page.get_by_text("list.json: area 1 has a keyframe that is neither a box nor a polygon").wait_for()
    assert page.locator("#section-0 .interest tbody tr").count() == 1


def test_areas_are_made_by_keyboard_alone(page: Any) -> None:
    page.get_by_role("button", name="Draw a box").first.focus()
    page.keyboard.press("Enter")
    shape = page.locator("#section-0 .areas .shape")
    assert shape.evaluate("(shape) => shape === document.activeElement")
    assert "from 40 % to 60 % of the width" in shape.get_attribute("aria-label")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert "from 35 % to 55 % of the width" in shape.get_attribute("aria-label")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    assert "from 39 % to" not in page.locator("#section-0 .corner").first.get_attribute("aria-label")
    assert "39 % to 60 % of the height" in shape.get_attribute("aria-label")
    assert "of the looks, a lift of" in page.locator("#section-0 .said").inner_text()
    shape.focus()
    page.keyboard.press("Delete")
    assert shape.count() == 0


def test_on_a_small_screen_the_picture_comes_into_view_to_be_drawn_on(page: Any) -> None:
    from playwright.sync_api import expect

    page.set_viewport_size({"width": 360, "height": 420})
    button = page.get_by_role("button", name="Draw a polygon").first
    button.scroll_into_view_if_needed()
    page.mouse.wheel(0, 200)
    button.click()
    tip = page.locator("#section-0 .tip")
    assert tip.inner_text().startswith("Click the corners on the picture")
    expect(page.locator("#section-0 canvas")).to_be_in_viewport(ratio=0.9)
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_two_versions_share_their_areas(page: Any) -> None:
    section = "#section-1"
    page.locator(f"{section} .player").scroll_into_view_if_needed()
    page.locator(f"{section} canvas[aria-label*=' at ']").last.wait_for()
    page.locator(section).get_by_role("button", name="Draw a box").click()
    drag(page, point(page, 10, 20, section), point(page, 50, 50, section))
    assert page.locator(f"{section} .areas .shape").count() == 2
    now_one, now_two, mean_one, mean_two, *_ = cells(page, section=section)
    assert now_one == now_two != "–"
    assert mean_one == mean_two
    assert page.locator(f"{section} .interest path.curve").count() == 2


def test_of_a_long_video_every_second_map_is_kept(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    with open_source(clip) as reader:
        densities = [prediction.map_density for prediction in Follower().stream(reader)]
    monkeypatch.setattr("gfsalnet.report.densities.MEGABYTES_IN_ALL", 10 * densities[0].size / 1e6)
    maps = SmallMaps()
    for density in densities:
        maps.add(density)
    assert maps.every == 4
    assert maps.size_wh == densities[0].shape[::-1]
