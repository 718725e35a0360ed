from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from gfsalnet.video import VideoWriter, audio, open_source


def carry(source, target):
    """Copy the video of `source` to `target`, with its sound."""
    with open_source(str(source)) as reader:
        info = reader.info
        with VideoWriter(
            target, size_wh=info.size_wh, rate=info.rate, time_base=info.time_base, audio_from=info.path
        ) as writer:
            for frame in reader:
                writer.write(frame.rgb, frame.time_seconds)
    return writer.notes


def sound(path):
    """Codec, samples of the first channel, rate and the time of the first one."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        samples = np.concatenate([frame.to_ndarray().reshape(len(frame.layout.channels), -1)[0] for frame in frames])
        assert frames[0].pts is not None
        return stream.codec_context.name, samples, frames[0].sample_rate, float(frames[0].pts * frames[0].time_base)


def pitch(samples, rate):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * rate / len(samples)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec", "expected"),
    [
        ("a.mp4", "aac", "aac"),
        ("a.ts", "aac", "aac"),
        ("a.mkv", "libopus", "opus"),
        ("a.mkv", "libmp3lame", "mp3"),
        ("a.mkv", "ac3", "ac3"),
        ("a.mkv", "flac", "flac"),
        ("a.mkv", "mp2", "aac"),
        ("a.avi", "pcm_s16le", "aac"),
        ("a.avi", "mp2", "aac"),
    ],
)
def test_sound_is_carried_over(encode, tmp_path, name, codec, expected):
    source = encode(name, 50, codec="mpeg4", audio=codec)
    assert carry(source, tmp_path / "out.mp4") == []
    carried, samples, rate, start = sound(tmp_path / "out.mp4")
    assert carried.startswith(expected)
    assert abs(start) < 0.05
    assert len(samples) / rate == pytest.approx(2, abs=0.1)
    assert pitch(samples, rate) == pytest.approx(440, abs=3)
    with open_source(str(tmp_path / "out.mp4")) as reader:
        assert len(list(reader)) == 50
        assert (reader.info.rate, reader.info.has_audio) == (25, True)


def test_copied_sound_is_the_same_to_the_bit(encode, tmp_path):
    source = encode("a.mp4", 50, audio="aac")
    carry(source, tmp_path / "out.mp4")

    def packets(path):
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]

    copied = packets(tmp_path / "out.mp4")
    assert copied == packets(source)[: len(copied)]
    assert len(copied) > 90


def test_sound_ends_with_the_video(encode, tmp_path):
    carry(encode("a.mkv", 25, codec="ffv1", audio="aac", audio_seconds=6), tmp_path / "out.mp4")
    _, samples, rate, _ = sound(tmp_path / "out.mp4")
    assert len(samples) / rate == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_stays_with_a_video_that_starts_late(encode, tmp_path, codec):
    stamps = range(25, 75)
    source = encode("late.mkv", 50, codec="mpeg4", audio=codec, stamps=stamps, audio_seconds=3)
    carry(source, tmp_path / "out.mp4")
    _, samples, rate, start = sound(tmp_path / "out.mp4")
    assert abs(start) < 0.05
    assert len(samples) / rate == pytest.approx(2, abs=0.1)


def test_a_video_without_sound_has_none_and_no_note(encode, tmp_path):
    assert carry(encode("a.mp4", 5), tmp_path / "out.mp4") == []
    with open_source(str(tmp_path / "out.mp4")) as reader:
        assert not reader.info.has_audio


def two_tracks(encode, tmp_path, default):
    """A video with tones of 440 and 880 Hz, one of them marked as default."""
    path, source = tmp_path / "two.mkv", encode("video.mkv", 50, codec="mpeg4")
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        video = new.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        tracks = [new.add_stream("aac", rate=48_000, layout="mono") for _ in range(2)]
        for number, track in enumerate(tracks):
            track.disposition = av.stream.Disposition.default.value if number == default else 0
        for frame in old.decode(video=0):
            new.mux(video.encode(frame))
        new.mux(video.encode(None))
        for number, track in enumerate(tracks):
            for index in range(94):
                times = (np.arange(1024) + index * 1024) / 48_000
                wave = 0.4 * np.sin(2 * np.pi * 440 * (number + 1) * times)
                frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 48_000, index * 1024
                new.mux(track.encode(frame))
            new.mux(track.encode(None))
    return path


@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("default", [0, 1])
def test_the_track_marked_as_default_is_kept(encode, tmp_path, monkeypatch, default, copies):
    if not copies:
        monkeypatch.setattr(audio, "_can_copy", lambda path, origin, track: False)
    assert carry(two_tracks(encode, tmp_path, default), tmp_path / "out.mp4") == []
    _, samples, rate, _ = sound(tmp_path / "out.mp4")
    assert pitch(samples, rate) == pytest.approx(440 * (default + 1), abs=3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "mp2"), ("a.avi", "pcm_s16le")])
def test_sound_that_outlasts_the_pictures_is_cut_with_a_note(encode, tmp_path, picture, name, codec):
    source = encode(name, 25, codec="mpeg4", audio=codec, audio_seconds=4)
    assert carry(source, tmp_path / "out.mp4") == ["the sound goes on after the last frame, and is cut there, at 1.0 s"]
    whole = encode("b.mkv", 100, codec="mpeg4", audio="aac")
    with VideoWriter(tmp_path / "short.mp4", size_wh=(96, 64), rate=Fraction(25), audio_from=whole) as writer:
        for index in range(25):  # of 100: not to the end, as the caller wants it
            writer.write(picture(index), index / 25)
    assert writer.notes == []


def test_subtitles_are_left_out_with_a_note(encode, tmp_path):
    source, path = encode("video.mkv", 5, codec="mpeg4"), tmp_path / "titled.mkv"
    (tmp_path / "t.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n\n")
    with av.open(str(source)) as old, av.open(str(tmp_path / "t.srt")) as titles, av.open(str(path), "w") as new:
        pairs = [(old, old.streams.video[0]), (titles, titles.streams.subtitles[0])]
        copies = [new.add_stream_from_template(stream) for _, stream in pairs]
        for (source, stream), copy in zip(pairs, copies, strict=True):
            for packet in source.demux(stream):
                if packet.size:
                    packet.stream = copy
                    new.mux(packet)
    assert carry(path, tmp_path / "out.mp4") == ["without subtitles: those of titled.mkv are left out"]


def write_with_sound_of(path, target, picture):
    with VideoWriter(target, size_wh=(96, 64), rate=Fraction(25), audio_from=path) as writer:
        for index in range(50):
            writer.write(picture(index), index / 25)
    with open_source(str(target)) as reader:
        assert len(list(reader)) == 50
    return writer.notes


def test_sound_that_cannot_be_used_costs_only_the_sound(encode, tmp_path, picture):
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    empty = encode("mute.mkv", 3, codec="ffv1", audio="pcm_s16le", audio_seconds=0.01)
    for path in (tmp_path / "junk.mp4", tmp_path / "missing.mp4", empty):
        notes = write_with_sound_of(path, tmp_path / "out.mp4", picture)
        assert len(notes) == 1
        assert notes[0].startswith(f"without sound: that of {path.name} cannot be used")


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["aac", "flac", "mp2"])
def test_damaged_sound_does_not_harm_the_video(encode, tmp_path, picture, codec):
    source = encode("a.mkv", 50, codec="mpeg4", audio=codec)
    data = bytearray(source.read_bytes())
    noise = np.random.default_rng(0)
    for start in range(len(data) // 3, len(data) - 500, 900):
        data[start : start + 60] = noise.bytes(60)
    source.write_bytes(data)
    write_with_sound_of(source, tmp_path / "out.mp4", picture)


def correlation(samples, rate, original):
    """Of the second half of what was written with the source, at the same place."""
    start, length = len(samples) // 2, len(samples) // 2 - rate
    return np.corrcoef(samples[start:][:length], original[start:][:length])[0, 1]


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("name", ["clips/torchcodec_nasa_13013.mp4", "dhf1k_0002/video.avi"])
def test_real_sound(shared_dir, tmp_path, monkeypatch, name, copies):
    source = shared_dir / "data" / name
    if not copies:
        monkeypatch.setattr(audio, "_can_copy", lambda path, origin, track: False)
    black = np.zeros((64, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mp4", size_wh=(64, 64), rate=Fraction(10), audio_from=source) as writer:
        for index in range(120):
            writer.write(black, index / 10)
    assert [note for note in writer.notes if not note.startswith("without subtitles")] == []
    codec, samples, rate, _ = sound(tmp_path / "a.mp4")
    _, original, _, _ = sound(source)
    assert codec.startswith("aac" if not copies or "nasa" in name else "mp3")
    assert len(samples) / rate == pytest.approx(12, abs=0.2)
    assert correlation(samples, rate, original) > 0.98
