from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from follower import FRAMES, Follower, square_x

from gfsalnet.errors import GFSalNetError, SourceError
from gfsalnet.predict import Settings, predict_source
from gfsalnet.report import Version, make_report
from gfsalnet.report.about import limits_of
from gfsalnet.report.hot_spots import hot_spots
from gfsalnet.report.recording import Layout, most_bits_per_second
from gfsalnet.video import open_source


class Reader(HTMLParser):
    """Scripts by their id, and every address that the page names."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: dict[str, str] = {}
        self.addresses: list[str] = []
        self._script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [str(found[name]) for name in ("src", "href") if name in found]
        self._script = found.get("id") or "module" if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def test_the_page_holds_everything_and_fetches_nothing(clip, tmp_path):
    page = tmp_path / "new" / "report.html"
    assert make_report([(Version(source=str(clip), model=Follower()),)], page) == []
    assert [path.name for path in page.parent.iterdir()] == ["report.html"]
    found = read(page)
    assert all(address.startswith("#") for address in found.addresses)
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "<title>square &lt;1&gt;</title>" in text
    about = json.loads(found.scripts["recording-0"])
    assert len(about["times"]) == FRAMES
    assert (about["shots"], about["cuts"], about["offset"], about["duration"]) == ([0, 20], [2.0], 0, 3.0)
    names = [curve["name"] for curve in about["curves"]]
    assert names[0] == "Area of the looks"
    assert "Change that motion makes" in names
    drift = next(curve for curve in about["curves"] if curve["name"].startswith("Drift"))["lines"][0]["points"]
    assert drift[0][1] is None
    # Two pixels of 96 each tenth of a second; the square holds four fifths of the looks.
    assert np.median([value for _, value in drift[1:]]) == pytest.approx(100 * 2 / 96 * 10, rel=0.3)


@pytest.mark.parametrize("part", [(None, None), (1.0, 2.0)])
def test_predict_makes_the_same_page_of_what_it_predicts_anyway(clip, tmp_path, part):
    make_report([(Version(source=str(clip), model=Follower(), part_seconds=part),)], tmp_path / "alone.html")
    settings = Settings(output=tmp_path / "out", save=("csv", "report"), part_seconds=part)
    outcome = predict_source(Follower(), str(clip), settings)
    assert outcome.notes == ()
    pages = [tmp_path / "alone.html", outcome.folder / "report.html"]
    alone, beside = (re.sub("<td>[^<]* UTC</td>", "", page.read_text(encoding="utf-8")) for page in pages)
    assert alone == beside
    assert sorted(path.name for path in outcome.folder.iterdir()) == ["frames.csv", "report.html", "summary.json"]


def test_the_small_video_holds_frame_and_maps_in_step(clip, tmp_path):
    page = tmp_path / "report.html"
    make_report([(Version(source=str(clip), model=Follower()),)], page)
    found = read(page)
    about = json.loads(found.scripts["recording-0"])
    video = tmp_path / "small.mp4"
    video.write_bytes(base64.b64decode(found.scripts["recording-0-video"]))
    with open_source(video) as reader:
        pictures = [frame.rgb for frame in reader]
    assert len(pictures) == FRAMES
    for index in (0, 11, 29):
        parts = {}
        for name, (left, top, width, height) in about["layout"].items():
            parts[name] = pictures[index][top : top + height, left : left + width, 0].astype(int)
        x = square_x(index)
        assert parts["frame"][32, x + 8] > 220
        assert parts["frame"][32, (x + 48) % 96] < 30
        width = parts["levels"].shape[1]
        assert parts["levels"][16, round((x + 8) / 96 * width)] > 150
        assert parts["levels"][2].max() < 30
        assert parts["gate"][16, 1] > 220
        assert parts["gate"][16, -2] < 30


def test_a_part_keeps_the_times_of_its_source(clip, tmp_path):
    page = tmp_path / "report.html"
    make_report([(Version(source=str(clip), model=Follower(), part_seconds=(1.0, 2.0)),)], page)
    about = json.loads(read(page).scripts["recording-0"])
    assert (about["offset"], about["times"][0], len(about["times"]), about["duration"]) == (1.0, 0.0, 10, 1.0)


def test_a_playlist_is_shown_where_it_is_allowed(clip, tmp_path):
    page, script = tmp_path / "report.html", tmp_path / "list.ffconcat"
    (tmp_path / "a.mp4").write_bytes(clip.read_bytes())
    script.write_text("ffconcat version 1.0\nfile 'a.mp4'\n")
    version = Version(source=str(script), model=Follower(), part_seconds=(0.0, 0.5))
    with pytest.raises(SourceError, match="--allow-playlists"):
        make_report([(version,)], page)
    assert make_report([(replace(version, allow_playlists=True),)], page) == []


def test_two_versions_share_a_section_and_a_table_of_differences(clip, tmp_path):
    page = tmp_path / "report.html"
    versions = tuple(Version(source=str(clip), model=Follower(name)) for name in ("one", "two"))
    make_report([versions, versions[:1]], page, title="Both")
    text = page.read_text(encoding="utf-8")
    assert 'data-recording="recording-0,recording-1"' in text
    assert '<th scope="col">difference</th>' in text
    assert re.search(r'<a href="#section-1">', text)
    assert json.loads(read(page).scripts["recording-1"])["title"] == "two"


def test_a_source_that_fails_is_named_and_the_others_are_shown(clip, tmp_path):
    page = tmp_path / "report.html"
    (tmp_path / "text.mp4").write_text("no video")
    bad = Version(source=str(tmp_path / "text.mp4"), model=Follower())
    problems = make_report([(bad,), (Version(source=str(clip), model=Follower()),)], page)
    assert len(problems) == 1
    assert "text.mp4" in problems[0]
    page.unlink()
    with pytest.raises(SourceError):
        make_report([(bad,)], page)
    with pytest.raises(GFSalNetError, match="nothing to report"):
        make_report([(bad,), (bad,)], page)
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


def test_a_folder_that_cannot_be_written_is_one_line(clip, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(GFSalNetError, match="cannot be written"):
        make_report([(Version(source=str(clip), model=Follower()),)], tmp_path / "file" / "report.html")


@pytest.mark.parametrize("size_wh", [(640, 360), (360, 640), (7680, 4320), (9, 8), (8000, 8)])
def test_the_parts_lie_apart_and_inside(size_wh):
    layout = Layout.of(size_wh)
    assert max(layout.frame[2:]) <= 640
    rows = []
    for left, top, width, height in (layout.frame, layout.levels, layout.gate):
        assert left + width <= layout.size_wh[0]
        assert top + height <= layout.size_wh[1]
        rows.append((top, top + height))
    assert rows[0][1] + 16 <= rows[1][0]
    assert layout.levels[0] + layout.levels[2] + 16 <= layout.gate[0]


def test_a_minute_takes_at_most_25_megabytes_and_an_hour_what_a_browser_opens():
    assert most_bits_per_second(60) / 8 * 60 * 4 / 3 <= 25e6
    assert most_bits_per_second(3600) / 8 * 3600 * 4 / 3 <= 251e6
    assert most_bits_per_second(None) > 0


def test_hot_spots_are_where_most_look_and_know_when():
    mean = np.full((9, 16), 0.1 / 144, np.float32)
    mean[1, 2] += 0.6
    mean[7, 14] += 0.3
    every = np.stack([mean, mean])
    every[1, 7, 14], every[1, 1, 2] = 0.6, 0.3
    first, second = hot_spots(mean, every, 16 / 9)[:2]
    assert (first.where, second.where) == ("top left", "bottom right")
    assert first.share == pytest.approx(0.6, abs=0.02)
    assert (first.best_frame, second.best_frame) == (0, 1)


def test_nothing_is_hot_where_all_is_even():
    even = np.full((9, 16), 1 / 144, np.float32)
    assert all(spot.share < 0.15 for spot in hot_spots(even, even[None], 16 / 9))


def test_the_limits_are_those_of_the_model_card():
    assert any("free viewing" in limit for limit in limits_of(Follower("gfsalnet-mobile:appearance")))
    assert limits_of(Follower("unheard-of")) == ()
