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


@pytest.mark.shared
@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("name", ["clips/torchcodec_nasa_13013.mp4", "dhf1k_0002/video.avi"])
def test_real_sound(shared_dir, tmp_path, monkeypatch, name, copies):
    source = shared_dir / "data" / name
    if not copies:
        monkeypatch.setattr(audio, "_can_copy", lambda path, origin: False)
    black = np.zeros((64, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mp4", size_wh=(64, 64), rate=Fraction(10), audio_from=source) as writer:
        for index in range(120):
            writer.write(black, index / 10)
    assert writer.notes == []
    codec, samples, rate, _ = sound(tmp_path / "a.mp4")
    _, original, _, _ = sound(source)
    assert codec.startswith("aac" if not copies or "nasa" in name else "mp3")
    assert len(samples) / rate == pytest.approx(12, abs=0.2)
    assert correlation(samples, rate, original) > 0.98
