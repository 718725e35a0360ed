from __future__ import annotations

from types import SimpleNamespace

import av
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import open_source, sources
from gfsalnet.video.camera import camera_input
from gfsalnet.video.container import MediaInput


def test_where_each_platform_has_its_cameras(monkeypatch):
    linux, mac = camera_input("1", 1, "linux"), camera_input("1", 1, "darwin")
    assert (linux.file, linux.format, linux.name) == ("/dev/video1", "v4l2", "camera-1")
    assert (mac.file, mac.format) == ("1:none", "avfoundation")

    devices = [SimpleNamespace(name=name, media_types=[kind]) for name, kind in (("Mic", "audio"), ("Cam", "video"))]
    monkeypatch.setattr(av, "enumerate_input_devices", lambda _: devices, raising=False)
    windows = camera_input("0", 0, "win32")
    assert (windows.file, windows.format) == ("video=Cam", "dshow")
    with pytest.raises(SourceError, match="Available cameras: 0 = Cam"):
        camera_input("1", 1, "win32")


def test_missing_camera():
    with pytest.raises(SourceError, match=r"^97: camera not available"):
        open_source("97")


def test_camera_frames(monkeypatch):
    def pretend(source, number):
        pattern = "testsrc=size=96x64:rate=10:duration=2"
        return MediaInput(source=source, name=f"camera-{number}", kind="camera", file=pattern, format="lavfi")

    if "lavfi" not in av.formats_available:
        pytest.skip("this FFmpeg draws no test pictures")
    monkeypatch.setattr(sources, "camera_input", pretend)
    with open_source("0") as reader:
        info = reader.info
        assert (info.name, info.kind, info.is_live, info.estimated_frames) == ("camera-0", "camera", True, None)
        assert (info.size_wh, info.path, info.duration_seconds) == ((96, 64), None, None)
        assert [frame.time_seconds for frame, _ in zip(reader, range(3), strict=False)] == [0, 0.1, 0.2]
