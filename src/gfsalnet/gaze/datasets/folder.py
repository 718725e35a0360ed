"""`folder`: the user's own videos or pictures, with everyone's fixations in one table.

    ROOT/videos/clip.mp4 …          (or directly in ROOT; a folder of frames counts as a video)
    ROOT/images/1001.jpg …
    ROOT/fixations.csv              or .parquet: columns video or image, x, y, and for videos frame or time_seconds;
                                    subject, duration_ms, width, height, frames_per_second may follow
    ROOT/fixations.npz              of photographs: image_index, subject, x, y, image_names, original_sizes_wh
    ROOT/gaze.npz                   of a single video: fix_frame, fix_subject, fix_x, fix_y, video_wh

`x, y` are 0-based pixels, floats, of a picture of `width` times `height`, or of the file where the table has no such
columns. A name may be given with or without suffix. `frame` is 0-based; a `time_seconds` belongs to the frame that the
video's own time stamps show then. With `duration_ms` a fixation counts on every frame it touches, otherwise on one.

The pictures of a folder of frames are matched by the number in their names: a gap is a gap. It has 25 frames per second
unless the table has a column `frames_per_second`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.gaze.columns import LAYOUT
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset
from gfsalnet.gaze.disk import grouped_rows, require_folder
from gfsalnet.gaze.exports import exports_in, import_remedy
from gfsalnet.gaze.names import NameIndex
from gfsalnet.gaze.numbers import first_of_frames, frame_numbers
from gfsalnet.gaze.quality import Quality
from gfsalnet.gaze.table import FixationTable, read_recording, read_table
from gfsalnet.gaze.video_files import Timeline, picture_frames, video_frames, video_info, video_timeline
from gfsalnet.types import Fixations, Frame
from gfsalnet.video.files import is_image, is_video, natural_key
from gfsalnet.video.info import DEFAULT_RATE

Value = TypeVar("Value")
TABLES = ("fixations.npz", "fixations.csv", "fixations.parquet")
RECORDING = "gaze.npz"
SHAPE_TOLERANCE = 0.05
"""How far width / height of a table may be from the picture's before it is mentioned."""
FILLED = 0.1
"""Gaze in milliseconds must reach at least this share of the video to be taken for it."""
HELD_OUT_EVERY = 7
"""The split `val` is the last of every seven videos or pictures; the shipped weights were not trained on it."""


class TableDataset(GazeDataset):
    """Videos or pictures with one table of fixations: `all`, or `train` and `val`, the last of every seven."""

    kind: Literal["video", "image"] = "image"
    splits = ("all", "train", "val")
    default_split = "all"
    sigma_share: ClassVar[float]
    """The sigma as a share of the width of the picture that x, y refer to."""

    def __init__(self, root: Path, split: str = "all") -> None:
        super().__init__(root, split)
        require_folder(root, self.layout)
        self._table, files = self.load()
        if not files:
            raise DatasetError(root, "it holds no videos or pictures", self.layout)
        self.kind = "image" if all(is_image(path) for path in files.values()) else "video"
        if self.kind == "video" and self._table.frame is None and self._table.time_seconds is None:
            raise DatasetError(root, "its table has neither frame nor time_seconds, but there are videos", LAYOUT)
        # By position over all files, so that the split does not depend on which videos have gaze.
        held_out = {name: place % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 for place, name in enumerate(files)}
        wanted = {"all": (True, False), "train": (False,), "val": (True,)}[split]
        self._files = {name: path for name, path in files.items() if held_out[name] in wanted}

    @abstractmethod
    def load(self) -> tuple[FixationTable, dict[str, Path]]:
        """The table with the names that `videos` uses, and name → file in the dataset's order."""

    @property
    def videos(self) -> list[str]:
        """File names without suffix, in the order of `image_names` or in natural order (2 before 10)."""
        return list(self._files)

    def frames(self, video: str) -> Iterator[Frame]:
        """Frames (H, W, 3) of the video, the picture at its stored size, or the pictures of a folder by number."""
        path = self._files[video]
        return picture_frames(self.pictures(video), self._rate(video)) if path.is_dir() else video_frames(path)

    def pictures(self, video: str) -> Mapping[int, Path]:
        """The picture, the pictures of a folder by number, or the frames extracted from a video."""
        path = self._files[video]
        if not path.is_dir():
            return {0: path} if is_image(path) else super().pictures(video)
        by_number = frame_numbers(path)
        frames = None if self._table.frame is None else self._table.frame[self._rows(video)]
        first = first_of_frames(path, by_number, frames)
        return {number - first: picture for number, picture in by_number.items()}

    def frames_folder(self, video: str) -> Path | None:
        """ROOT/frames/clip; None where the video is a folder of frames already."""
        return super().frames_folder(video) if is_video(self._files[video]) else None

    def gaze(self, video: str) -> list[FrameGaze]:
        """The frames of a video that have fixations, in pixels; for a picture its one frame, even without fixations.

        Fixations after the end of the video are left out.
        """
        rows = self._rows(video)
        if self.kind == "image":
            return [FrameGaze(index=0, fixations=self._fixations(video, rows))]
        if not len(rows):
            return []
        # A fixation that lasts touches several frames, and counts on each.
        repeated, frames = self._on_frames(rows, timeline := self._timeline(video))
        # What is past the end is of no frame; `quality` counts it as late.
        frames, repeated = frames[frames < len(timeline)], repeated[frames < len(timeline)]
        indices, group_of = np.unique(frames, return_inverse=True)
        groups = grouped_rows(group_of, len(indices))
        return [
            FrameGaze(index=int(index), fixations=self._fixations(video, repeated[group]))
            for index, group in zip(indices, groups, strict=True)
        ]

    def _rows(self, video: str) -> NDArray[np.intp]:
        return self._table.rows_of.get(video, np.zeros(0, np.intp))

    def _timeline(self, video: str) -> Timeline:
        path = self._files[video]
        if path.is_dir():
            return Timeline.steady(max(self.pictures(video)) + 1, self._rate(video))
        return video_timeline(path)

    def _rate(self, video: str) -> Fraction:
        """Frames per second of a folder of frames."""
        return (self._table.rates or {}).get(video, DEFAULT_RATE)

    def _on_frames(self, rows: NDArray[np.intp], timeline: Timeline) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Each row as often as it touches frames, and these frames."""
        table = self._table
        if table.frame is not None:
            first = table.frame[rows]
            # The start of the frame stands for the unknown moment within it.
            starts = timeline.starts_seconds[np.minimum(first, len(timeline) - 1)]
        else:
            assert table.time_seconds is not None
            starts = table.time_seconds[rows]
            first = timeline.frame_at(starts)
        if table.duration_ms is None:
            return rows, first
        # A fixation that ends when a frame starts does not touch it, and one of no length touches one frame.
        last = np.maximum(timeline.frame_before(starts + table.duration_ms[rows] / 1000), first)
        counts = last - first + 1
        # 0, 1, … within each row: a running count less what came before the row.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(rows, counts), np.repeat(first, counts) + within

    def _fixations(self, video: str, rows: NDArray[np.intp]) -> Fixations:
        table = self._table
        return Fixations(
            x=table.x[rows],
            y=table.y[rows],
            size_wh=self._size_wh(video),
            subject=None if table.subject is None else table.subject[rows],
        )

    def _size_wh(self, video: str) -> tuple[int, int]:
        """Width and height of the picture that x, y refer to, in pixels."""
        return (self._table.sizes_wh or {}).get(video) or video_info(self._files[video]).size_wh

    def sigma_pixels(self, video: str) -> float:
        """`sigma_share` of the width."""
        return self.sigma_share * self._size_wh(video)[0]

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """Pictures only."""
        path = self._files[video]
        if path.is_dir():
            return {"pictures": self.pictures(video)}
        if is_image(path):
            video_info(path)  # finds a damaged one
            return {"pictures": range(1)}
        return {"pictures": range(len(video_timeline(path)))}

    def quality(self, video: str, gaze: Sequence[FrameGaze] | None = None) -> Quality:
        """Counts each row of the table once, on however many frames it lies."""
        rows = self._rows(video)
        late = np.zeros(len(rows), np.bool_)
        late_milliseconds, notes = 0, self._notes(video)
        if self.kind == "video" and len(rows):
            timeline, table = self._timeline(video), self._table
            if table.frame is None and table.time_seconds is not None:
                late = timeline.frame_at(table.time_seconds[rows]) >= len(timeline)
                # Only a hint for the error: times in milliseconds lie past the end.
                late_milliseconds = _in_milliseconds(table.time_seconds[rows][late], timeline.end_seconds)
            elif table.frame is not None:
                late = table.frame[rows] >= len(timeline)
        counted = Quality.of(
            [self._fixations(video, rows[~late])], late=int(late.sum()), late_milliseconds=late_milliseconds
        )
        return replace(counted, notes=notes)

    def _notes(self, video: str) -> list[str]:
        notes, path = [], self._files[video]
        size_wh, stored_wh = self._size_wh(video), video_info(path).size_wh
        if abs(size_wh[0] * stored_wh[1] / (size_wh[1] * stored_wh[0]) - 1) > SHAPE_TOLERANCE:
            said, stored = (f"{width}x{height}" for width, height in (size_wh, stored_wh))
            notes.append(f"width and height say {said}, it has {stored}: x and y are stretched, no bars are taken off")
        frames = None if self._table.frame is None else self._table.frame[self._rows(video)]
        if is_video(path) and frames is not None and len(frames):
            count = len(video_timeline(path))
            # Counted from 1, the last frame of the video is one too many; from 0 it cannot be.
            if frames.min() >= 1 and frames.max() == count:
                notes.append(f"its frames in the table go from {frames.min()} to {count}: frame counts from 0")
        if path.is_dir() and len(self._rows(video)):
            numbers = frame_numbers(path)
            # The table's frames count pictures from 0, the numbers of the files may begin anywhere.
            first = min(numbers) - min(self.pictures(video))
            if first or min(numbers):
                notes.append(f"its pictures are numbered from {min(numbers)}; frame 0 of the table is number {first}")
            if self._table.frame is None or self._table.duration_ms is not None:
                how = "the table says" if self._table.rates else "for want of a column frames_per_second it is read at"
                notes.append(f"it is a folder of frames: {how} {float(self._rate(video)):g} frames per second")
        return notes

    def remarks(self) -> list[str]:
        """Rows without a position, and how the table was read."""
        count = self._table.without_position
        return [*self._table.notes, *([f"rows of the table without x or y, left out: {count}"] if count else [])]


class Folder(TableDataset):
    """The user's own data; named after its folder."""

    name = "folder"
    layout = f"A gaze folder holds videos/ or images/, and one of {', '.join(TABLES)}. {LAYOUT}"
    sigma_share = 0.03  # one degree of visual angle in OSIE

    def __init__(self, root: Path, split: str = "all") -> None:
        super().__init__(root, split)
        self.name = root.resolve().name

    def load(self) -> tuple[FixationTable, dict[str, Path]]:
        """The table and files of the folder."""
        return load_folder(self.root, self.layout)


def _in_milliseconds(late: NDArray[np.float64], end_seconds: float) -> int:
    """How many late times would lie within the video if they were milliseconds; 0 unless they would fill it."""
    seconds = late / 1000
    fills = seconds.max(initial=0) > FILLED * end_seconds
    return int((seconds < end_seconds).sum()) if fills else 0


def load_folder(root: Path, layout: str) -> tuple[FixationTable, dict[str, Path]]:
    """The table of a folder and its files by name.

    Raises:
        DatasetError: if there is no table, it is damaged, or a file that it names is missing.
    """
    found = next((root / name for name in TABLES if (root / name).is_file()), None)
    if found is None and (root / RECORDING).is_file():
        videos = _media(root, is_video)
        if len(videos) != 1:
            raise DatasetError(root, f"beside {RECORDING} there must be one video, not {len(videos)}", layout)
        return read_recording(root / RECORDING, videos[0].stem), {videos[0].stem: videos[0]}
    # Files straight from an eye tracker, in the display's pixels and the recording's time: no dataset yet.
    if found is None and (exports := exports_in(root)):
        name, program = next(iter(exports.items()))
        problem = f"it has no table of fixations, but {name}, an export of {program}"
        raise DatasetError(root, problem, import_remedy(program))
    table = read_table(found or root / TABLES[1])
    is_pack = found is not None and found.suffix == ".npz"
    return join(table, _media_of(root), only_listed=is_pack, where=root)


def join(
    table: FixationTable, media: list[Path], *, only_listed: bool, where: Path
) -> tuple[FixationTable, dict[str, Path]]:
    """Bring the names of a table and of files together, without suffixes.

    Names are found even if they differ in how accents are stored, in folders, in case or in leading zeros.

    Args:
        table: as it was read.
        media: the existing files and folders of frames.
        only_listed: take the table's names in its order, whatever other files lie there.
        where: the place that errors name.

    Raises:
        DatasetError: if a name has no file, or fits several, or two files differ in their suffix only.
    """
    # Dots in the name of a folder are no suffix.
    files = {path.name if path.is_dir() else path.stem: path for path in media}
    if len(files) < len(media):
        raise DatasetError(where, "two of its files differ in their suffix only", "Rename one of them.")
    # Names of files are looked for whole, with their suffix, since a table may have either.
    video_of = {path.name: video for video, path in files.items()}
    index = NameIndex(video_of)
    # Several spellings of one file are one hit.
    hits = {name: list(dict.fromkeys(video_of[hit] for hit in index.find(name))) for name in table.names}
    _check_hits(hits, index, where)
    known = {name: found[0] for name, found in hits.items()}
    names = list(dict.fromkeys(known.values()))  # `a` and `a.jpg` in one table are one file
    place = {name: number for number, name in enumerate(names)}
    of = np.array([place[known[name]] for name in table.names], np.intp)[table.of]
    joined = replace(
        table,
        names=names,
        of=of,
        sizes_wh=_renamed(table.sizes_wh, known, "sizes", where),
        rates=_renamed(table.rates, known, "frame rates", where),
    )
    return joined, {name: files[name] for name in (names if only_listed else files)}


def _check_hits(hits: Mapping[str, list[str]], index: NameIndex, where: Path) -> None:
    missing = [name for name, found in hits.items() if not found]
    if missing:
        there = ", ".join(index.nearest(missing[0])) or "nothing"
        problem = f"{len(missing)} of {len(hits)} files that its table names are missing, the first is {missing[0]}"
        remedy = "Copy the files that are missing, or write their names in the table as they are called."
        raise DatasetError(where, f"{problem}; there is {there}", remedy)
    for name, found in hits.items():
        if len(found) > 1:
            problem = f"{name} of its table may be {' or '.join(found[:3])}"
            raise DatasetError(where, problem, "Write the name in the table exactly as the file is called.")


def _renamed(
    values: Mapping[str, Value] | None, known: Mapping[str, str], what: str, where: Path
) -> dict[str, Value] | None:
    """The values by file names; several names of one file must have the same value."""
    if values is None:
        return None
    found: dict[str, Value] = {}
    for name, value in values.items():
        if found.setdefault(known[name], value) != value:
            raise DatasetError(where, f"its table gives {known[name]} two {what}", "Give each video or image one.")
    return found


def _media_of(root: Path) -> list[Path]:
    """The videos, folders of frames or pictures in `images/`, in `videos/`, or in the folder itself."""
    if (root / "images").is_dir():
        return _media(root / "images", is_image)
    folder = root / "videos" if (root / "videos").is_dir() else root
    frame_folders = [path for path in folder.iterdir() if path.is_dir() and any(is_image(p) for p in path.iterdir())]
    media = _media(folder, is_video) + frame_folders
    return sorted(media, key=natural_key) or _media(folder, is_image)


def _media(folder: Path, is_wanted: Callable[[Path], bool]) -> list[Path]:
    files = (path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    return sorted(filter(is_wanted, files), key=natural_key)
