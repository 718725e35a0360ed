from __future__ import annotations

import gc
import os
import threading
import weakref
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.types import Frame
from gfsalnet.video import MAX_PIXELS, container, open_source

FASTSTART = {"movflags": "faststart"}


def read(path):
    with open_source(str(path)) as reader:
        return list(reader), reader.info, reader.report


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.mp4", {}),
        ("a.mov", {"codec": "mpeg4"}),
        ("a.mkv", {"codec": "ffv1"}),
        ("a.webm", {"codec": "libvpx-vp9"}),
        ("a.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
        ("xvid.avi", {"codec": "mpeg4", "options": {"bf": "2"}}),
        ("a.ts", {"codec": "mpeg2video"}),
        ("a.flv", {}),
        ("a.h264", {"format": "h264"}),
        ("a.gif", {"codec": "gif", "pixel_format": "rgb8"}),
        ("a.y4m", {"codec": "rawvideo"}),
        ("frag.mp4", {"muxer": {"movflags": "frag_keyframe+empty_moov"}}),
        ("a b:c%03d é.mp4", {}),
    ],
)
def test_every_frame_of_a_whole_file_comes_and_none_is_missed(encode, name, arguments):
    frames, info, report = read(encode(name, 13, **arguments))
    assert [frame.index for frame in frames] == list(range(13))
    np.testing.assert_allclose([frame.time_seconds for frame in frames], np.arange(13) / 25, atol=0.006)
    assert frames[0].time_seconds == 0
    assert (info.size_wh, info.kind, info.has_audio, info.is_live) == ((96, 64), "video", False, False)
    assert info.rate == 25
    # FFmpeg before 8 starts the time of fragments with the frames that reordering puts off.
    tolerance = 0 if info.path.suffix in (".mp4", ".avi") and name != "frag.mp4" else 2
    assert info.estimated_frames is None or abs(info.estimated_frames - 13) <= tolerance
    assert (report.frames_read, report.frames_lost, report.damage) == (13, 0, None)


def test_info_of_a_file(encode):
    _, info, _ = read(encode("clip.mp4", 30, rate=Fraction(30000, 1001), audio="aac"))
    assert (info.name, info.rate, info.estimated_frames, info.has_audio) == ("clip", Fraction(30000, 1001), 30, True)
    assert info.duration_seconds == pytest.approx(30 * 1001 / 30000)
    assert info.path is not None
    assert info.path.name == "clip.mp4"


@pytest.mark.parametrize(("pixel_format", "codec"), [("yuv420p10le", "ffv1"), ("gray", "ffv1"), ("gray16le", "ffv1")])
def test_deep_and_grey_pixels_become_rgb(encode, picture, pixel_format, codec):
    frames, _, _ = read(encode("a.mkv", 2, codec=codec, pixel_format=pixel_format))
    expected = picture(1).astype(float)
    if "gray" in pixel_format:
        expected = np.repeat(expected @ [[0.299], [0.587], [0.114]], 3, axis=2)
        assert (frames[1].rgb[..., 0] == frames[1].rgb[..., 2]).all()
    # Chroma is subsampled, the noise patch therefore not comparable.
    difference = np.abs(frames[1].rgb[:30] - expected[:30])
    assert np.median(difference) <= 2


def test_odd_sizes_and_one_frame(encode):
    frames, info, report = read(encode("a.mkv", 1, codec="ffv1", pixel_format="yuv444p", size_wh=(33, 17)))
    assert [frame.rgb.shape for frame in frames] == [(17, 33, 3)]
    assert info.size_wh == (33, 17)
    assert (report.frames_read, report.frames_lost) == (1, 0)


def test_variable_frame_rate_keeps_its_times(encode):
    stamps = [0, 40, 60, 200, 201, 500]
    path = encode("vfr.mkv", 6, codec="ffv1", stamps=stamps, time_base=Fraction(1, 1000))
    frames, _, _ = read(path)
    np.testing.assert_allclose([frame.time_seconds for frame in frames], np.array(stamps) / 1000)


def test_stream_that_starts_late_starts_at_zero(encode):
    frames, _, _ = read(encode("late.ts", 5, codec="mpeg2video", stamps=range(50, 55)))
    np.testing.assert_allclose([frame.time_seconds for frame in frames], np.arange(5) / 25, atol=1e-6)


def test_edit_list_hides_frames_without_a_false_alarm(encode):
    path = encode("edit.mp4", 20, codec="mpeg4", stamps=range(-6, 14), options={"g": "5"})
    frames, _, report = read(path)
    assert 14 <= len(frames) <= 15
    assert (report.frames_lost, report.damage) == (0, None)


def test_several_streams_the_first_is_read_and_covers_are_not_video(tmp_path, picture):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as target:
        streams = []
        for size_wh in ((32, 16), (96, 64)):
            stream = target.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
            streams.append((stream, size_wh))
        for index in range(4):
            for stream, size_wh in streams:
                frame = av.VideoFrame.from_ndarray(picture(index, size_wh)).reformat(format="yuv420p")
                frame.pts = index
                target.mux(stream.encode(frame))
        for stream, _ in streams:
            target.mux(stream.encode(None))
    frames, info, report = read(path)
    assert (info.size_wh, len(frames), report.frames_lost) == ((32, 16), 4, 0)


def test_a_title_in_another_encoding_is_no_obstacle(encode):
    path = encode("a.mkv", setup=lambda stream: stream.metadata.update(title="KAFX"))
    data = path.read_bytes()
    assert b"KAFX" in data
    path.write_bytes(data.replace(b"KAFX", b"KAF\xe9"))
    assert len(read(path)[0]) == 12


def make_album(path, picture):
    """Sound with a cover picture, as music files have it."""
    with av.open(str(path), "w", format="mp4") as target:
        sound = target.add_stream("aac", rate=48_000, layout="mono")
        cover = target.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 96, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic.value  # PyAV before 18 takes numbers only
        frame = av.VideoFrame.from_ndarray(picture(0)).reformat(format="yuvj420p")
        frame.pts = 0
        target.mux(cover.encode(frame))
        target.mux(cover.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.pts = 48_000, 0
        target.mux(sound.encode(silence))
        target.mux(sound.encode(None))


@pytest.mark.skipif(not hasattr(av.stream, "Disposition"), reason="this PyAV tells no covers")
def test_a_cover_picture_is_no_video(tmp_path, picture):
    make_album(tmp_path / "song.mp4", picture)
    with pytest.raises(SourceError, match="sound but no video"):
        open_source(str(tmp_path / "song.mp4"))


def test_audio_only(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("aac", rate=48_000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.pts = 48_000, 0
        target.mux(stream.encode(silence))
        target.mux(stream.encode(None))
    with pytest.raises(SourceError, match=r"sound\.mp4: it holds sound but no video\. Give"):
        open_source(str(path))


@pytest.mark.parametrize("name", ["notes.mp4", "notes.txt", "notes.mkv"])
def test_text_is_refused_under_any_name(tmp_path, name):
    (tmp_path / name).write_text("Dear diary,\n" * 200)
    with pytest.raises(SourceError, match=r"FFmpeg can read|text file"):
        open_source(str(tmp_path / name))


def test_mp4_without_its_index(encode, tmp_path):
    data = encode("a.mp4", 12).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="index of this MP4 is missing"):
        open_source(str(tmp_path / "cut.mp4"))


def test_no_frame_can_be_decoded(encode, tmp_path):
    data = bytearray(encode("a.mp4", 3, muxer=FASTSTART).read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    (tmp_path / "blank.mp4").write_bytes(data)
    with pytest.raises(SourceError, match="no frame of it can be decoded"):
        open_source(str(tmp_path / "blank.mp4"))


@pytest.mark.parametrize("size_wh", [(6, 64), (64, 4)])
def test_tiny_video(encode, size_wh):
    path = encode("tiny.mkv", 2, codec="ffv1", pixel_format="yuv444p", size_wh=size_wh)
    with pytest.raises(SourceError, match=f"{size_wh[0]}x{size_wh[1]} pixels is too small"):
        open_source(str(path))


def test_absurd_size_is_refused_before_decoding(encode, monkeypatch):
    path = encode("a.mp4", 2)
    monkeypatch.setenv("GFSALNET_MAX_PIXELS", str(96 * 64 - 1))
    monkeypatch.setattr(container.ContainerReader, "_feed", None)
    with pytest.raises(SourceError, match="too large"):
        open_source(str(path))
    assert MAX_PIXELS > 7680 * 4320


@pytest.mark.slow
def test_8k(encode):
    wide = np.zeros((4320, 7680, 3), np.uint8)
    wide[:, :3840] = (200, 100, 50)
    frames, info, _ = read(encode("8k.avi", codec="mjpeg", pixel_format="yuvj420p", frames=[wide] * 2))
    assert (info.size_wh, len(frames)) == ((7680, 4320), 2)
    assert np.abs(frames[1].rgb[2000, 1000].astype(int) - (200, 100, 50)).max() <= 4


def test_frame_size_that_changes_is_scaled_to_the_first_and_noted(encode, tmp_path, picture):
    first, second = encode("1.ts", 5), encode("2.ts", 5, size_wh=(64, 48))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames, info, report = read(joined)
    assert info.size_wh == (96, 64)
    assert [frame.rgb.shape for frame in frames] == [(64, 96, 3)] * 10
    np.testing.assert_allclose([frame.time_seconds for frame in frames], np.arange(10) / 25, atol=1e-3)
    assert (report.frames_lost, report.damage) == (0, None)
    assert report.notes == ["the frame size changes from 96x64 to 64x48 at frame 5: all are scaled to 96x64"]
    wanted = cv2.resize(picture(0, (64, 48)), (96, 64))
    assert np.abs(frames[5].rgb[:32].astype(int) - wanted[:32]).mean() < 12


def test_time_runs_on_where_recordings_are_joined(encode, tmp_path):
    part = encode("1.ts", 50, codec="mpeg2video").read_bytes()
    (tmp_path / "joined.ts").write_bytes(part + part)
    frames, _, report = read(tmp_path / "joined.ts")
    times = np.array([frame.time_seconds for frame in frames])
    assert len(times) == 100
    np.testing.assert_allclose(np.diff(times), 1 / 25, atol=1e-6)
    assert report.damage is None


def test_anamorphic_pixels_are_kept_and_reported(encode):
    def squeeze(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)

    frames, info, _ = read(encode("dvd.mkv", 2, codec="mpeg4", setup=squeeze))
    assert frames[0].rgb.shape == (64, 96, 3)
    assert info.pixel_aspect == Fraction(16, 11)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(encode, monkeypatch):
    alive: weakref.WeakSet[Frame] = weakref.WeakSet()
    most = 0

    def counted(*arguments, **keywords):
        frame = Frame(*arguments, **keywords)
        alive.add(frame)
        return frame

    path = encode("long.mp4", 300)
    monkeypatch.setattr(container, "Frame", counted)
    with open_source(str(path)) as reader:
        for _ in reader:
            most = max(most, len(alive))
            assert len(reader._decoded) <= 24
    gc.collect()
    assert most <= 2


def test_closed_reader_yields_no_more(encode):
    reader = open_source(str(encode("a.mp4", 12)))
    frames = iter(reader)
    next(frames)
    reader.close()
    assert list(frames) == []
    assert reader.report.frames_lost == 0


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX's")
def test_a_pipe_is_read_as_it_comes(encode, tmp_path):
    data, pipe = encode("a.ts", 6, codec="mpeg2video").read_bytes(), tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True).start()
    frames, info, _ = read(pipe)
    assert (len(frames), info.path) == (6, None)


def test_real_clips_are_whole(some_real_clips):
    for path in some_real_clips:
        with open_source(str(path)) as reader:
            times = [frame.time_seconds for frame in reader]
        assert len(times) == reader.info.estimated_frames, path.name
        assert (reader.report.frames_lost, reader.report.damage) == (0, None), path.name
        assert times[0] == 0
        np.testing.assert_allclose(np.diff(times), float(1 / reader.info.rate), atol=1e-6, err_msg=path.name)


@pytest.mark.slow
def test_frames_are_let_go_without_the_garbage_collector(encode):
    """PyAV's frames may refer to themselves, and the collector counts objects, not their megabytes."""
    path = encode("clip.mp4", 30)
    gc.collect()
    gc.disable()
    try:
        with open_source(str(path)) as reader:
            assert len(list(map(id, reader))) == 30
        left = [thing for thing in gc.get_objects() if isinstance(thing, av.VideoFrame)]
    finally:
        gc.enable()
    assert len(left) <= 3  # the first, whose side data was looked at, and what the decoder fills next


def test_decoded_frames_are_as_they_are_stored(encode):
    path = encode("ten.mkv", 5, codec="libx264", pixel_format="yuv420p10le", options={"qp": "0"})
    with open_source(path) as reader, open_source(path) as other:
        stored = list(reader.decoded())
        times = [frame.time_seconds for frame in other]
    assert [frame.format.name for frame, _ in stored] == ["yuv420p10le"] * 5
    assert [seconds for _, seconds in stored] == times
    assert reader.report.frames_read == 5


def test_fragments_whose_time_begins_late_are_as_long_as_their_pictures(encode):
    path = encode("a.mp4", 50, options={"g": "10", "bf": "2"}, muxer={"movflags": "frag_keyframe+empty_moov"})
    data, late = bytearray(path.read_bytes()), 5859 * 12_800
    at = data.find(b"tfdt")
    while at >= 0:  # a version and flags, then the time in 64 bits
        data[at + 8 : at + 16] = (int.from_bytes(data[at + 8 : at + 16], "big") + late).to_bytes(8, "big")
        at = data.find(b"tfdt", at + 4)
    path.write_bytes(data)
    with open_source(str(path)) as reader:
        assert sum(1 for _ in reader) == 50
    assert reader.info.duration_seconds == pytest.approx(2.0, abs=0.1)
    assert reader.report.damage is None
