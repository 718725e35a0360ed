"""`shards`: pictures and their gaze in tar files, as `gfsalnet dataset shard` writes them and WebDataset reads them.

    ROOT/train-000000.tar …         the split, a hyphen, a number
        000000.jpg                  a picture: a photograph or a frame of a video, the bytes of its own file
        000000.json                 {"kind": "image" or "video", "video": name, "index": number of the frame,
                                     "sigma_pixels": of the density, "size_wh": [width, height], "x": [...],
                                     "y": [...], "subject": [...] or null}; the last four are missing where the
                                     dataset has no gaze for the frame

A tar file keeps its members as they are, one after another. The reader notes where each lies and then reads any of them
at once, so that training can take them in its own order, as from files, and resume within an epoch.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.formats.door import opening
from gfsalnet.formats.texts import parse_json
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset
from gfsalnet.gaze.disk import require_folder
from gfsalnet.types import RGB, Fixations, Frame
from gfsalnet.video.info import DEFAULT_RATE
from gfsalnet.video.stills import decode_image

_AGAIN = "Write it again: gfsalnet dataset shard."
_MOST_JSON_BYTES = 32 << 20


class _Member(NamedTuple):
    """Where a file lies in a shard."""

    shard: int
    offset: int
    size: int


@dataclass(frozen=True)
class _Shown:
    """A picture and what is known of it."""

    picture: Path
    about: Mapping[str, Any]


class Shards(GazeDataset):
    """Pictures and gaze in tar files: the split that their names begin with, or `all` of them."""

    name = "shards"
    splits = ("all", "train", "val", "test")
    default_split = "all"
    kind: Literal["video", "image"] = "image"
    layout = "Expected ROOT/train-000000.tar and so on, as gfsalnet dataset shard writes them."

    def __init__(self, root: Path, split: str = "all") -> None:
        super().__init__(root, split)
        require_folder(root, self.layout)
        pattern = "*.tar" if split == "all" else f"{split}-*.tar"
        self.name = root.resolve().name
        self._paths: list[Path] = []
        self._bytes: list[NDArray[np.uint8]] = []
        self._members: dict[Path, _Member] = {}
        self._videos: dict[str, dict[int, _Shown]] = {}
        paths = sorted(root.glob(pattern))
        if not paths:
            raise DatasetError(root, f"holds no {pattern}", self.layout)
        for path in paths:
            self._index(path)
        kinds = {shown.about["kind"] for frames in self._videos.values() for shown in frames.values()}
        if len(kinds) != 1 or not kinds <= {"video", "image"}:
            raise DatasetError(
                root, "its shards hold photographs and videos, or neither", "Keep each in a folder of its own."
            )
        self.kind = kinds.pop()

    def _index(self, path: Path) -> None:
        # Without compression alone: only then does a member lie in the file as it is.
        with opening(path, "tar file", DatasetError, _AGAIN), tarfile.open(path, "r:") as archive:
            number = len(self._bytes)
            self._paths.append(path)
            # Mapped, not read: threads share it without a lock, and the system keeps what is in use.
            self._bytes.append(np.memmap(path, np.uint8, "r"))
            pictures, texts = {}, {}
            for member in archive:
                key, _, kind = member.name.partition(".")
                place = _Member(number, member.offset_data, member.size)
                if kind == "json":
                    texts[key] = place
                elif member.isfile():
                    pictures[key] = (path / member.name, place)
        for key, place in texts.items():
            if place.size > _MOST_JSON_BYTES or key not in pictures:
                raise DatasetError(path, f"{key}.json is too large, or has no picture", _AGAIN)
            about = parse_json(self._read(place).tobytes().decode("utf-8", "replace"), path, DatasetError, _AGAIN)
            picture, lies = pictures[key]
            with opening(path, "file of shards", DatasetError, _AGAIN):
                self._members[picture] = lies
                self._videos.setdefault(str(about["video"]), {})[int(about["index"])] = _Shown(picture, about)

    def __getstate__(self) -> dict[str, Any]:
        """The state without the mapped files, which would be sent to another process whole."""
        return {**self.__dict__, "_bytes": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map them again."""
        self.__dict__.update(state)
        self._bytes = [np.memmap(path, np.uint8, "r") for path in self._paths]

    def _read(self, member: _Member) -> NDArray[np.uint8]:
        return self._bytes[member.shard][member.offset : member.offset + member.size]

    @property
    def videos(self) -> list[str]:
        """Names of the photographs or videos, in the order of the shards."""
        return list(self._videos)

    def frames(self, video: str) -> Iterator[Frame]:
        """The pictures by number, at 25 a second."""
        for index, shown in sorted(self._videos[video].items()):
            yield Frame(self.read_picture(shown.picture), float(index / DEFAULT_RATE), index)

    def pictures(self, video: str) -> Mapping[int, Path]:
        """Members of the shards, as if those were folders; `read_picture` reads them."""
        return {index: shown.picture for index, shown in sorted(self._videos[video].items())}

    def read_picture(self, path: Path) -> RGB:
        """A picture (H, W, 3) that `pictures` names."""
        return decode_image(path, self._read(self._members[path]))

    def gaze(self, video: str) -> list[FrameGaze]:
        """The pictures that are scored."""
        return [
            FrameGaze(index=index, fixations=_fixations(shown))
            for index, shown in sorted(self._videos[video].items())
            if "x" in shown.about
        ]

    def sigma_pixels(self, video: str) -> float:
        """Sigma in pixels of the picture, as the dataset had it that was written to the shards."""
        shown = next(iter(self._videos[video].values()))
        with opening(shown.picture.parent, "file of shards", DatasetError, _AGAIN):
            return float(shown.about["sigma_pixels"])


def _fixations(shown: _Shown) -> Fixations:
    about = shown.about
    with opening(shown.picture.parent, "file of shards", DatasetError, _AGAIN):
        subject = about.get("subject")
        width, height = about["size_wh"]
        return Fixations(
            x=np.array(about["x"], np.float32),
            y=np.array(about["y"], np.float32),
            size_wh=(int(width), int(height)),
            subject=None if subject is None else np.array(subject, np.int64),
        )


def about_json(**about: Any) -> bytes:
    """What a shard says of a picture, in one line."""
    return (json.dumps(about, separators=(",", ":")) + "\n").encode()
