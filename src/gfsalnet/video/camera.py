"""Cameras by number, through the capture system of each platform."""

from __future__ import annotations

import re
import sys

import av

from gfsalnet.errors import SourceError
from gfsalnet.video.container import MediaInput


def camera_number(source: str) -> int | None:
    """The number in `0` or `/dev/video0`; None for anything else.

    >>> camera_number("1"), camera_number("/dev/video2"), camera_number("clip1")
    (1, 2, None)
    """
    match = re.fullmatch(r"(?:/dev/video)?([0-9]{1,3})", source)
    return int(match[1]) if match else None


def camera_input(source: str, number: int, platform: str = sys.platform) -> MediaInput:
    """Where camera `number` (from 0) is found.

    Raises:
        SourceError: if the platform lists its cameras and there is none of that number.
    """
    file, format_name, options = _device(source, number, platform)
    return MediaInput(
        source=source, name=f"camera-{number}", kind="camera", file=file, format=format_name, options=options
    )


def _device(source: str, number: int, platform: str) -> tuple[str, str, dict[str, str]]:
    if platform == "darwin":
        # Most cameras refuse AVFoundation's default rate of 29.97.
        return f"{number}:none", "avfoundation", {"framerate": "30"}
    if platform == "win32":
        return f"video={_directshow_name(source, number)}", "dshow", {}
    return f"/dev/video{number}", "v4l2", {}


def _directshow_name(source: str, number: int) -> str:
    if not hasattr(av, "enumerate_input_devices"):  # since PyAV 15
        raise SourceError(source, "this PyAV cannot list cameras", "Update it: pip install -U av")
    devices = av.enumerate_input_devices("dshow")
    names = [device.name for device in devices if "video" in device.media_types]
    if number >= len(names):
        found = ", ".join(f"{at} = {name}" for at, name in enumerate(names)) or "none"
        raise SourceError(source, "there is no such camera", f"Available cameras: {found}.")
    return names[number]
