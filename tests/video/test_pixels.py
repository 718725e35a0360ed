from __future__ import annotations

import struct
from fractions import Fraction

import av
import av.filter
import numpy as np
import pytest

from gfsalnet.video import open_source
from gfsalnet.video.pixels import RGBConverter, over_black, upright, upright_filters

# Rows of the 3×3 matrix in an MP4 track header (16.16, last column 2.30), and what a viewer then sees.
TURNS = {
    "upright": ((1, 0, 0, 1), lambda rgb: rgb),
    "phone held upright": ((0, 1, -1, 0), lambda rgb: np.rot90(rgb, -1)),
    "upside down": ((-1, 0, 0, -1), lambda rgb: np.rot90(rgb, 2)),
    "left": ((0, -1, 1, 0), lambda rgb: np.rot90(rgb, 1)),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "transposed": ((0, 1, 1, 0), lambda rgb: rgb.swapaxes(0, 1)),
}


def set_track_matrix(path, matrix):
    """Patch the display matrix into the `tkhd` box of an MP4 with one track."""
    a, b, c, d = (value << 16 for value in matrix)
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize("turn", TURNS)
def test_frames_come_upright(encode, picture, turn):
    matrix, see = TURNS[turn]
    path = encode("phone.mp4", 3, codec="mpeg4", options={"qscale": "1", "flags": "+qscale", "b": "5M"})
    with open_source(str(path)) as reader:
        stored = next(iter(reader)).rgb
    set_track_matrix(path, matrix)
    with open_source(str(path)) as reader:
        frame = next(iter(reader))
        assert reader.info.size_wh == (frame.rgb.shape[1], frame.rgb.shape[0])
    np.testing.assert_array_equal(frame.rgb, see(stored))
    assert np.abs(stored[:30].astype(int) - picture(0)[:30]).mean() < 6


@pytest.mark.parametrize(("transfer", "name"), [(1, None), (16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_noted(encode, transfer, name):
    path = encode("film.mp4", 2, setup=lambda stream: setattr(stream.codec_context, "color_trc", transfer))
    with open_source(str(path)) as reader:
        notes = list(reader.report.notes)
    assert len(notes) == (name is not None)
    assert name is None or f"({name}) and are not tone-mapped" in notes[0]


@pytest.mark.parametrize(("turn", "aspect"), [("upside down", Fraction(4, 3)), ("left", Fraction(3, 4))])
def test_pixels_of_a_quarter_turn_are_as_wide_as_stored_ones_are_high(encode, turn, aspect):
    def squeeze(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    path = encode("phone.mp4", 2, codec="mpeg4", setup=squeeze)
    set_track_matrix(path, TURNS[turn][0])
    with open_source(str(path)) as reader:
        assert reader.info.pixel_aspect == aspect


def test_upright_follows_the_definition_of_the_matrix():
    rgb = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    for matrix in ((1, 0, 0, 1), (0, 1, -1, 0), (0, -1, -1, 0), (1, 0, 0, -1)):
        a, b, c, d = matrix
        shown = {(a * x + c * y, b * x + d * y): tuple(rgb[y, x]) for y in range(2) for x in range(3)}
        left, top = min(x for x, _ in shown), min(y for _, y in shown)
        seen = upright(rgb, (a << 16, b << 16, c << 16, d << 16))
        for (x, y), colour in shown.items():
            assert tuple(seen[y - top, x - left]) == colour, matrix


@pytest.mark.parametrize("turn", [*TURNS, "transposed the other way"])
def test_filters_turn_as_pixels_are_turned(turn):
    a, b, c, d = TURNS[turn][0] if turn in TURNS else (0, -1, -1, 0)
    matrix = (a << 16, b << 16, c << 16, d << 16)
    rgb = np.random.default_rng(0).integers(0, 255, (16, 24, 3), np.uint8)
    graph = av.filter.Graph()
    last = graph.add_buffer(width=24, height=16, format="rgb24", time_base=Fraction(1, 25))
    for name, arguments in [*upright_filters(matrix), ("buffersink", "")]:
        following = graph.add(name, arguments or None)
        last.link_to(following)
        last = following
    graph.configure()
    graph.push(av.VideoFrame.from_ndarray(rgb, format="rgb24"))
    np.testing.assert_array_equal(graph.pull().to_ndarray(), upright(rgb, matrix))


def test_alpha_is_seen_over_black():
    rgba = np.array([[[200, 100, 50, 255], [200, 100, 50, 128], [200, 100, 50, 0]]], np.uint8)
    np.testing.assert_array_equal(over_black(rgba), [[[200, 100, 50], [100, 50, 25], [0, 0, 0]]])


def test_video_with_alpha(encode, tmp_path):
    path = tmp_path / "alpha.mkv"
    rgba = np.full((16, 16, 4), (200, 100, 50, 255), np.uint8)
    rgba[8:, :, 3] = 0
    with av.open(str(path), "w") as target:
        stream = target.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "bgra"
        target.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format="bgra")))
        target.mux(stream.encode(None))
    with open_source(str(path)) as reader:
        rgb = next(iter(reader)).rgb
    assert (rgb[:8] == (200, 100, 50)).all()
    assert (rgb[8:] == 0).all()


@pytest.mark.parametrize(("encoder", "pixels"), [("libvpx-vp9", "yuva420p"), ("libvpx-vp9", "yuv420p")])
def test_transparency_that_is_not_read_is_noted(encoder, pixels, tmp_path):
    path = tmp_path / "clip.webm"
    with av.open(str(path), "w") as target:
        stream = target.add_stream(encoder, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, pixels
        rgba = np.full((64, 64, 4), (200, 100, 50, 0), np.uint8)
        target.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format=pixels)))
        target.mux(stream.encode(None))
    with open_source(str(path)) as reader:
        list(reader)
        noted = [note for note in reader.report.notes if "ffmpeg -c:v libvpx-vp9 -i INPUT" in note]
    assert len(noted) == (pixels == "yuva420p")


COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 100, 50)], np.uint8)


def yuv(rgb, red, blue, *, full):
    """RGB to 8-bit YUV by the definition, from the luma weights of red and blue."""
    r, g, b = (rgb.astype(float) / 255).T
    luma = red * r + (1 - red - blue) * g + blue * b
    chroma_b, chroma_r = (b - luma) / (2 - 2 * blue), (r - luma) / (2 - 2 * red)
    if full:
        return np.stack([255 * luma, 128 + 255 * chroma_b, 128 + 255 * chroma_r])
    return np.stack([16 + 219 * luma, 128 + 224 * chroma_b, 128 + 224 * chroma_r])


@pytest.mark.parametrize(
    ("height", "tag", "red", "blue"),
    [(32, 1, 0.2126, 0.0722), (32, 6, 0.299, 0.114), (32, 2, 0.299, 0.114), (720, 2, 0.2126, 0.0722)],
)
@pytest.mark.parametrize("full", [False, True])
def test_colour_matrix_and_range_are_honoured(height, tag, red, blue, full):
    planes = np.rint(yuv(COLOURS, red, blue, full=full)).clip(0, 255).astype(np.uint8)
    image = np.repeat(planes[:, None], height, axis=1).repeat(16, axis=2)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="yuv444p")
    frame.colorspace, frame.color_range = tag, 2 if full else 1
    seen = RGBConverter()(frame)[height // 2, 8::16]
    assert np.abs(seen.astype(int) - COLOURS).max() <= 3
