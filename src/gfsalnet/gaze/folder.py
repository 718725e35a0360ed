"""`folder`: the user's own videos or pictures, with everyone's fixations in one table.

    ROOT/videos/clip.mp4 …          (or directly in ROOT; a folder of frames counts as a video)
    ROOT/images/1001.jpg …
    ROOT/fixations.csv              or .parquet: columns video or image, x, y, and for videos frame or time_seconds;
                                    subject, duration_ms, width, height may follow
    ROOT/fixations.npz              of photographs: image_index, subject, x, y, image_names, original_sizes_wh
    ROOT/gaze.npz                   of a single video: fix_frame, fix_subject, fix_x, fix_y, video_wh

`x, y` are 0-based pixels, floats, of a picture of `width` times `height`, or of the file where the table has no such
columns. A name may be given with or without suffix. `frame` is 0-based; a `time_seconds` belongs to the frame shown
then at a constant rate. With `duration_ms` a fixation counts on every frame it touches, without on one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset
from gfsalnet.gaze.disk import film_count, film_frames, film_info, grouped_rows, require_folder
from gfsalnet.gaze.table import LAYOUT, FixationTable, read_recording, read_table
from gfsalnet.types import Fixations, Frame
from gfsalnet.video.files import is_image, is_video, natural_key, visible_files

TABLES = ("fixations.npz", "fixations.csv", "fixations.parquet")
RECORDING = "gaze.npz"
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
        held_out = {name: place % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 for place, name in enumerate(files)}
        wanted = {"all": (True, False), "train": (False,), "val": (True,)}[split]
        self._files = {name: path for name, path in files.items() if held_out[name] in wanted}

    @abstractmethod
    def load(self) -> tuple[FixationTable, dict[str, Path]]:
        """The table, with the names that `videos` uses, and the file of each in the dataset's order."""

    @property
    def videos(self) -> list[str]:
        """File names without suffix: in the order of `image_names`, or 2 before 10."""
        return list(self._files)

    def frames(self, video: str) -> Iterator[Frame]:
        """The film, or the picture at its stored size."""
        return film_frames(self._files[video])

    def pictures(self, video: str) -> Mapping[int, Path]:
        """The picture, those of a folder of frames, or those extracted from a film."""
        path = self._files[video]
        if path.is_dir():
            return dict(enumerate(filter(is_image, visible_files(path))))
        return {0: path} if is_image(path) else super().pictures(video)

    def frames_folder(self, video: str) -> Path | None:
        """ROOT/frames/clip; None where the video is a folder of frames already."""
        return super().frames_folder(video) if is_video(self._files[video]) else None

    def gaze(self, video: str) -> list[FrameGaze]:
        """The frames of a video that have fixations, or the one of a picture, be it without."""
        rows = self._table.rows_of.get(video, np.zeros(0, np.intp))
        if self.kind == "image":
            return [FrameGaze(index=0, fixations=self._fixations(video, rows))]
        repeated, frames = self._on_frames(video, rows)
        indices, group_of = np.unique(frames, return_inverse=True)
        groups = grouped_rows(group_of, len(indices))
        return [
            FrameGaze(index=int(index), fixations=self._fixations(video, repeated[group]))
            for index, group in zip(indices, groups, strict=True)
        ]

    def _on_frames(self, video: str, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Each row as often as it touches frames, and these frames."""
        table, rate = self._table, float(film_info(self._files[video]).rate)
        if table.frame is not None:
            start = table.frame[rows].astype(np.float64)
        else:
            assert table.time_seconds is not None
            # The small summand keeps frame 3 at 30/s, written as 0.1, from becoming frame 2.
            start = table.time_seconds[rows] * rate + 1e-6
        first = np.floor(start).astype(np.int64)
        counts = np.ones_like(first)
        if table.duration_ms is not None:
            end = np.minimum(start + table.duration_ms[rows] * rate / 1000 - 1e-5, film_count(self._files[video]))
            counts = np.maximum(np.ceil(end).astype(np.int64) - first, 1)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(rows, counts), np.repeat(first, counts) + within

    def _fixations(self, video: str, rows: NDArray[np.intp]) -> Fixations:
        table = self._table
        size_wh = table.sizes_wh.get(video) if table.sizes_wh else None
        return Fixations(
            x=table.x[rows],
            y=table.y[rows],
            size_wh=size_wh or film_info(self._files[video]).size_wh,
            subject=None if table.subject is None else table.subject[rows],
        )

    def sigma_pixels(self, video: str) -> float:
        """`sigma_share` of the width."""
        sizes = self._table.sizes_wh or {}
        return self.sigma_share * (sizes.get(video) or film_info(self._files[video]).size_wh)[0]

    def frame_counts(self, video: str) -> dict[str, int]:
        """Pictures only, by the file's header."""
        return {"pictures": film_count(self._files[video])}

    def remarks(self) -> list[str]:
        """Rows without a position."""
        count = self._table.without_position
        return [f"rows of the table without x or y, left out: {count}"] if count else []


class Folder(TableDataset):
    """The user's own; called by the name of the folder."""

    name = "folder"
    layout = f"A gaze folder holds videos/ or images/, and one of {', '.join(TABLES)}. {LAYOUT}"
    sigma_share = 0.03  # one degree of visual angle in OSIE

    def __init__(self, root: Path, split: str = "all") -> None:
        super().__init__(root, split)
        self.name = root.resolve().name

    def load(self) -> tuple[FixationTable, dict[str, Path]]:
        """From whichever table is there."""
        return load_folder(self.root, self.layout)


def load_folder(root: Path, layout: str) -> tuple[FixationTable, dict[str, Path]]:
    """The table of a folder and its files by name.

    Raises:
        DatasetError: if there is no table, it is damaged, or a file that it names is missing.
    """
    found = next((root / name for name in TABLES if (root / name).is_file()), None)
    if found is None and (root / RECORDING).is_file():
        films = _media(root, is_video)
        if len(films) != 1:
            raise DatasetError(root, f"beside {RECORDING} there must be one video, not {len(films)}", layout)
        return read_recording(root / RECORDING, films[0].stem), {films[0].stem: films[0]}
    table = read_table(found or root / TABLES[0])
    is_pack = found is not None and found.suffix == ".npz"
    return join(table, _media_of(root), only_listed=is_pack, where=root)


def join(
    table: FixationTable, media: list[Path], *, only_listed: bool, where: Path
) -> tuple[FixationTable, dict[str, Path]]:
    """Bring the names of a table and of files together, without suffixes.

    Args:
        table: as it was read.
        media: files or folders of frames.
        only_listed: take the table's names in its order, whatever other files lie there.
        where: for errors.

    Raises:
        DatasetError: if a name has no file, or two files differ in their suffix only.
    """
    files = {path.stem: path for path in media}
    if len(files) < len(media):
        raise DatasetError(where, "two of its files differ in their suffix only", "Rename one of them.")
    known = {path.name: path.stem for path in media} | {name: name for name in files}
    missing = [name for name in table.names if name not in known]
    if missing:
        problem = (
            f"{len(missing)} of {len(table.names)} files that its table names are missing, the first is {missing[0]}"
        )
        raise DatasetError(where, problem, "Copy the folder again.")
    names = list(dict.fromkeys(known[name] for name in table.names))  # `a` and `a.jpg` in one table are one file
    of = np.array([names.index(known[name]) for name in table.names], np.intp)[table.of]
    sizes_wh = table.sizes_wh and {known[name]: size for name, size in table.sizes_wh.items()}
    joined = replace(table, names=names, of=of, sizes_wh=sizes_wh)
    return joined, {name: files[name] for name in (names if only_listed else files)}


def _media_of(root: Path) -> list[Path]:
    """What there is to look at: in `images/`, in `videos/`, or in the folder itself."""
    if (root / "images").is_dir():
        return _media(root / "images", is_image)
    folder = root / "videos" if (root / "videos").is_dir() else root
    frame_folders = [path for path in folder.iterdir() if path.is_dir() and any(is_image(p) for p in path.iterdir())]
    media = _media(folder, is_video) + frame_folders
    return sorted(media, key=natural_key) or _media(folder, is_image)


def _media(folder: Path, is_wanted: Callable[[Path], bool]) -> list[Path]:
    files = (path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    return sorted(filter(is_wanted, files), key=natural_key)
