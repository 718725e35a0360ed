"""A file leads to no other file and to no server, unless playlists are allowed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import open_source
from gfsalnet.video.playlists import playlist_kind
from gfsalnet.video.pyav import PLAYLIST_FORMATS, open_input

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.4,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" mediaPresentationDuration="PT1S"><Period><AdaptationSet '
    'mimeType="video/mp4"><Representation id="0" bandwidth="1"><BaseURL>{}</BaseURL></Representation></AdaptationSet>'
    "</Period></MPD>\n"
)
IMF = '<?xml version="1.0"?>\n<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">{}</CompositionPlaylist>'
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 {}\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
CRAFTED = {
    "list.m3u8": HLS,
    "list.mp4": HLS,
    "script.ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "script.mp4": "ffconcat version 1.0\nfile '{}'\n",
    "manifest.mpd": DASH,
    "composition.xml": IMF,
    "session.sdp": SDP,
}


@pytest.fixture
def knocks() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", asked
        listening.shutdown()


@pytest.mark.parametrize("name", CRAFTED)
def test_a_playlist_is_refused_in_words(
    name: str, encode: Callable[..., Path], tmp_path: Path, knocks: tuple[str, list[str]]
) -> None:
    url, asked = knocks
    for target in (encode("part.ts", 3).name, "/etc/passwd", f"{url}/x.ts"):
        (tmp_path / name).write_text(CRAFTED[name].format(target))
        with pytest.raises(SourceError, match=r"it is an? .*, and names other files .*--allow-playlists"):
            open_source(tmp_path / name)
        with pytest.raises(SourceError, match=r"it is an? "):
            open_source(tmp_path / name, allow_playlists=True, local_only=True)
    assert asked == []


@pytest.mark.parametrize("name", [name for name in CRAFTED if playlist_kind(CRAFTED[name].encode())])
def test_ffmpeg_itself_refuses_them_too(
    name: str, encode: Callable[..., Path], tmp_path: Path, knocks: tuple[str, list[str]]
) -> None:
    """Should one pass our own look at its first bytes."""
    url, asked = knocks
    for target in (encode("part.ts", 3).name, f"{url}/x.ts"):
        (tmp_path / name).write_text(CRAFTED[name].format(target))
        with pytest.raises(av.FFmpegError):
            open_input(f"file:{tmp_path / name}")
    assert asked == []


@pytest.mark.parametrize("name", ["list.m3u8", "script.ffconcat"])
def test_where_playlists_are_allowed_they_are_read(name: str, encode: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / name).write_text(CRAFTED[name].format(encode("part.ts", 3).name))
    with open_source(tmp_path / name, allow_playlists=True) as reader:
        assert len(list(reader)) == 3
        assert reader.info.is_playlist
        assert not reader.info.can_be_recognised


def test_even_then_no_file_is_read_that_is_no_video(tmp_path: Path) -> None:
    for name in ("list.m3u8", "script.ffconcat"):
        (tmp_path / name).write_text(CRAFTED[name].format("/etc/passwd"))
        with pytest.raises(SourceError):
            open_source(tmp_path / name, allow_playlists=True)


def test_a_name_with_a_pattern_is_one_file(tmp_path: Path) -> None:
    for name in ("a0.tga", "a1.tga", "a2.tga"):
        with av.open(str(tmp_path / name), "w", format="image2", options={"update": "1"}) as container:
            stream = container.add_stream("targa", rate=25)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "bgr24"
            container.mux(stream.encode(av.VideoFrame(32, 32, "bgr24")))
            container.mux(stream.encode(None))
    (tmp_path / "a0.tga").rename(tmp_path / "a%d.tga")
    with open_source(tmp_path / "a%d.tga") as reader:
        assert len(list(reader)) == 1


def test_what_a_file_is_called_opens_no_protocol(encode: Callable[..., Path], tmp_path: Path) -> None:
    clip = encode("clip.mp4", 3)
    for name in (f"subfile,,start,0,end,0,,:{clip}", f"concat:{clip}|{clip}", f"cache:{clip}", "tcp:127.0.0.1:9"):
        with pytest.raises(SourceError, match="no such file"):
            open_source(name)
        with pytest.raises((av.FFmpegError, OSError)):
            open_input(f"file:{name}")


def test_only_files_and_folders_where_asked_for(
    encode: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    encode("clip.mp4", 3)
    with open_source("clip.mp4", local_only=True) as reader:
        assert len(list(reader)) == 3
    with open_source(tmp_path, local_only=True) as reader:
        assert len(list(reader)) == 3
    for source in ("-", "0", "/dev/video0", "/dev/zero", "http://127.0.0.1:1/x", "*.mp4", "missing.mp4"):
        with pytest.raises(SourceError, match=r"no file or folder|device or a pipe"):
            open_source(source, local_only=True)


def test_the_names_are_those_of_this_ffmpeg() -> None:
    assert {"hls", "concat", "sdp"} <= PLAYLIST_FORMATS & set(av.formats_available)
