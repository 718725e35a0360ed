"""Maps that any program wrote, found by the dataset's names.

For a video `clip` of the dataset, the first of these that exists:

    DIR/clip/maps.npz, DIR/clip/maps/      what `gfsalnet predict` writes
    DIR/clip/*.png, *.npy, …               one picture or array per frame
    DIR/clip.npz, .npy, .mp4, .avi, …      a stack of maps, or a video of them
    DIR/clip.png, .jpg, …                  for photographs

Maps may have any size; the protocol resizes them. Files belong to the frames that their numbers name (see `numbering`),
stacks and videos to all frames in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.map_sequences import SEQUENCE_SUFFIXES, MapSequence, open_sequence
from gfsalnet.evaluation.numbering import VideoFrames, match_maps
from gfsalnet.evaluation.sources import AnyMap, MapSource, ModelSource, VideoMaps
from gfsalnet.gaze import GazeDataset
from gfsalnet.models.base import SaliencyModel
from gfsalnet.video.files import composed


def as_map_source(
    source: MapSource | SaliencyModel | str | Path,
    device: str = "auto",
    backend: str = "reference",
    first_number: int | None = None,
) -> MapSource:
    """The source meant by a model, a name or a path: a folder that holds no model holds maps.

    Args:
        source: a model, its name or folder, a folder of maps; a `MapSource` is returned unchanged.
        device: the device of a model given by name.
        backend: the backend of a model given by name.
        first_number: as for `MapsFolder`.

    Raises:
        SourceError: if a folder of maps cannot be listed.
    """
    if isinstance(source, (str, Path)):
        folder = Path(source)
        is_maps = folder.is_dir() and not (folder / "config.json").is_file()
        return MapsFolder(folder, first_number=first_number) if is_maps else ModelSource(source, device, backend)
    return ModelSource(source) if isinstance(source, SaliencyModel) else source


class MapsFolder:
    """A folder of maps.

    Args:
        root: the folder.
        name: the row's name in tables; the folder's if None.
        first_number: the number of a video's first frame in the names of maps, whether that map exists or not; None if
            the names leave no doubt.

    Raises:
        SourceError: if it cannot be listed.
    """

    def __init__(self, root: Path, name: str | None = None, *, first_number: int | None = None) -> None:
        self.root, self.name, self._first_number = root, name or root.resolve().name, first_number
        try:
            self._entries = {composed(path.name): path for path in sorted(root.iterdir()) if path.name[0] != "."}
        except OSError as error:
            remedy = "Give the folder that holds one folder or file of maps for each video."
            raise SourceError(root, f"the folder cannot be read ({error.strerror})", remedy) from error

    def describe(self) -> dict[str, Any]:
        """The folder, and the number of the first frame if it was given."""
        about: dict[str, Any] = {"maps": str(self.root.resolve())}
        return about if self._first_number is None else {**about, "first_number": self._first_number}

    def ready(self) -> nullcontext[None]:
        """Nothing to prepare."""
        return nullcontext()

    def identity(self, dataset: GazeDataset, video: str) -> dict[str, Any]:
        """Names, sizes and times of the files."""
        place = self._place(dataset.videos, video)
        # Times and sizes instead of a hash: a hash would read every map twice.
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
        """The maps (h, w), as they are stored, of the wanted frames that have one; surplus maps are noted."""
        sequence = self.sequence(dataset.videos, video)
        frames = VideoFrames(dataset, video, max(wanted))
        first_number = self._first_number if sequence.first_number is None else sequence.first_number
        matched = match_maps(sequence.where, len(sequence), sequence.numbers, frames, first_number)
        return VideoMaps(_wanted(sequence, matched.place, wanted), matched.notes)

    def _place(self, videos: Sequence[str], video: str) -> Path:
        for name in self._names(videos, video):
            for candidate in (name, *(name + suffix for suffix in SEQUENCE_SUFFIXES)):
                # The listing first, by one spelling of accents; the path itself for names with folders in them.
                path = self._entries.get(composed(candidate), self.root / candidate)
                if path.exists():
                    return path
        listed = ", ".join(list(self._entries)[:3]) or "nothing"
        raise SourceError(
            self.root,
            f"holds no maps for {video}, but {listed}{' …' if len(self._entries) > 3 else ''}",
            f"Name them {video}/ (a PNG or NPY per frame), or {video}.npz, .npy, .mp4, or .png for a photograph",
        )

    def _names(self, videos: Sequence[str], video: str) -> Iterator[str]:
        """Names that this video's maps may have: its name, also without folders or with other leading zeros."""
        yield video
        base = video.rpartition("/")[2]
        # Two videos of one name in different folders: the bare name would be ambiguous.
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


def _wanted(sequence: MapSequence, place: Mapping[int, int], wanted: Collection[int]) -> Iterator[tuple[int, AnyMap]]:
    # Positions ascend with frames, so a video of maps is decoded once from the start.
    frame_at = {place[index]: index for index in sorted(wanted) if index in place}
    return ((frame_at[position], saliency) for position, saliency in sequence.read(sorted(frame_at)))
