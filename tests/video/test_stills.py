from __future__ import annotations

import struct
import zlib
from fractions import Fraction

import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import folders, open_source, read_image, stills


def save(path, rgb, options=()):
    path.parent.mkdir(exist_ok=True)
    data = cv2.imencode(path.suffix, rgb[..., ::-1] if rgb.ndim == 3 and rgb.shape[2] == 3 else rgb, list(options))[1]
    path.write_bytes(data.tobytes())
    return path


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.TIFF", "bild größe 日.png", "a[1].webp"])
def test_an_image_is_one_frame(tmp_path, picture, name):
    path = save(tmp_path / name.lower(), picture(3), [cv2.IMWRITE_WEBP_QUALITY, 101] if "webp" in name else [])
    with open_source(str(path)) as reader:
        frames = list(reader)
    np.testing.assert_array_equal(frames[0].rgb, picture(3))
    assert len(frames) == 1
    assert (reader.info.kind, reader.info.size_wh, reader.info.estimated_frames) == ("image", (96, 64), 1)
    assert reader.info.name == path.stem


def test_sixteen_bit_grey_palette_and_alpha(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)
    grey = read_image(save(tmp_path / "deep.png", ramp))
    assert np.abs(grey[..., 1].astype(int) - ramp // 257).max() <= 1

    bgra = np.full((16, 16, 4), (50, 100, 200, 255), np.uint8)
    bgra[8:, :, 3] = 128
    for name, pixels in (("8.png", bgra), ("16.png", bgra.astype(np.uint16) * 257)):
        rgb = read_image(save(tmp_path / name, pixels))
        assert (rgb[:8] == (200, 100, 50)).all()
        assert np.abs(rgb[8:].astype(int) - (100, 50, 25)).max() <= 1

    rows = b"".join(b"\0" + bytes([0, 1] * 8) for _ in range(16))
    palette = (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 3, 0, 0, 0))
        + png_chunk(b"PLTE", bytes([200, 100, 50, 10, 20, 30]))
        + png_chunk(b"tRNS", bytes([255, 0]))
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )
    (tmp_path / "palette.png").write_bytes(palette)
    rgb = read_image(tmp_path / "palette.png")
    assert (rgb[:, ::2] == (200, 100, 50)).all()
    assert (rgb[:, 1::2] == 0).all()


def test_exif_orientation(tmp_path, picture):
    path = save(tmp_path / "a.jpg", picture(0), [cv2.IMWRITE_JPEG_QUALITY, 100])
    stored, data = read_image(path), path.read_bytes()
    tag = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHxx", 8, 1, 0x112, 3, 1, 6) + bytes(4)
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(tag) + 2) + tag + data[2:])
    np.testing.assert_array_equal(read_image(path), np.rot90(stored, -1))
    with open_source(str(path)) as reader:
        assert reader.info.size_wh == (64, 96)


def test_folder_in_natural_order_at_its_rate(tmp_path, picture):
    for index in (10, 9, 8, 11):
        save(tmp_path / "walk" / f"frame{index}.png", picture(index))
    (tmp_path / "walk" / "._frame3.png").write_bytes(b"mac")
    (tmp_path / "walk" / "notes.txt").write_text("x")
    with open_source(str(tmp_path / "walk"), rate=Fraction(10)) as reader:
        frames = list(reader)
    for frame, index in zip(frames, (8, 9, 10, 11), strict=True):
        np.testing.assert_array_equal(frame.rgb, picture(index))
    assert [frame.time_seconds for frame in frames] == [0, 0.1, 0.2, 0.3]
    info = reader.info
    assert (info.name, info.kind, info.rate) == ("walk", "frames", 10)
    assert (info.estimated_frames, info.duration_seconds) == (4, 0.4)


def test_glob_of_frames(tmp_path, picture):
    for index in range(3):
        save(tmp_path / "in" / f"f{index}.png", picture(index))
    with open_source(str(tmp_path / "in" / "f*.png")) as reader:
        assert len(list(reader)) == 3
        assert (reader.info.name, reader.info.kind, reader.info.rate) == ("in-f-.png", "frames", 25)


def test_a_picture_that_cannot_be_read_is_skipped_and_counted(tmp_path, picture):
    for index in range(5):
        save(tmp_path / "in" / f"{index}.png", picture(index))
    for index in (0, 3):
        (tmp_path / "in" / f"{index}.png").write_bytes(b"\x89PNG broken")
    with open_source(str(tmp_path / "in")) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == [1, 2, 4]
    assert [round(frame.time_seconds * 25) for frame in frames] == [1, 2, 4]
    assert (reader.report.frames_read, reader.report.frames_lost) == (3, 2)
    assert reader.report.damage == "2 pictures cannot be read"


def test_pictures_that_differ_in_size_are_refused_at_once(tmp_path, picture):
    save(tmp_path / "in" / "1.png", picture(0))
    save(tmp_path / "in" / "2.png", picture(0, (80, 64)))
    with pytest.raises(SourceError, match=r"differ in size: 96x64 first, then 80x64 in 2\.png"):
        open_source(str(tmp_path / "in"), folder_as="frames")
    with pytest.raises(SourceError, match=r"2 pictures that are not numbered frames of one size\. Give"):
        open_source(str(tmp_path / "in"))


def test_size_that_only_decoding_tells(tmp_path, picture, monkeypatch):
    monkeypatch.setattr(stills, "header_size_wh", lambda data: None)
    monkeypatch.setattr(stills, "file_size_wh", lambda path: None)
    monkeypatch.setattr(folders, "file_size_wh", lambda path: None)
    save(tmp_path / "in" / "1.png", picture(0))
    save(tmp_path / "in" / "2.png", picture(0, (80, 64)))
    with open_source(str(tmp_path / "in")) as reader:
        frames = iter(reader)
        next(frames)
        with pytest.raises(SourceError, match="then 80x64"):
            next(frames)


@pytest.mark.parametrize("size_wh", [(1, 1), (7, 100)])
def test_tiny_image(tmp_path, size_wh):
    path = save(tmp_path / "dot.png", np.zeros((size_wh[1], size_wh[0], 3), np.uint8))
    with pytest.raises(
        SourceError, match=rf"dot\.png: its size of {size_wh[0]}x{size_wh[1]} pixels is too small\. Give"
    ):
        open_source(str(path))


def test_decompression_bomb_is_refused_by_its_header(tmp_path, monkeypatch):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b""))
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(SourceError, match="60000x60000 pixels is too large"):
        open_source(str(tmp_path / "bomb.png"))


def test_no_image_at_all(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(SourceError, match=r"a\.png: it is not an image"):
        open_source(str(tmp_path / "a.png"))
    (tmp_path / "in").mkdir()
    for name in ("1.png", "2.png"):
        (tmp_path / "in" / name).write_text("hello")
    with pytest.raises(SourceError, match="none of its 2 pictures can be read"):
        open_source(str(tmp_path / "in"))
