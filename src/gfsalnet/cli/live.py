"""`gfsalnet live`."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.choices import LiveView
from gfsalnet.cli.console import tell
from gfsalnet.cli.listening import (
    HostOption,
    NameOption,
    NoAuthOption,
    TokenFileOption,
    host_names,
    read_token,
    require_guard,
)
from gfsalnet.cli.options import (
    MODEL,
    OUTPUT,
    BackendOption,
    DeviceOption,
    FlowOption,
    ModelOption,
    checked,
    examples,
)
from gfsalnet.cli.progress import at_work
from gfsalnet.words import counted

if TYPE_CHECKING:
    from gfsalnet.live import Feed
    from gfsalnet.models import SaliencyModel
    from gfsalnet.types import RGB
    from gfsalnet.video import VideoReader

LIVE_EXAMPLES = examples(
    "gfsalnet live 0",
    "gfsalnet live rtsp://camera.example/stream --view gate",
)
_JPEG_QUALITY = 80
_USUAL_RATE = Fraction(30)


def _check_target(text: str) -> None:
    if text != "pipe:" and not text.startswith(("rtsp://", "rtsps://")):
        raise ValueError(f"{text} is neither pipe: nor an address of rtsp://")


def live(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Camera number, address of a stream, or video file.")],
    view: Annotated[LiveView, typer.Option(rich_help_panel=OUTPUT, help="What is drawn.")] = "overlay",
    to: Annotated[
        str | None,
        typer.Option(
            callback=checked(_check_target),
            rich_help_panel=OUTPUT,
            help="Send H.264 there instead of to a page: pipe: is standard output, as MPEG-TS, rtsp://… a server.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, rich_help_panel=OUTPUT, help="Port of the page; 0: any that is free.")
    ] = 8766,
    model: ModelOption = "gfsalnet-mobile",
    flow: FlowOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    allow_playlists: Annotated[
        bool, typer.Option("--allow-playlists", rich_help_panel=MODEL, help="Read playlists too (HLS, DASH).")
    ] = False,
    host: HostOption = "127.0.0.1",
    token_file: TokenFileOption = None,
    no_auth: NoAuthOption = False,
    name: NameOption = None,
) -> None:
    """Watch a camera, a stream or a video as it runs, on a page of this machine.

    Frames are dropped rather than queued, so that what is shown is new; how old it is, and how many were dropped,
    stands in the picture. A stream that breaks off is opened again. Ctrl-C ends it.
    """
    require_guard(host, token_file, no_auth)
    from gfsalnet.device import settle_memory
    from gfsalnet.live import Feed
    from gfsalnet.models import load_model, may_have_gate
    from gfsalnet.urls import without_secrets

    if view == "gate" and not may_have_gate(model):
        raise typer.BadParameter(f"{model} has no gate", param_hint="--view gate")
    settle_memory()
    with at_work(f"loading {model}"):
        loaded = load_model(model, flow=flow, backend=backend, device=device)
    feed = Feed()
    try:
        if to is None:
            address = (host, port, read_token(token_file), host_names(host, name or []))
            _on_a_page(loaded, source, view, feed, without_secrets(source), address, allow_playlists)
        else:
            _to_a_stream(loaded, source, view, feed, to, allow_playlists)
    finally:
        if feed.shown:
            said = f"{counted(feed.shown, 'frame')} shown, {feed.dropped} dropped"
            tell(f"{said}; half of the pictures were under {feed.median_age_ms:.0f} ms old")


def _on_a_page(
    model: SaliencyModel,
    source: str,
    view: LiveView,
    feed: Feed,
    title: str,
    address: tuple[str, int, str | None, frozenset[str]],
    allow_playlists: bool,
) -> None:
    import cv2

    from gfsalnet.live import LivePage, watch
    from gfsalnet.video import open_source

    def show(picture: RGB, time_seconds: float) -> None:
        if feed.viewers:
            bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
            feed.put(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes())

    with LivePage(feed, title, *address) as page:

        def start(source: str) -> VideoReader:
            reader = open_source(source, allow_playlists=allow_playlists)
            if feed.reconnects == 0:  # only now there will be something to see
                tell(f"open http://{page.address}/ — Ctrl-C ends it")
            return reader

        watch(model, source, view, feed, show, start=start)


def _to_a_stream(
    model: SaliencyModel, source: str, view: LiveView, feed: Feed, target: str, allow_playlists: bool
) -> None:
    from gfsalnet.live import StreamSink, watch
    from gfsalnet.video import open_source

    with StreamSink(target, _USUAL_RATE) as sink:
        start = partial(open_source, allow_playlists=allow_playlists)
        watch(model, source, view, feed, lambda picture, time_seconds: sink.write(picture), start=start)
