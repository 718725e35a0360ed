"""Whether everybody can use a report: axe-core finds nothing, and it fits a small screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_on_a_report_with_areas(
    browser: Any, report: Path, scheme: str, width: int, violations: Callable[[Any], list[str]]
) -> None:
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(report.as_uri())
    assert violations(page) == []
    for section in page.locator("[data-recording]").all():
        for name in ("Draw a box", "Draw a polygon"):
            section.get_by_role("button", name=name).focus()
            page.keyboard.press("Enter")
        section.locator(".interest td.number").first.wait_for()
    for summary in page.locator("summary").all():
        summary.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
