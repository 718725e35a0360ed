from __future__ import annotations

import random

import pytest

from gfsalnet.video import open_source

FASTSTART = {"movflags": "faststart"}
COUNT = 75


def read(path):
    with open_source(str(path)) as reader:
        return [frame.index for frame in reader], reader.report


def cut(path, share):
    data = path.read_bytes()
    short = path.with_name("cut" + path.suffix)
    short.write_bytes(data[: int(len(data) * share)])
    return short


def spoil(path, share, length=150):
    """Overwrite part of the file with noise."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * share)
    data[start : start + length] = random.Random(0).randbytes(length)
    bad = path.with_name("bad" + path.suffix)
    bad.write_bytes(data)
    return bad


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize("share", [0.35, 0.6, 0.97])
def test_truncated_mp4_counts_what_is_lost_exactly(encode, codec, share):
    frames, report = read(cut(encode("a.mp4", COUNT, codec=codec, muxer=FASTSTART), share))
    assert 0 < len(frames) < COUNT
    assert frames == list(range(len(frames)))
    assert (report.frames_read, report.frames_lost) == (len(frames), COUNT - len(frames))
    assert report.damage == f"truncated after frame {frames[-1]}"


def test_truncated_avi_counts_exactly(encode):
    frames, report = read(cut(encode("a.avi", COUNT, codec="mjpeg", pixel_format="yuvj420p"), 0.6))
    assert 0.4 * COUNT < len(frames) < 0.7 * COUNT
    assert report.frames_lost == COUNT - len(frames)
    assert report.damage == f"truncated after frame {frames[-1]}"


def test_truncated_matroska_estimates_from_the_duration(encode):
    frames, report = read(cut(encode("a.mkv", COUNT, codec="ffv1"), 0.4))
    assert report.frames_lost == pytest.approx(COUNT - len(frames), abs=2)
    assert report.damage == f"truncated after frame {frames[-1]}"


def test_truncated_flash_video(encode):
    frames, report = read(cut(encode("a.flv", COUNT, codec="flv1"), 0.5))
    assert report.frames_lost == pytest.approx(COUNT - len(frames), abs=3)
    assert report.damage is not None


def test_truncated_transport_stream_ends_normally(encode):
    frames, report = read(cut(encode("a.ts", COUNT, codec="mpeg2video"), 0.5))
    assert len(frames) > COUNT / 3
    assert report.frames_lost == 0  # it promises no length


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("a.mp4", "libx264", "yuv420p"), ("a.mp4", "mjpeg", "yuvj420p"), ("a.avi", "mjpeg", "yuvj420p")],
)
def test_a_spoilt_packet_is_skipped_and_counted(encode, name, codec, pixel_format):
    path = encode(name, COUNT, codec=codec, pixel_format=pixel_format, muxer=FASTSTART if "mp4" in name else {})
    frames, report = read(spoil(path, 0.5))
    assert len(frames) >= COUNT - 6
    assert frames == list(range(len(frames)))
    assert report.frames_lost == COUNT - len(frames)
    if report.frames_lost:
        assert "could not be decoded" in report.damage


def test_frames_patched_up_by_the_decoder_are_mentioned_and_not_lost(encode):
    frames, report = read(spoil(encode("a.mp4", COUNT, codec="mpeg4", muxer=FASTSTART), 0.5, 40))
    assert len(frames) + report.frames_lost == COUNT
    assert "with errors" in report.damage or "could not" in report.damage


@pytest.mark.parametrize(("end_frame", "is_met"), [(COUNT // 4, False), (COUNT - 5, True)])
def test_damage_is_known_without_reading_to_the_end(encode, end_frame, is_met):
    path = spoil(encode("a.mp4", COUNT, codec="mjpeg", pixel_format="yuvj420p", muxer=FASTSTART), 0.5, 3000)
    with open_source(str(path), end_seconds=end_frame / 25) as reader:
        frames = list(reader)
    assert len(frames) + reader.report.frames_lost == end_frame
    assert (reader.report.damage is not None) == (reader.report.is_short or reader.report.frames_damaged > 0) == is_met


def test_times_keep_their_places_around_a_gap(encode):
    path = encode("a.mp4", COUNT, codec="mjpeg", pixel_format="yuvj420p", muxer=FASTSTART)
    with open_source(str(spoil(path, 0.5, 3000))) as reader:
        times = [round(frame.time_seconds * 25) for frame in reader]
    assert times[-1] == COUNT - 1
    assert len(times) < COUNT


@pytest.mark.parametrize("sound_seconds", [0.5, 8])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.avi"])
def test_sound_of_another_length_is_no_damage(encode, name, sound_seconds):
    path = encode(name, COUNT, codec="mpeg4", audio="libmp3lame", audio_seconds=sound_seconds)
    frames, report = read(path)
    assert (len(frames), report.frames_lost, report.damage) == (COUNT, 0, None)


def test_a_recording_that_was_never_finished_is_no_damage(encode):
    frames, report = read(encode("live.mkv", 20, codec="ffv1", muxer={"live": "1"}))
    assert (len(frames), report.frames_lost, report.damage) == (20, 0, None)


@pytest.mark.shared
def test_a_real_clip_cut_off(shared_dir, tmp_path):
    data = (shared_dir / "data" / "dhf1k_0002" / "video.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) // 2])
    frames, report = read(tmp_path / "cut.avi")
    assert len(frames) + report.frames_lost == 783
