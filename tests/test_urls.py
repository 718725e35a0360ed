"""No secret of an address is shown, however the address is written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gfsalnet.errors import SourceError
from gfsalnet.unexpected import unexpected
from gfsalnet.urls import shown_url, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/clip.mp4", "https://h/clip.mp4"),
        ("https://ann@h/clip.mp4", "https://h/clip.mp4"),
        ("https://ann:pa55@h:80/a/clip.mp4?token=pa55&id=1#pa55", "https://h:80/a/clip.mp4"),
        ("https://h/@ann/clip.mp4", "https://h/@ann/clip.mp4"),
        ("https://h?pa55", "https://h"),
        ("https://h/clip.mp4;session=pa55", "https://h/clip.mp4"),
        ("https://ann:p@pa55@h/clip.mp4", "https://h/clip.mp4"),
        ("https://ann:p/pa55@h/clip.mp4", "https://h/clip.mp4"),
        ("https://ann:p?pa55@h/clip.mp4", "https://h/clip.mp4"),
        ("https://ann:p#pa55@h:8080/clip.mp4?pa55", "https://h:8080/clip.mp4"),
        ("rtsp://h:554/user=admin&password=pa55&channel=1", "rtsp://h:554/user=***&password=***&channel=1"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://ann:pa55@[::1]/x", "http://[::1]/x"),
        ("http://[::1/x", "http://[::1/x"),
        ("http:/ann:pa55@h/x?pa55", "http:/h/x"),
    ],
)
def test_what_is_shown_of_an_address(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    assert shown_url(shown) == shown


def test_a_text_with_addresses() -> None:
    text = "opening 'http://a:pa55@h/x?t=pa55' failed, not file.mp4 (see rtmp://h/y?pa55)"
    assert without_secrets("C:/Users/a@b/x?.mp4, ./a:b.mp4?") == "C:/Users/a@b/x?.mp4, ./a:b.mp4?"
    assert without_secrets("http:/ann:pa55@h/x.mp4?pa55 is missing") == "http:/h/x.mp4 is missing"
    assert without_secrets(text) == "opening 'http://h/x' failed, not file.mp4 (see rtmp://h/y"


def test_errors_and_reports_repeat_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://ann:pa55@h/x.mp4?key=pa55"
    error = SourceError(url, f"cannot open {url}", "Try again")
    assert str(error) == "http://h/x.mp4: cannot open http://h/x.mp4. Try again."
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["gfsalnet", "predict", url])
    try:
        raise ValueError(f"no {url}")
    except ValueError as caught:
        line = str(unexpected(url, caught))
    (report,) = (tmp_path / "reports").iterdir()
    text = report.read_text()
    assert json.JSONDecoder().raw_decode(text)[0]["argv"][2] == "http://h/x.mp4"
    assert "no http://h/x.mp4" in text
    assert "pa55" not in line + text
