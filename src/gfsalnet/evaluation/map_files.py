"""Maps that any program wrote, found by the dataset's names.

For a video `clip` of the dataset, the first of these that is there:

    DIR/clip/maps.npz, DIR/clip/maps/      what `gfsalnet predict` writes
    DIR/clip/*.png, *.npy, …               one picture or array a frame
    DIR/clip.npz, .npy, .mp4, .avi, …      a stack of maps, or a film of them
    DIR/clip.png, .jpg, …                  for photographs

Maps may have any size; the protocol resizes them. They belong to the frames in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.map_sequences import SEQUENCE_SUFFIXES, MapSequence, open_sequence
from gfsalnet.evaluation.sources import AnyMap, VideoMaps
from gfsalnet.gaze import GazeDataset


class MapsFolder:
    """A folder of maps.

    Args:
        root: the folder.
        name: the row's name in tables; the folder's if None.

    Raises:
        SourceError: if it cannot be listed.
    """

    def __init__(self, root: Path, name: str | None = None) -> None:
        self.root, self.name = root, name or root.resolve().name
        try:
            self._entries = {path.name: path for path in sorted(root.iterdir()) if path.name[0] != "."}
        except OSError as error:
            remedy = "Give the folder that holds one folder or file of maps for each video."
            raise SourceError(root, f"the folder cannot be read ({error.strerror})", remedy) from error

    def describe(self) -> dict[str, Any]:
        """Where they lie."""
        return {"maps": str(self.root.resolve())}

    def ready(self) -> nullcontext[None]:
        """Nothing to prepare."""
        return nullcontext()

    def identity(self, dataset: GazeDataset, video: str) -> dict[str, Any]:
        """Names, sizes and times of the files."""
        place = self._place(dataset.videos, video)
        files = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
        states = [path.stat() for path in files]
        newest = max((state.st_mtime_ns for state in states), default=0)
        return {"place": str(place), "files": len(files), "bytes": sum(s.st_size for s in states), "newest_ns": newest}

    def sequence(self, videos: Sequence[str], video: str) -> MapSequence:
        """All maps of one of the videos.

        Raises:
            SourceError: if there are none, or they cannot be read.
        """
        return open_sequence(self._place(videos, video))

    def maps(self, dataset: GazeDataset, video: str, wanted: Collection[int]) -> VideoMaps:
        """The maps of the wanted frames; one map more or fewer than frames is left out at the end, and noted."""
        sequence = self.sequence(dataset.videos, video)
        notes = _count_notes(sequence, dataset, video, max(wanted) + 1)
        return VideoMaps(_wanted(sequence, wanted), notes)

    def _place(self, videos: Sequence[str], video: str) -> Path:
        for name in self._names(videos, video):
            for candidate in (name, *(name + suffix for suffix in SEQUENCE_SUFFIXES)):
                path = self.root / candidate
                if path.exists():
                    return path
        listed = ", ".join(list(self._entries)[:3]) or "nothing"
        raise SourceError(
            self.root,
            f"holds no maps for {video}, but {listed}{' …' if len(self._entries) > 3 else ''}",
            f"Name them {video}/ (a PNG or NPY a frame), or {video}.npz, .npy, .mp4, or .png for a photograph",
        )

    def _names(self, videos: Sequence[str], video: str) -> Iterator[str]:
        """What this video's maps may be called: its name, without folders, with other zeros in front."""
        yield video
        base = video.rpartition("/")[2]
        if sum(other.rpartition("/")[2] == base for other in videos) > 1:
            return
        yield base
        if base.isdecimal() and int(base) in self._numbered:
            yield self._numbered[int(base)]
        if Path(base).suffix.lower() in SEQUENCE_SUFFIXES:
            yield Path(base).stem

    @cached_property
    def _numbered(self) -> dict[int, str]:
        """`601` for a dataset's `0601`."""
        stems = [path.name if path.is_dir() else path.stem for path in self._entries.values()]
        return {int(stem): stem for stem in stems if stem.isdecimal()}


def _wanted(sequence: MapSequence, wanted: Collection[int]) -> Iterator[tuple[int, AnyMap]]:
    return sequence.read([index for index in sorted(wanted) if index < len(sequence)])


def _count_notes(sequence: MapSequence, dataset: GazeDataset, video: str, scored_frames: int) -> list[str]:
    """Make sure that maps and frames belong together one by one; frames are only counted where that is in doubt."""
    maps = len(sequence)
    if maps == scored_frames:
        return []
    counts = dataset.frame_counts(video)
    frames = counts["pictures"]
    if maps in counts.values() or maps == dataset.whole_length(video):
        return []
    if maps == frames + 1:
        return [f"{maps} maps for {frames} frames: the last map is left out"]
    if maps == frames - 1:
        return [f"{maps} maps for {frames} frames: they are taken to start with the first frame, the last has none"]
    raise SourceError(
        sequence.where,
        f"holds {maps} maps, the video has {frames} frames",
        "Write one map for each frame; the frame rate must be the dataset's",
    )
