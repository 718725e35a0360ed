"""What the user typed, sorted out: which sources there are, and how each is opened."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from gfsalnet.choices import FolderAs
from gfsalnet.errors import SourceError
from gfsalnet.object_store import is_object
from gfsalnet.urls import is_url
from gfsalnet.video.animations import PagesReader, animation_in
from gfsalnet.video.base import VideoReader
from gfsalnet.video.camera import camera_input, camera_number
from gfsalnet.video.container import ContainerReader, MediaInput
from gfsalnet.video.excerpt import ExcerptReader
from gfsalnet.video.files import (
    as_stored,
    begins_like_video,
    dead_links,
    folder_files,
    folder_name,
    is_image,
    is_regular,
    is_video,
    natural_key,
    slug,
    spellings,
    visible_files,
)
from gfsalnet.video.folders import are_of_one_size, left_out_note, nameless_note, sort_out
from gfsalnet.video.heif import is_still
from gfsalnet.video.image_header import FIRST_BYTES
from gfsalnet.video.objects import open_stored
from gfsalnet.video.pyav import FILE
from gfsalnet.video.remote import remote_input
from gfsalnet.video.stills import StillsReader

STANDARD_INPUT = "-"


def expand_sources(
    arguments: Sequence[str], folder_as: FolderAs | None = None, notes: list[str] | None = None
) -> list[str]:
    """The sources that the arguments stand for, in order.

    A source is a video file, an image file, a folder of frames, a glob of frames, a camera number (`0`; a file of that
    name is `./0`), `-` for standard input, or a URL. A folder stands for its videos, or else for the video of which its
    pictures are the frames, or else for its pictures (see `sort_out`); links to videos that lead nowhere are among its
    videos; a glob for its videos, or for the video of which its pictures are the frames if they are of one size (quote
    it, or the shell makes single images of them). What does not exist stays as it is and fails when it is opened, so
    that the rest of a batch goes on.

    Args:
        arguments: what the user typed.
        folder_as: what folders and globs are to be taken for instead.
        notes: a line is appended for each folder of which files are left out, among them videos whose names have no
            ending.
    """
    left_out: list[str] = [] if notes is None else notes
    return [source for argument in arguments for source in _expand(argument, folder_as, left_out)]


def _expand(argument: str, folder_as: FolderAs | None, notes: list[str]) -> list[str]:
    if argument == STANDARD_INPUT or is_url(argument) or camera_number(argument) is not None:
        return [argument]
    argument = as_stored(argument)
    if os.path.isdir(argument):
        return _expand_folder(argument, folder_as, notes)
    if os.path.lexists(argument) or not glob.has_magic(argument):
        return [argument]
    # A file may be called like a pattern (`a[1].mp4`), so patterns are only expanded if no such file exists.
    matches = _glob(argument)
    if all(is_image(path) for path in matches):
        are_frames = folder_as == "frames" or (folder_as is None and are_of_one_size(matches))
        return [argument] if are_frames or not matches else list(map(str, matches))
    return [source for path in matches for source in _expand(str(path), folder_as, notes)]


def _expand_folder(folder: str, folder_as: FolderAs | None, notes: list[str]) -> list[str]:
    try:
        files, dead = visible_files(Path(folder)), dead_links(Path(folder))
    except OSError:
        return [folder]
    held = sort_out(files, folder_as)
    if held.left_out and held.paths:
        notes.append(left_out_note(folder, held.left_out))
    if nameless := [path for path in files if not path.suffix and begins_like_video(path)]:
        notes.append(nameless_note(folder, nameless))
    if held.kind == "videos" and held.paths:
        # Whoever has put a link there wants its video: it fails when it is opened, and is named.
        return list(map(str, sorted([*held.paths, *filter(is_video, dead)], key=natural_key)))
    return [folder] if held.kind == "frames" or not held.paths else list(map(str, held.paths))


def _glob(pattern: str) -> list[Path]:
    """Matches in natural order; of folders those that hold something to see, of files videos and pictures."""
    found = {name for spelling in spellings(pattern) for name in glob.glob(spelling, recursive=True)}
    matches = sorted(map(Path, found), key=natural_key)
    return [path for path in matches if is_image(path) or is_video(path) or path.is_dir()]


def open_source(
    source: str | Path | int,
    *,
    rate: Fraction | None = None,
    folder_as: FolderAs | None = None,
    allow_playlists: bool = False,
    local_only: bool = False,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> VideoReader:
    """Open one source, or a part of it, and make sure that its first frame can be read.

    Args:
        source: one of `expand_sources`; a path, or the number of a camera.
        rate: frames per second of picture sequences; 25 if None. Video has its own.
        folder_as: what a folder is to be taken for, as it was for `expand_sources`.
        allow_playlists: whether to read playlists too (HLS, DASH, concat scripts of FFmpeg), with whatever they name.
        local_only: whether only files and folders of this machine are opened, and of them no playlists: for programs
            that open what others name.
        start_seconds: read from the first frame that is not before this time on; frames keep the numbers and times that
            they have in the source.
        end_seconds: read to the last frame before this time.

    Raises:
        SourceError: for every problem that shows now; it names the source and says what to do.
    """
    source = str(source)
    if local_only:
        _require_local(as_stored(source))
        allow_playlists = False
    reader = _open_whole(source, rate, folder_as, allow_playlists)
    if (start_seconds is None and end_seconds is None) or reader.info.kind == "image":
        return reader
    return ExcerptReader(reader, start_seconds, end_seconds)


def _open_whole(source: str, rate: Fraction | None, folder_as: FolderAs | None, allow_playlists: bool) -> VideoReader:
    if source == STANDARD_INPUT:
        return _open_standard_input(allow_playlists)
    # Before any look at the disk: `0` is a camera, a file of that name is `./0`.
    number = camera_number(source)
    if number is not None:
        return ContainerReader(camera_input(source, number))
    if is_object(source):
        return open_stored(source, allow_playlists)
    if is_url(source):
        return ContainerReader(remote_input(source, allow_playlists))
    source = as_stored(source)
    if os.path.isdir(source):
        return _open_folder(source, rate, folder_as, allow_playlists)
    if not os.path.lexists(source) and glob.has_magic(source):
        return _open_glob(source, rate)
    return _open_file(source, rate, allow_playlists)


def _require_local(source: str) -> None:
    if source == STANDARD_INPUT or is_url(source) or camera_number(source) is not None or not os.path.lexists(source):
        raise SourceError(source, "is no file or folder of this machine", "Only those are opened here.")
    if not (os.path.isfile(source) or os.path.isdir(source)):
        raise SourceError(source, "is a device or a pipe", "Only files and folders are opened here.")


def _open_file(source: str, rate: Fraction | None, allow_playlists: bool) -> VideoReader:
    regular, path = is_regular(source), Path(source)
    name = folder_name(path, path.stem)
    if regular:
        animation = animation_in(path)
        if animation in ("webp", "tiff"):
            return PagesReader(source, name, path, animation, rate)
        if animation is None and (is_image(path) or _is_heif_still(path)):
            return StillsReader(source, name, [path], rate, path)
    return ContainerReader(
        MediaInput(
            source=source,
            name=name,
            kind="video",
            file=f"{FILE}{path.absolute()}",
            path=path if regular else None,
            allow_playlists=allow_playlists,
        )
    )


def _is_heif_still(path: Path) -> bool:
    """Whether a file is an AVIF or HEIC picture, of which FFmpeg would show a tile."""
    with path.open("rb") as file:
        return is_still(file.read(FIRST_BYTES))


def _open_folder(source: str, rate: Fraction | None, folder_as: FolderAs | None, allow_playlists: bool) -> VideoReader:
    path, held = Path(source), sort_out(folder_files(source), folder_as)
    if not held.paths:
        remedy = "Give a video file, or a folder with frames (PNG, JPEG, …) directly in it."
        nothing = "neither images nor videos" if not held.left_out else f"no {held.kind}"
        raise SourceError(source, f"the folder holds {nothing}", remedy)
    if held.kind == "frames":
        return StillsReader(source, path.resolve().name or "frames", held.paths, rate, path)
    if len(held.paths) == 1:
        return _open_file(str(held.paths[0]), rate, allow_playlists)
    problem, remedy = f"the folder holds {len(held.paths)} {held.kind}", "Give them one by one"
    if held.kind == "pictures":
        problem += " that are not numbered frames of one size"
        remedy += ", or --folder-as frames"
    raise SourceError(source, problem, remedy + ".")


def _open_glob(source: str, rate: Fraction | None) -> VideoReader:
    pictures = [path for path in _glob(source) if is_image(path)]
    if not pictures:
        raise SourceError(source, "nothing matches this pattern", "Check the spelling, and the folder it starts from.")
    name = slug("/".join(Path(source).parts[-2:]))
    return StillsReader(source, name, pictures, rate, None)


def _open_standard_input(allow_playlists: bool) -> VideoReader:
    """Spool to a file first: most MP4 have their index at the end, and a pipe cannot be rewound."""
    if sys.stdin.isatty():
        raise SourceError(STANDARD_INPUT, "standard input is a terminal", "Pipe a video in: cat clip.mp4 | …")
    folder = tempfile.TemporaryDirectory(prefix="gfsalnet-")
    try:
        path = Path(folder.name) / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
    except OSError as error:
        folder.cleanup()
        remedy = "Free some space there, or set TMPDIR to a folder with more."
        problem = f"it cannot be stored in {tempfile.gettempdir()} ({error.strerror})"
        raise SourceError(STANDARD_INPUT, problem, remedy) from error
    if path.stat().st_size == 0:
        folder.cleanup()
        raise SourceError(STANDARD_INPUT, "standard input is empty", "Check the command before the pipe.")
    if _is_heif_still(path):
        folder.cleanup()
        raise SourceError(STANDARD_INPUT, "it is an AVIF or HEIC picture", "Store it in a file, and give that.")
    # The spooled copy lives as long as the reader: closing it deletes the folder.
    media = MediaInput(
        source=STANDARD_INPUT,
        name="stdin",
        kind="video",
        file=f"{FILE}{path}",
        path=path,
        allow_playlists=allow_playlists,
    )
    return ContainerReader(media, on_close=folder.cleanup)
