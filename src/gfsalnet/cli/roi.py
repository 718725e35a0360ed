"""`gfsalnet roi`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from gfsalnet.choices import EncoderPreset, RoiCodec, RoiWord
from gfsalnet.cli.applied import AppliedOutputOption, Work, for_each_source, unless_made
from gfsalnet.cli.config import first_typed
from gfsalnet.cli.console import say
from gfsalnet.cli.options import (
    OUTPUT,
    BackendOption,
    DeviceOption,
    EndOption,
    ModelOption,
    OverwriteOption,
    StartOption,
    checked,
    completed,
    examples,
    time_range,
)
from gfsalnet.cli.predict import SourcesArgument
from gfsalnet.words import counted

if TYPE_CHECKING:
    from gfsalnet.apply.roi import RoiRequest, RoiResult
    from gfsalnet.video import VideoReader

ROI_EXAMPLES = examples(
    "gfsalnet roi clip.mp4 --encode --crf 25",
    "gfsalnet roi clip.mp4 --encode --codec x265 --bitrate 800 --save npz,svt-av1 --output results",
)
ROI_WORDS = get_args(RoiWord)
ENCODING, OFFSETS = "How it is encoded", "How looks become offsets"


def _words(text: str) -> tuple[RoiWord, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if unknown := [word for word in words if word not in ROI_WORDS]:
        raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(ROI_WORDS)}")
    return words  # type: ignore[return-value]  # they are all among them


EncodeOption = Annotated[
    bool, typer.Option("--encode", rich_help_panel=ENCODING, help="Encode the video too, with its sound.")
]
CodecOption = Annotated[RoiCodec, typer.Option(rich_help_panel=ENCODING, help="Encoder.")]
PresetOption = Annotated[
    EncoderPreset,
    typer.Option(metavar="NAME", rich_help_panel=ENCODING, help="Preset of the encoder, ultrafast to placebo."),
]
CrfOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=51,
        rich_help_panel=ENCODING,
        help="Constant quality, smaller is better. Default: the encoder's, 23 of x264 and 28 of x265.",
    ),
]
BitrateOption = Annotated[
    float | None,
    typer.Option(
        min=1,
        max=1e6,
        rich_help_panel=ENCODING,
        help="Kilobits per second of the video on average, in two passes, instead of --crf.",
    ),
]
StrengthOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=20,
        rich_help_panel=OFFSETS,
        help="Largest offset of the QP, finer where viewers look, coarser elsewhere; 0 leaves it to the encoder.",
    ),
]
BlockOption = Annotated[
    Literal["auto", "16", "32", "64"],
    typer.Option(rich_help_panel=OFFSETS, help="Side in pixels of the blocks that have an offset each."),
]
SmoothOption = Annotated[
    float,
    typer.Option(
        min=0, max=10, rich_help_panel=OFFSETS, help="Seconds over which offsets follow the looks; 0: at once."
    ),
]
RoiSaveOption = Annotated[
    str,
    typer.Option(
        callback=checked(_words),
        autocompletion=completed(lambda: ROI_WORDS, commas=True),
        rich_help_panel=OUTPUT,
        help="Files of the offsets, separated by commas: npz, as numbers; svt-av1, a map for SvtAv1EncApp.",
    ),
]


def roi(
    ctx: typer.Context,
    sources: SourcesArgument,
    output: AppliedOutputOption = Path("gfsalnet-out"),
    encode: EncodeOption = False,
    codec: CodecOption = "x264",
    preset: PresetOption = "medium",
    crf: CrfOption = None,
    bitrate: BitrateOption = None,
    strength: StrengthOption = 3.0,
    block: BlockOption = "auto",
    smooth: SmoothOption = 0.2,
    save: RoiSaveOption = "npz",
    model: ModelOption = "gfsalnet-mobile",
    start: StartOption = None,
    end: EndOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Spend bits where viewers look: QP offsets for encoders, and the encode itself.

    What an earlier `predict` of the same source has left in --output is used. Exit status: 0 all done, 1 some source
    failed (each is named), 2 the command was wrong.
    """
    from dataclasses import asdict

    from gfsalnet.apply.roi import Encoding, RoiRequest, RoiSettings, block_for, write_roi
    from gfsalnet.predict import predictions

    if crf is not None and bitrate is not None:
        raise typer.BadParameter("give one of --crf and --bitrate", param_hint="--bitrate")
    if not encode and (typed := first_typed(ctx, "codec", "preset", "crf", "bitrate")):
        raise typer.BadParameter("says how to encode, and --encode is not given", param_hint=typed)
    encoding = Encoding(codec=codec, preset=preset, crf=crf, kbps=bitrate) if encode else None
    part = time_range(start, end)

    def request_for(reader: VideoReader) -> RoiRequest:
        side = block_for(reader.info.size_wh[0]) if block == "auto" else int(block)
        settings = RoiSettings(strength=strength, block_pixels=side, smooth_seconds=smooth)
        return RoiRequest(settings=settings, save=_words(save), encoding=encoding, part_seconds=part)

    def make(work: Work) -> None:
        with closing(predictions(work.reader, work.model, output, part)) as made:
            result = write_roi(
                made,
                work.reader.info,
                work.folder,
                request_for(work.reader),
                work.record,
                on_frame=lambda done: work.show(done, "predicted"),
                on_encoded=lambda number, done: work.show(done, f"encoded, pass {number}"),
            )
        _print(work, result, part)

    work = unless_made("roi", output, part, overwrite, lambda reader: asdict(request_for(reader)), make)
    for_each_source(sources, model, device, backend, work)


def _print(work: Work, result: RoiResult, part: tuple[float | None, float | None]) -> None:
    """What was made, and how large it is beside the source, of which a part alone may be encoded."""
    say(f"{work.source}: offsets of {counted(result.frames, 'frame')} → {result.folder}")
    path = work.reader.info.path
    if result.encoded_bytes is not None:
        whole = "source" if part == (None, None) else "whole source, of which this is a part,"
        beside = f", the {whole} {path.stat().st_size / 1e6:.2f} MB" if path is not None and path.is_file() else ""
        say(f"  encoded: {result.folder / 'encoded.mp4'}, {result.encoded_bytes / 1e6:.2f} MB{beside}")
    for note in result.notes:
        say(f"  note: {note}")
