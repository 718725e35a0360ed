"""What a job's process does before it predicts: limits of length and memory, uploads that are no videos."""

from __future__ import annotations

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.serve.child import look
from gfsalnet.video import VideoWriter


def draw(path: Path, frames: int = 12, rate: int = 4) -> Path:
    with VideoWriter(path, size_wh=(64, 48), rate=Fraction(rate)) as writer:
        for index in range(frames):
            writer.write(np.full((48, 64, 3), 20 * index % 255, np.uint8), index / rate)
    return path


def with_other_durations(path: Path) -> Path:
    """The MP4 whose headers say that it is over at once."""
    data = bytearray(path.read_bytes())
    for box, place in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        start = data.index(box)
        data[start + place : start + place + 4] = struct.pack(">I", 1)
    path.write_bytes(bytes(data))
    return path


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize("lies", [False, True])
def test_a_video_that_is_too_long_whatever_its_header_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lies: bool
) -> None:
    clip = draw(tmp_path / "clip.mp4")
    if lies:
        with_other_durations(clip)
    assert look(str(clip), str(tmp_path / "preview.jpg"), most_seconds=2) == 1
    assert "seconds long" in str(said(capsys)["problem"])
    assert not (tmp_path / "preview.jpg").exists()


def png_of(width: int, height: int) -> bytes:
    """The begin of a PNG that says it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(100_000), 9)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zip_of_zeros() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("clip.mp4", bytes(50_000_000))
    return file.getvalue()


EVIL = {
    "clip.m3u8": b"#EXTM3U\n#EXTINF:1,\nSECRET\n#EXT-X-ENDLIST\n",
    "playlist.mp4": b"#EXTM3U\n#EXTINF:1,\nfile://SECRET\n#EXT-X-ENDLIST\n",
    "concat.mp4": b"ffconcat version 1.0\nfile 'SECRET'\n",
    "dash.mp4": b'<?xml version="1.0"?><MPD><Period><AdaptationSet><BaseURL>file://SECRET</BaseURL></AdaptationSet></Period></MPD>',
    "list.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "image.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://SECRET"/></svg>',
    "pixels.png": png_of(60_000, 60_000),
    "half.png": png_of(4000, 4000),
    "zip.mp4": zip_of_zeros(),
    "gzip.mp4": gzip.compress(bytes(50_000_000)),
    "pixels.y4m": b"YUV4MPEG2 W65535 H65535 F25:1\nFRAME\n",
    "pixels.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 65535, 65535, 1, 24, 0, 0, 0, 0, 0, 0),
    "script.py": b"import os\n",
    "empty.mp4": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", EVIL)
def test_uploads_that_are_not_what_they_seem(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    secret = draw(tmp_path / "secret.mp4")
    (tmp_path / "upload").mkdir()
    file = tmp_path / "upload" / name
    file.write_bytes(EVIL[name].replace(b"SECRET", str(secret).encode()))
    assert look(str(file), str(tmp_path / "preview.jpg"), most_seconds=60) == 1
    problem = str(said(capsys)["problem"])
    assert problem.startswith(str(file))
    assert len(problem.splitlines()) == 1
    assert "nobody foresaw" not in problem
    assert {path.name for path in tmp_path.rglob("*")} == {"secret.mp4", "upload", name}


@pytest.mark.slow
def test_no_more_memory_than_a_job_may_have(tmp_path: Path) -> None:
    program = "import gfsalnet.serve.child as c; c._limit(2**30); print(len(bytearray(2**31)))"
    ended = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True)
    assert "MemoryError" in ended.stderr
