from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.limits import PIXELS_VARIABLE
from gfsalnet.video.image_header import header_size_wh, may_have_alpha
from gfsalnet.video.pictures import read_picture


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", []),
        (".jpg", []),
        (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        (".bmp", []),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 80]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
        (".tiff", []),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_size_of_what_opencv_writes(suffix, options, channels):
    pixels = np.random.default_rng(0).integers(0, 255, (21, 300, channels), dtype=np.uint8)
    data = cv2.imencode(suffix, pixels, options)[1].tobytes()
    assert header_size_wh(data) == (300, 21)
    if channels == 4 and suffix == ".png":
        assert may_have_alpha(data)
    if channels < 4 and suffix in (".png", ".jpg"):
        assert not may_have_alpha(data)


def test_other_headers():
    assert header_size_wh(b"GIF89a" + struct.pack("<HH", 40, 30)) == (40, 30)
    assert header_size_wh(b"BM" + bytes(12) + struct.pack("<IHH", 12, 40, 30)) == (40, 30)
    assert header_size_wh(b"BM" + bytes(12) + struct.pack("<Iii", 40, 40, -30)) == (40, 30)
    entries = struct.pack(">HHIHxx", 256, 3, 1, 40) + struct.pack(">HHII", 257, 4, 1, 30)
    assert header_size_wh(b"MM\x00*" + struct.pack(">IH", 8, 2) + entries) == (40, 30)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00\x10", b"RIFF1234WEBPVP9 "]
)
def test_what_is_no_header_or_cut_off_says_nothing(data):
    assert header_size_wh(data) is None


def test_four_channels_of_16_bits_count_as_four_thirds(tmp_path, monkeypatch):
    monkeypatch.setenv(PIXELS_VARIABLE, "1000")
    path = tmp_path / "a.png"
    for kind, channels in ((np.uint8, 4), (np.uint16, 3)):
        cv2.imwrite(str(path), np.zeros((40, 25, channels), kind))
        assert read_picture(path, cv2.IMREAD_COLOR, SourceError).shape == (40, 25, 3)
    cv2.imwrite(str(path), np.zeros((40, 25, 4), np.uint16))
    with pytest.raises(SourceError, match=r"25x40 16-bit pixels is too large\. Scale it down to at most"):
        read_picture(path, cv2.IMREAD_COLOR, SourceError)
