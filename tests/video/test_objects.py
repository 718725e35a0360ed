"""Videos in object stores: fetched to be read, looked at by their headers alone."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.object_store import describe, write
from gfsalnet.video import VideoWriter, open_source
from gfsalnet.video.objects import look_at_stored


def store_clip(s3: Any, folder: Path, frames: int = 6) -> str:
    with VideoWriter(folder / "clip.mp4", size_wh=(64, 48), rate=Fraction(10)) as writer:
        for index in range(frames):
            writer.write(np.full((48, 64, 3), 20 * index, np.uint8), index / 10)
    address = f"{s3.bucket}/in/clip.mp4"
    write(address, (folder / "clip.mp4").read_bytes(), SourceError)
    return address


@pytest.mark.slow
def test_a_stored_video_is_read_whole_and_its_copy_goes(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    address = store_clip(s3, tmp_path)
    with open_source(address) as reader:
        assert [frame.index for frame in reader] == list(range(6))
        assert (reader.info.source, reader.info.name, reader.info.kind) == (address, "clip", "video")
        assert reader.info.can_be_recognised
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    with pytest.raises(SourceError, match="is no file or folder of this machine"):
        open_source(address, local_only=True)


def test_a_look_fetches_nothing(s3: Any, tmp_path: Path) -> None:
    address = store_clip(s3, tmp_path)
    info = look_at_stored(address, describe(address, SourceError).version)
    assert (info.size_wh, info.estimated_frames, info.duration_seconds) == ((64, 48), 6, pytest.approx(0.6))


@pytest.mark.parametrize("content", [b"", b"no video", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"])
def test_what_is_no_video_is_one_line(s3: Any, content: bytes) -> None:
    address = f"{s3.bucket}/bad.mp4"
    write(address, content, SourceError)
    with pytest.raises(SourceError, match=r"bad\.mp4"):
        open_source(address)
    with pytest.raises(SourceError, match=r"bad\.mp4"):
        look_at_stored(address, "1")


def test_a_full_disk_is_one_line(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = store_clip(s3, tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(SourceError, match=r"cannot be stored in .* 0 MB free"):
        open_source(address)
