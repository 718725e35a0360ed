"""Image files with several pictures are videos; those that say how they are turned come upright."""

from __future__ import annotations

import struct
import sys
from fractions import Fraction

import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import count_frames, frame_times, heif, open_source, read_image

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x14ispe\0\0\0\0" + bytes([0, 0, 1, 0]) * 2


def read(path, rate=None):
    with open_source(str(path), rate=rate) as reader:
        return list(reader), reader.info, reader.report


def write_webp(path, pictures, durations):
    animation = cv2.Animation()
    animation.frames = [np.ascontiguousarray(rgb[..., ::-1]) for rgb in pictures]
    animation.durations = np.array(durations, np.int32)
    assert cv2.imwriteanimation(str(path), animation, [cv2.IMWRITE_WEBP_QUALITY, 101])
    return path


def test_animated_webp_at_its_own_times(tmp_path, picture):
    pictures = [picture(index) for index in range(4)]
    frames, info, _ = read(write_webp(tmp_path / "a.webp", pictures, [100, 200, 300, 100]))
    assert (info.kind, info.size_wh, info.duration_seconds) == ("video", (96, 64), 0.7)
    np.testing.assert_allclose([frame.time_seconds for frame in frames], [0, 0.1, 0.3, 0.6])
    for frame, wanted in zip(frames, pictures, strict=True):
        assert np.abs(frame.rgb.astype(int) - wanted).mean() < 3
    assert count_frames(tmp_path / "a.webp") == 4
    data = (tmp_path / "a.webp").read_bytes()
    (tmp_path / "bad.webp").write_bytes(data[:60] + bytes(200))
    with pytest.raises(SourceError, match="cannot be decoded, or is damaged"):
        read(tmp_path / "bad.webp")


def test_a_tiff_of_several_pages_at_the_rate_that_is_given(tmp_path, picture):
    pages = [picture(0)[..., ::-1], picture(1)[..., ::-1], picture(2, (48, 32))[..., ::-1]]
    cv2.imwritemulti(str(tmp_path / "a.tif"), pages)
    frames, info, report = read(tmp_path / "a.tif", Fraction(10))
    assert (info.kind, info.rate, info.size_wh, len(frames)) == ("frames", 10, (96, 64), 3)
    np.testing.assert_array_equal(frames[1].rgb, picture(1))
    assert [frame.time_seconds for frame in frames] == [0, 0.1, 0.2]
    assert report.notes == ["pages of another size are scaled to 96x64, the first is 2"]
    cv2.imwrite(str(tmp_path / "one.tif"), pages[0])
    assert read(tmp_path / "one.tif")[1].kind == "image"


@pytest.mark.parametrize(("name", "stamps"), [("a.png", [0, 10, 30, 35]), ("a.gif", [0, 10, 30, 35])])
def test_animated_png_and_gif_at_their_own_times(encode, name, stamps):
    codec, format_ = ("apng", "rgb24") if name == "a.png" else ("gif", "rgb8")
    path = encode(
        name,
        4,
        codec=codec,
        pixel_format=format_,
        stamps=stamps,
        time_base=Fraction(1, 100),
        format="apng" if codec == "apng" else None,
    )
    frames, info, _ = read(path)
    assert (info.kind, len(frames)) == ("video", 4)
    np.testing.assert_allclose([frame.time_seconds for frame in frames], np.array(stamps) / 100, atol=1e-3)


def test_an_avif_animation_and_not_the_still_of_it(tmp_path, picture):
    animation = cv2.Animation()
    animation.frames = [np.ascontiguousarray(picture(index)[..., ::-1]) for index in range(3)]
    animation.durations = np.array([100, 300, 200], np.int32)
    assert cv2.imwriteanimation(str(tmp_path / "a.avif"), animation)
    frames, info, report = read(tmp_path / "a.avif")
    assert (info.kind, info.size_wh, report.frames_lost) == ("video", (96, 64), 0)
    np.testing.assert_allclose([frame.time_seconds for frame in frames], [0, 0.1, 0.4], atol=1e-3)
    for index, frame in enumerate(frames):
        assert np.abs(frame.rgb.astype(int) - picture(index)).mean() < 12
    np.testing.assert_allclose(frame_times(tmp_path / "a.avif"), [0, 0.1, 0.4], atol=1e-3)


def box(name, body):
    return struct.pack(">I", 8 + len(body)) + name + body


def still(*properties, item=1, wide=False):
    """The head of an AVIF file whose main picture has these properties, and another picture none."""
    listed = [box(b"ispe", bytes(12)), *properties]
    positions = range(1, 1 + len(listed))
    used = b"".join(struct.pack(">H" if wide else ">B", at) for at in positions)
    items = struct.pack(">HB", item + 1, 0) + struct.pack(">HB", item, len(listed)) + used
    ipma = box(b"ipma", bytes([0, 0, 0, wide]) + struct.pack(">I", 2) + items)
    iprp = box(b"iprp", box(b"ipco", b"".join(listed)) + ipma)
    meta = box(b"meta", bytes(4) + box(b"pitm", bytes(4) + struct.pack(">H", item)) + iprp)
    return box(b"ftyp", b"avif" + bytes(4) + b"mif1") + meta


IROT = [box(b"irot", bytes([turns])) for turns in range(4)]
IMIR = [box(b"imir", bytes([axis])) for axis in range(2)]
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        ([], PIXELS),
        ([IROT[1]], np.rot90(PIXELS, 1)),
        ([IROT[2]], PIXELS[::-1, ::-1]),
        ([IROT[3]], np.rot90(PIXELS, -1)),
        ([IMIR[0]], PIXELS[::-1]),
        ([IMIR[1]], PIXELS[:, ::-1]),
        ([IROT[1], IMIR[0]], np.rot90(PIXELS, 1)[::-1]),
        ([IMIR[0], IROT[1]], np.rot90(PIXELS[::-1], 1)),
    ],
)
def test_boxes_tell_how_a_picture_is_turned(properties, wanted, wide):
    np.testing.assert_array_equal(heif.main_picture(still(*properties, wide=wide)).upright(PIXELS), wanted)


def test_boxes_that_make_no_sense_turn_nothing():
    whole = still(IROT[1])
    for cut in range(len(whole)):
        assert heif.main_picture(whole[:cut]).upright(PIXELS).shape in ((2, 3, 3), (3, 2, 3))
    assert heif.main_picture(b"\xff" * 99).steps == []


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_a_turned_picture_comes_upright_whatever_its_format(tmp_path, picture, suffix, orientation):
    image, features = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.features")
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    upright = picture(3)
    upright[:] = cv2.blur(upright, (9, 9))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = image.fromarray(upright)
    stored = stored.transpose(image.Transpose(undo[orientation])) if orientation in undo else stored
    exif = image.Exif()
    exif[0x112] = orientation
    stored.save(tmp_path / f"a.{suffix}", exif=exif, quality=95)
    rgb = read_image(tmp_path / f"a.{suffix}")
    assert rgb.shape == upright.shape
    assert np.abs(rgb.astype(int) - upright).mean() < 4


@pytest.mark.parametrize("name", ["a.heic", "a.mp4"])
def test_heic_is_refused_with_a_remedy_where_nothing_reads_it(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / name).write_bytes(HEIC + bytes(100))
    with pytest.raises(
        SourceError, match=r"reading HEIC pictures needs the package pillow-heif\. Save it as PNG or JPEG, or: pip"
    ):
        open_source(str(tmp_path / name))


@pytest.mark.shared
@pytest.mark.parametrize(("name", "count"), [("anim.png", 30), ("c_anim.webp", 30), ("stack.tif", 5)])
def test_real_animations(shared_dir, name, count):
    assert count_frames(shared_dir / "cases" / "animated-pictures" / name) == count


@pytest.mark.shared
def test_a_real_turned_avif(shared_dir):
    assert read(shared_dir / "cases" / "avif-rotation" / "square_irot.avif")[1].size_wh == (320, 240)
