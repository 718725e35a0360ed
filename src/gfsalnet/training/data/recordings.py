"""Recorded video with gaze: frames in any order, each with the flow that the network will see at inference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.errors import DatasetError
from gfsalnet.flow import CachedFlow, FlowEstimator, FlowStream, flow_folder, flow_image
from gfsalnet.gaze import GazeDataset, View
from gfsalnet.metrics import GroundTruth
from gfsalnet.network import NetworkConfig
from gfsalnet.training.data.examples import Augmentation, Example, Source, input_size_hw, target, truth
from gfsalnet.types import RGB, FlowField, Frame
from gfsalnet.video import Resize, ShotDetector
from gfsalnet.video.shots import FRAMES_BACK


class Recordings(Source):
    """A dataset of videos whose frames lie on disk as one file each.

    Gaze in tables is read at once and kept; of gaze in one file a frame only the names are, so that a frame nobody
    looked at comes through with an empty density. A video's frames are taken to have the size of its first.

    Args:
        dataset: holds videos.
        network: says how large frames are seen, and whether flow is needed.
        flow: the estimator of inference; what `gfsalnet dataset prepare` cached of it in the dataset's folder is used,
            and what is missing there is added.
        scale_pixels: speed in full colour of the flow image, in pixels of the flow field, as at inference.
        augmentation: how frames are varied.
        sigma: sigma of the density, as a share of the picture's width; None: the dataset's own density.
        every: n: every n-th frame with gaze of each video, since neighbours show nearly the same.

    Raises:
        DatasetError: if the dataset holds pictures, its gaze is missing or damaged, frames have not been extracted, or
            its own density cannot be read in any order.
    """

    def __init__(
        self,
        dataset: GazeDataset,
        *,
        network: NetworkConfig,
        flow: FlowEstimator,
        scale_pixels: float | None,
        augmentation: Augmentation,
        sigma: float | None,
        every: int,
    ) -> None:
        _check(dataset, sigma)
        self.name = dataset.name
        self._dataset, self._network, self._scale_pixels = dataset, network, scale_pixels
        self._augmentation, self._sigma, self._every = augmentation, sigma, every
        cache = flow_folder(dataset.root)
        # Only where somebody prepared it: reading a dataset does not fill a disk unasked.
        self._flow = CachedFlow(flow, cache) if cache.is_dir() else flow
        gaze = {video: dataset.gaze_by_index(video) for video in dataset.videos}
        self._gaze = {video: frames for video, frames in gaze.items() if frames}
        self._pictures = _extracted(dataset, list(self._gaze))
        self._frames = [
            (video, index)
            for video, frames in self._gaze.items()
            for index in [index for index in frames if index in self._pictures[video]][::every]
        ]
        if not self._frames:
            raise DatasetError(dataset.root, "no frame of it has both a picture and gaze", dataset.layout)
        self._sizes_hw: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._frames)

    def input_size_hw(self, index: int) -> tuple[int, int]:
        """(height, width) in pixels: the network's size for the aspect of the video's first frame."""
        video, _ = self._frames[index]
        # Threads that come here together find the same size, so that no lock is needed.
        if video not in self._sizes_hw:
            height, width, _ = self._dataset.read_picture(next(iter(self._pictures[video].values()))).shape
            self._sizes_hw[video] = input_size_hw(self._network, (height, width))
        return self._sizes_hw[video]

    def train_example(self, index: int, size_hw: tuple[int, int], rng: np.random.Generator) -> Example:
        """A random crop of frame and flow image, (h, w, 3) each, and gaze, (h, w); the frame in random colours.

        The motion keeps its colours: they are its direction and speed.

        Raises:
            SourceError: if a picture is missing or damaged.
            DatasetError: if the gaze of this frame is.
        """
        video, number = self._frames[index]
        gaze, rgb = self._gaze[video][number], self._rgb(video, number)
        view = self._augmentation.random_view(gaze.fixations, rng)
        seen = self._augmentation.recoloured(view.of_image(rgb, size_hw), rng)
        motion = self._flow_image(video, number, rgb, view, size_hw)
        return Example(seen, motion, *target(self._dataset, video, gaze, self._sigma, view, size_hw))

    def eval_example(self, index: int) -> tuple[Example, GroundTruth]:
        """The whole frame (h, w, 3) as the model feeds it to the network, to the byte.

        Raises:
            SourceError, DatasetError: as `train_example`.
        """
        video, number = self._frames[index]
        gaze, rgb = self._gaze[video][number], self._rgb(video, number)
        view, size_hw = View(), self.input_size_hw(index)
        motion = self._flow_image(video, number, rgb, view, size_hw)
        maps = target(self._dataset, video, gaze, self._sigma, view, size_hw)
        return Example(_resized(rgb, size_hw), motion, *maps), truth(self._dataset, video, gaze, self._sigma)

    def fingerprint(self) -> dict[str, Any]:
        """The numbers of videos, pictures and frames, and a hash of the names of videos and frames."""
        digest = blake2b(json.dumps(self._frames).encode(), digest_size=16)
        return {
            "name": self.name,
            "split": self._dataset.split,
            "videos": len(self._gaze),
            "pictures": sum(map(len, self._pictures.values())),
            "frames": len(self),
            "every": self._every,
            "blake2b": digest.hexdigest(),
        }

    def _rgb(self, video: str, number: int) -> RGB:
        return self._dataset.read_picture(self._pictures[video][number])

    def _flow_image(self, video: str, number: int, rgb: RGB, view: View, size_hw: tuple[int, int]) -> RGB | None:
        if self._network.streams == "appearance":
            return None
        # First the view, then the colours: a crop makes things larger and so faster, which the colours must show.
        field = self._field(video, number, rgb)
        return _resized(flow_image(view.of_flow(field, field.size_hw), self._scale_pixels), size_hw)

    def _field(self, video: str, number: int, rgb: RGB) -> FlowField:
        """The flow as in a stream: zero in a first frame, after a missing one and after a cut."""
        stream = FlowStream(self._flow)  # one for each call: it remembers the last frame, and threads share this source
        if number - 1 not in self._pictures[video]:
            return stream.push(Frame(rgb), starts_shot=True)
        previous = self._rgb(video, number - 1)
        stream.push(Frame(previous), starts_shot=True)
        return stream.push(Frame(rgb), self._starts_shot(video, number, rgb, previous))

    def _starts_shot(self, video: str, number: int, rgb: RGB, previous: RGB) -> bool:
        """What `ShotDetector` says in a stream."""
        # Frames further back can only clear a frame of being a cut: they are read only where the nearest two differ.
        nearest = ShotDetector()
        nearest.is_cut(previous)
        if not nearest.is_cut(rgb):
            return False
        detector = ShotDetector()
        for back in range(FRAMES_BACK, 1, -1):
            if number - back in self._pictures[video]:
                detector.is_cut(self._rgb(video, number - back))
        detector.is_cut(previous)
        return detector.is_cut(rgb)


def _check(dataset: GazeDataset, sigma: float | None) -> None:
    if dataset.kind != "video":
        raise DatasetError(dataset.root, "it holds photographs, not videos", "Train on it as photographs.")
    if sigma is None and dataset.maps_are_videos:
        problem = "its density maps are videos, which cannot be read in any order"
        raise DatasetError(dataset.root, problem, "Set sigma, such as 0.02 of the width.")


def _extracted(dataset: GazeDataset, videos: list[str]) -> Mapping[str, Mapping[int, Path]]:
    pictures = {video: dataset.pictures(video) for video in videos}
    missing = [video for video in videos if not pictures[video]]
    if missing:
        problem = f"frames of {len(missing)} of {len(videos)} videos are not on disk, such as those of {missing[0]}"
        command = f"gfsalnet dataset prepare {type(dataset).name} {dataset.root} --split {dataset.split} --frames"
        raise DatasetError(dataset.root, problem, f"Run `{command}`")
    return pictures


def _resized(rgb: RGB, size_hw: tuple[int, int]) -> RGB:
    return Resize((rgb.shape[0], rgb.shape[1]), size_hw).apply(rgb)
