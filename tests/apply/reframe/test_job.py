"""A video in another aspect: every frame, its time, its sound, and what bad input becomes."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gfsalnet.apply.reframe import Aspect, PlanSettings, Reframed, ReframeSettings, reframe
from gfsalnet.errors import OutputError, SourceError
from gfsalnet.files import write_png
from gfsalnet.models import SaliencyModel
from gfsalnet.predict import Settings, predict_source
from gfsalnet.video import frame_times, open_source

UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
TURNED = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
"""Matrices of an MP4's track header: none, and a quarter to the right."""
NEVER_WHOLE = PlanSettings(whole_below=0)


@pytest.fixture
def make(tmp_path: Path, model: SaliencyModel) -> Callable[..., Reframed]:
    def made(
        source: Path,
        aspect: str = "9:16",
        part: tuple[float | None, float | None] = (None, None),
        plan: PlanSettings = NEVER_WHOLE,
        **more: Any,
    ) -> Reframed:
        settings = ReframeSettings(aspect=Aspect.parse(aspect), plan=plan, **more)
        with open_source(source, start_seconds=part[0], end_seconds=part[1]) as reader:
            folder = tmp_path / "out" / source.stem / "reframe"
            return reframe(reader, model, folder, settings, output=tmp_path / "out", part_seconds=part)

    return made


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def disc_at(rgb: np.ndarray) -> float:
    light = np.maximum(rgb.mean(2) - 200, 0).sum(0)
    return float((light * (np.arange(len(light)) + 0.5)).sum() / max(light.sum(), 1))


def test_the_crop_follows_a_disc_and_cuts_at_once(make, encode, draw) -> None:
    travel = [draw(30 + 2 * k, 45) for k in range(45)]
    after = [draw(20, 20, ground=130)] * 20
    result = make(encode("clip.mp4", [*travel, *after]))
    assert [view.view for view in result.views] == ["moving", "still"]
    found = pictures(result.folder / "reframed.mp4")
    assert len(found) == 65 == result.frames
    assert {one.shape for one in found} == {(90, 50, 3)}
    assert all(6 < disc_at(one) < 44 for one in found[:45])  # its middle is well in view
    assert disc_at(found[45]) == pytest.approx(disc_at(found[-1]), abs=0.1)
    path = json.loads((result.folder / "path.json").read_text())
    assert [shot["frames"] for shot in path["shots"]] == [45, 20]
    assert len(path["shots"][1]["path"]) == 1
    for shot in path["shots"]:
        places = [(entry["x"], entry["y"]) for entry in shot["path"]]
        assert all(before != after for before, after in pairwise(places))
    first = path["shots"][0]["path"][0]
    assert first == {"frame_index": 0, "time_seconds": 0.0, "x": pytest.approx(12, abs=12), "y": 0}
    summary = json.loads((result.folder / "summary.json").read_text())
    assert summary["outputs"] == ["crop.cmd", "filter.txt", "path.json", "reframed.mp4"]


def test_predictions_that_are_there_are_used(make, encode, draw, model, tmp_path, monkeypatch) -> None:
    clip = encode("clip.mp4", [draw(100, 45)] * 8)
    predict_source(model, str(clip), Settings(output=tmp_path / "out", save=("csv", "npz")))
    monkeypatch.setattr(type(model), "stream", lambda *arguments: pytest.fail("the model was asked"))
    assert make(clip).kept_share > 0.9


def test_every_sound_track_is_kept(make, encode, draw) -> None:
    result = make(encode("clip.mkv", [draw(80, 45)] * 20, tones_hz=(440, 880)))
    with av.open(str(result.folder / "reframed.mp4")) as container:
        assert len(container.streams.audio) == 2
        pitches = []
        for number in range(2):
            container.seek(0)
            sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=number)])
            pitches.append(np.abs(np.fft.rfft(sound[:48_000])).argmax())
    assert pitches == pytest.approx([440, 880], abs=3)
    assert result.notes == []


def test_uneven_times_are_kept(make, encode, draw) -> None:
    stamps = [0, 40, 200, 240, 280, 1000, 1010, 1500]
    clip = encode("vfr.mkv", [draw(80, 45)] * 8, stamps=stamps)
    np.testing.assert_allclose(frame_times(make(clip).folder / "reframed.mp4"), np.array(stamps) / 1000, atol=1e-3)


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [
        ((160, 90), "21:9", (160, 68)),
        ((90, 160), "16:9", (90, 50)),
        ((161, 91), "1:1", (90, 90)),
        ((160, 90), "16:9", (160, 90)),
    ],
)
def test_any_aspect_of_any_size(make, encode, draw, size, aspect, expected) -> None:
    clip = encode("odd.mkv", [draw(size[0] / 2, size[1] / 2, size)] * 3, codec="ffv1", pixel_format="bgr0")
    found = pictures(make(clip, aspect).folder / "reframed.mp4")
    assert [one.shape[1::-1] for one in found] == [expected] * 3


def test_ten_bits_and_one_frame(make, encode, draw) -> None:
    result = make(encode("one.mp4", [draw(120, 45)], pixel_format="yuv420p10le"))
    (found,) = pictures(result.folder / "reframed.mp4")
    assert disc_at(found) == pytest.approx(25, abs=6)
    assert result.views[0].view == "still"


def test_a_turned_video_is_cropped_as_it_is_seen(make, encode, draw) -> None:
    clip = encode("turned.mp4", [draw(120, 45)] * 3)
    upright, turned = (struct.pack(">9i", *rows) for rows in (UPRIGHT, TURNED))
    content = clip.read_bytes()
    track = content.index(b"tkhd")
    clip.write_bytes(content[:track] + content[track:].replace(upright, turned, 1))
    found = pictures(make(clip, "1:1").folder / "reframed.mp4")
    assert {one.shape for one in found} == {(90, 90, 3)}
    assert disc_at(found[0]) == pytest.approx(45, abs=1)  # of a portrait, the crop moves up and down
    assert disc_at(found[0].transpose(1, 0, 2)) == pytest.approx(45, abs=12)


def test_a_picture_becomes_a_picture(make, draw, tmp_path) -> None:
    write_png(tmp_path / "photo.png", draw(130, 45))
    result = make(tmp_path / "photo.png", "1:1")
    assert sorted(path.name for path in result.folder.iterdir()) == ["path.json", "reframed.png", "summary.json"]


def test_an_excerpt_starts_where_it_is_told_to(make, encode, draw) -> None:
    clip = encode("clip.mkv", [draw(80, 45)] * 20, tones_hz=(440,))
    result = make(clip, part=(0.5, 1.5))
    assert result.frames == 10
    times = frame_times(result.folder / "reframed.mp4")
    assert (times[0], len(times)) == (0, 10)
    path = json.loads((result.folder / "path.json").read_text())
    assert path["shots"][0]["path"][0]["frame_index"] == 5


def test_what_fails_leaves_nothing(make, encode, draw, tmp_path, monkeypatch) -> None:
    clip = encode("clip.mp4", [draw(80, 45)] * 3)
    with pytest.raises(SourceError, match="less extreme"):
        make(clip, "1:99")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gfsalnet.apply.reframe.job.VideoWriter.write", full)
    with pytest.raises(OutputError, match="No space left"):
        make(clip)
    assert not (tmp_path / "out" / "clip").exists()


@pytest.mark.slow
@pytest.mark.parametrize("bars", ["black", "blur"])
def test_ffmpeg_makes_the_same_of_its_files(make, encode, draw, bars) -> None:
    """The commands and the filters, in FFmpeg as PyAV brings it."""
    travel = [draw(30 + 2 * k, 45) for k in range(40)]
    apart = [np.maximum(draw(12, 60, ground=130), draw(148, 30, ground=130))] * 12
    clip = encode("clip.mp4", [*travel, *apart])
    result = make(clip, bars=bars, plan=PlanSettings(whole_below=0.6))
    assert [view.view for view in result.views] == ["moving", "whole"]
    theirs = filtered(clip, result.folder)
    ours = pictures(result.folder / "reframed.mp4")
    assert len(theirs) == len(ours)
    for one, other in zip(theirs, ours, strict=True):
        assert np.abs(one.astype(float) - other).mean() < 6  # FFmpeg goes by every second pixel


def filtered(clip: Path, folder: Path) -> list[np.ndarray]:
    """The frames that the graph in `filter.txt` makes, put together link by link."""
    text = (folder / "filter.txt").read_text().replace("f=crop.cmd", f"f={folder / 'crop.cmd'}")
    graph, open_ends = av.filter.Graph(), {}
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        source = graph.add_buffer(template=stream)
        open_ends["0:v"] = (source, 0)
        for chain in text.strip().split(";\n"):
            inputs, rest = [], chain
            while rest.startswith("["):
                label, rest = rest[1:].split("]", 1)
                inputs.append(open_ends.pop(label))
            filters, *outputs = rest.replace("]", "").split("[")
            for one in split_filters(filters):
                name, _, arguments = one.partition("=")
                node = graph.add(
                    name, arguments.replace("'", "").replace(",", "\\,") if name == "overlay" else arguments
                )
                for place, (before, pad) in enumerate(inputs):
                    before.link_to(node, pad, place)
                inputs = [(node, 0)]
            for pad, label in enumerate(outputs):
                open_ends[label] = (inputs[0][0], pad)
        sink = graph.add("buffersink")
        open_ends.pop("v")[0].link_to(sink)
        graph.configure()
        found = []
        for frame in container.decode(stream):
            graph.push(frame)
            while True:
                try:
                    found.append(graph.pull().to_ndarray(format="rgb24"))
                except (av.BlockingIOError, av.EOFError):
                    break
        graph.push(None)
        while True:
            try:
                found.append(graph.pull().to_ndarray(format="rgb24"))
            except (av.BlockingIOError, av.EOFError):
                return found


def split_filters(chain: str) -> list[str]:
    """At the commas outside of quotes."""
    parts, quoted = [""], False
    for sign in chain:
        quoted ^= sign == "'"
        if sign == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_one_line_and_no_endless_wait(make, encode, draw, tmp_path) -> None:
    clip, pipe = encode("clip.mkv", [draw(80, 45)] * 3), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["cp", str(clip), str(pipe)], stderr=subprocess.DEVNULL)
    with pytest.raises(SourceError, match="can be read only once"):
        make(pipe)
    writer.wait(10)


def test_rates_are_those_of_the_source(make, encode, draw) -> None:
    clip = encode("clip.mp4", [draw(80, 45)] * 5, rate=25, stamps=[0, 40, 80, 120, 160])
    with av.open(str(make(clip).folder / "reframed.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(25)
