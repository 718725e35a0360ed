from __future__ import annotations

import resource
import signal
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from gfsalnet.errors import OutputError
from gfsalnet.video import VideoWriter, open_source

SIZE_WH = (96, 64)


def write(path, picture, times, *, size_wh=SIZE_WH, rate=Fraction(25), **options):
    with VideoWriter(path, size_wh=size_wh, rate=rate, **options) as writer:
        for index, time_seconds in enumerate(times):
            writer.write(picture(index, size_wh), time_seconds)
    return path


def read_times(path):
    with open_source(str(path)) as reader:
        return [frame.time_seconds for frame in reader], reader.info


def rounded(seconds, tick):
    return float(seconds if tick is None else round(seconds / tick) * tick)


@pytest.mark.parametrize(
    "rate",
    [Fraction(30000, 1001), Fraction(179, 6), Fraction(12), Fraction(25, 2), Fraction(24000, 1001), Fraction(60)],
)
@pytest.mark.parametrize("tick", [None, Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 11_456)])
def test_a_steady_rate_is_kept_exactly(tmp_path, picture, rate, tick):
    times = [rounded(index / rate, tick) for index in range(37)]
    path = write(tmp_path / "a.mp4", picture, times, rate=rate, time_base=tick)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.average_rate, stream.frames, stream.start_time) == (rate, 37, 0)
    np.testing.assert_allclose(read_times(path)[0], [float(index / rate) for index in range(37)], atol=1e-9)


@pytest.mark.parametrize("tick", [None, Fraction(1, 1000), Fraction(1, 12_800)])
def test_variable_times_are_kept(tmp_path, picture, tick):
    stamps = np.cumsum([0, 40, 7, 300, 33, 34, 33, 1000, 16])
    times = [rounded(Fraction(int(stamp), 1000), tick) for stamp in stamps]
    got, _ = read_times(write(tmp_path / "a.mp4", picture, times, rate=Fraction(10), time_base=tick))
    np.testing.assert_allclose(got, times, atol=1e-9)


def test_times_that_do_not_grow_are_moved_by_a_tick(tmp_path, picture):
    got, _ = read_times(write(tmp_path / "a.mp4", picture, [0, 0, 0.04, 0.03]))
    assert len(got) == 4
    np.testing.assert_allclose(got, [0, 0, 0.04, 0.04], atol=1e-3)


def test_one_frame(tmp_path, picture):
    path = write(tmp_path / "a.mp4", picture, [0.0], rate=Fraction(30000, 1001))
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)
        assert container.duration == pytest.approx(1e6 * 1001 / 30000, abs=1000)


def test_odd_sizes_repeat_their_edge(tmp_path, picture):
    with open_source(str(write(tmp_path / "a.mp4", picture, [0, 0.04], size_wh=(33, 17), crf=1))) as reader:
        assert reader.info.size_wh == (34, 18)
        rgb = next(iter(reader)).rgb.astype(int)
    assert np.abs(rgb[:, 33] - rgb[:, 32]).max() <= 12
    assert np.abs(rgb[17] - rgb[16]).max() <= 12


def test_format_colours_and_index_first(tmp_path):
    colours = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128)], np.uint8)
    image = np.repeat(np.repeat(colours[None], 64, axis=0), 32, axis=1)
    path = write(tmp_path / "a.mp4", lambda *_: image, [0, 0.04, 0.08], size_wh=(192, 64))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        tags = context.colorspace, context.color_primaries, context.color_trc, context.color_range
        assert tags == (1, 1, 1, 1)
    with open_source(str(path)) as reader:
        seen = next(iter(reader)).rgb[32, 16::32]
    assert np.abs(seen.astype(int) - colours).max() <= 4


def test_pictures_survive_and_anamorphic_pixels_too(tmp_path, picture):
    path = write(tmp_path / "a.mp4", picture, [index / 25 for index in range(10)], pixel_aspect=Fraction(4, 3))
    with open_source(str(path)) as reader:
        assert reader.info.pixel_aspect == Fraction(4, 3)
        for frame in reader:
            assert np.abs(frame.rgb[:30].astype(int) - picture(frame.index)[:30]).mean() < 6


def test_an_exception_removes_the_file(tmp_path, picture):
    path = tmp_path / "a.mp4"

    def stop(index, size_wh):
        if index == 3:
            raise RuntimeError("stop")
        return picture(index, size_wh)

    with pytest.raises(RuntimeError, match="stop"):
        write(path, stop, [0, 0.04, 0.08, 0.12])
    assert list(tmp_path.iterdir()) == []


def test_nothing_written_is_a_mistake(tmp_path):
    with (
        pytest.raises(ValueError, match="no frame"),
        VideoWriter(tmp_path / "a.mp4", size_wh=SIZE_WH, rate=Fraction(1)),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_wrong_shape_is_a_mistake(tmp_path, picture):
    with VideoWriter(tmp_path / "a.mp4", size_wh=SIZE_WH, rate=Fraction(25)) as writer:
        writer.write(picture(0), 0)
        with pytest.raises(ValueError, match=r"\(64, 96, 3\), not \(96, 64, 3\)"):
            writer.write(picture(0, (64, 96)), 0.04)


def test_folder_that_is_missing_or_no_folder(tmp_path):
    with pytest.raises(OutputError, match="Make its folder first"):
        VideoWriter(tmp_path / "no" / "a.mp4", size_wh=SIZE_WH, rate=Fraction(25))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        VideoWriter(tmp_path / "file" / "a.mp4", size_wh=SIZE_WH, rate=Fraction(25))


@pytest.mark.parametrize("limit_bytes", [0, 3000, 20_000])
def test_full_disk(tmp_path, picture, limit_bytes):
    """A limit on file sizes fails writes as a full disk does."""
    path, before = tmp_path / "a.mp4", resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        with pytest.raises(OutputError, match=r"a\.mp4: cannot be written"):
            write(path, picture, [index / 25 for index in range(120)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not path.exists()


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    """On processors with AVX-512, x264 left alone makes about four different files in ten."""
    rng = np.random.default_rng(0)
    still = cv2.GaussianBlur(rng.integers(0, 255, (330, 420, 3), np.uint8), (0, 0), 2)
    frames = [np.ascontiguousarray(still[i : i + 288, 2 * i : 2 * i + 352]) for i in range(30)]
    made = set()
    for number in range(8):
        with VideoWriter(tmp_path / f"{number}.mp4", size_wh=(352, 288), rate=Fraction(30), crf=25) as writer:
            for index, rgb in enumerate(frames):
                writer.write(rgb, index / 30)
        made.add((tmp_path / f"{number}.mp4").read_bytes())
    assert len(made) == 1
