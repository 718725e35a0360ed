"""Learn from people and teachers at once: on photographs with gaze, and on clips that nobody was recorded over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gfsalnet.errors import RecipeError
from gfsalnet.gaze import GazeDataset
from gfsalnet.models.over_time import OverTime
from gfsalnet.network import GFSalNet
from gfsalnet.network.folding import absorb_batch_norms
from gfsalnet.network.light import LightStream
from gfsalnet.network.weights import save_network
from gfsalnet.training.data.batches import collate
from gfsalnet.training.data.examples import Example, Source
from gfsalnet.training.data.photographs import Photographs
from gfsalnet.training.distillation.batches import Batches, Photograph, ViewBatch
from gfsalnet.training.distillation.clips import open_clips
from gfsalnet.training.distillation.stored import StoredMaps
from gfsalnet.training.distillation.student import Student, ViewLosses, with_people
from gfsalnet.training.distillation.teachers import Teachers
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.recipe import Part, Recipe
from gfsalnet.training.task import Task
from gfsalnet.training.validation import PredictedMaps

WATCHED_FOLDER = "watched"


@dataclass(frozen=True)
class NumberedStep:
    """A step that is known by its number alone."""

    number: int
    images: int


class DistillationTask(Task[NumberedStep, ViewBatch]):
    """A light stream that is taught by people and by other networks.

    Args:
        recipe: with the section `distillation`.
        folder: the folder of the run, which keeps what UNISAL says of crops of clips.
        ranks: the processes of the run.
        on_clip: called with the numbers of clips that are ready and of all: what UNISAL says of them takes minutes.

    Raises:
        DatasetError, SourceError, WeightsError: if data or teachers are missing or damaged.
        RecipeError: if there is no photograph to learn from, or the network is no light stream.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        ranks: Ranks,
        on_clip: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        settings = recipe.distillation
        if settings is None:
            raise RecipeError(recipe.name, "it has no teachers", "Add a section [distillation].")
        if recipe.network.stream != "light" or recipe.network.streams != "appearance":
            problem = "only an appearance stream that is light can be taught"
            raise RecipeError(recipe.name, problem, "Set network.stream to light, network.streams to appearance.")
        if recipe.batch_size < ranks.world:
            raise RecipeError(recipe.name, "a batch has fewer views than there are processes", "Raise batch_size.")
        self._recipe, self._settings, self._ranks = recipe, settings, ranks
        self._maps = StoredMaps(recipe.data_root / settings.stored_maps)
        photographs = [found for part in recipe.train for found in self._photographs(part, folder)]
        if not photographs:
            raise RecipeError(recipe.name, "its data hold no photograph to train on", "Name some in [[train]].")
        self._count = len(photographs)
        with ranks.main_first():  # it keeps what UNISAL says of crops, for all to read
            clips = open_clips(settings, self._maps, recipe.data_root, folder / WATCHED_FOLDER, on_clip)
        self._clip_frames = {clip.name: len(clip.frames) for clip in clips}
        teachers = Teachers(settings.teachers, ranks.device)
        self._batches = Batches(
            photographs,
            clips,
            self._maps,
            teachers,
            settings,
            batch_size=recipe.batch_size,
            seed=recipe.seed,
            ranks=ranks,
        )
        self.steps_per_epoch = settings.steps_per_epoch
        self.val_sources = self._val_sources(folder) if ranks.is_main else []

    def build_network(self) -> Student:
        """The stream, started from the files that the recipe names, and readings that change nothing."""
        stream = self._recipe.start.build(self._recipe.network).appearance
        assert isinstance(stream, LightStream)
        return Student(stream)

    def epoch_steps(self, epoch: int) -> list[NumberedStep]:
        """As many as the recipe says: views are drawn anew for each."""
        return [NumberedStep(number, 2 * self._recipe.batch_size) for number in range(self.steps_per_epoch)]

    def make_pieces(self, epoch: int, step: NumberedStep) -> list[ViewBatch]:
        """Photographs and frames of clips that are this process's, either in up to `recipe.accumulate` pieces."""
        batches = self._batches.of_step(epoch * self.steps_per_epoch + step.number)
        return [
            batch.part(start, pieces)
            for batch in batches
            for pieces in [min(self._recipe.accumulate, len(batch.image))]
            for start in range(pieces)
        ]

    def count(self, pieces: Sequence[ViewBatch]) -> list[float]:
        """Photographs, those of them with gaze, and frames of clips."""
        stills = [piece for piece in pieces if piece.domain == "still"]
        counts = [sum(len(piece.image) for piece in stills), sum(int(with_people(piece).sum()) for piece in stills)]
        return [*counts, sum(len(piece.image) for piece in pieces if piece.domain == "video")]

    def losses(self, network: nn.Module, piece: ViewBatch, counts: Sequence[float]) -> Tensor:
        """(3,): total, and KL and NSS to people. The teachers alone teach clips; they and people teach photographs."""
        with self._recipe.autocast(self._ranks.device):
            log_maps = network(piece.image.float() / 255, piece.domain)
        found, (stills, looked_at, frames) = ViewLosses(log_maps, piece), counts
        if piece.domain == "video":
            nothing = log_maps.new_zeros(())
            return torch.stack((found.to_teacher / frames, nothing, nothing))
        kl, nss = found.to_people / max(looked_at, 1), -found.nss / max(looked_at, 1)
        weights, human = self._recipe.loss, self._settings.human_share
        # Divided by the counts of the whole step, so that pieces and processes add up to its mean.
        total = (1 - human) * found.to_teacher / stills + human * (weights.alpha * kl + weights.beta * nss)
        return torch.stack((total, kl, nss))

    @torch.inference_mode()
    def predict(self, network: nn.Module, example: Example) -> PredictedMaps:
        """The map (h, w) of a photograph, read as one, at 1/4 of its size."""
        image = collate([example]).to(self._ranks.device).rgb.float() / 255
        with self._recipe.autocast(self._ranks.device):
            log_map = network(image, "still")
        return PredictedMaps(log_map[0].exp().float().cpu().numpy(), None, None, None)

    def data(self) -> dict[str, Any]:
        """The number of photographs, and of frames of each clip."""
        return {
            "stored_maps": self._settings.stored_maps.name,
            "photographs": self._count,
            "clips": self._clip_frames,
            "validate": [source.fingerprint() for source in self.val_sources],
        }

    def export(self, folder: Path, network: nn.Module, training: dict[str, Any]) -> None:
        """Write the stream, how it is read in each domain, and the numbers of the motion gate."""
        assert isinstance(network, Student)
        settings, recipe = self._settings, self._recipe
        whole = GFSalNet(recipe.network)
        assert whole.appearance is not None
        whole.appearance.load_state_dict(network.appearance.state_dict())
        # So that the 16-bit weights stored here are also those of the graph, which is folded.
        absorb_batch_norms(whole)
        over_time = OverTime(
            still=network.reading("still", settings.still),
            video=network.reading("video", settings.video),
            gate=settings.gate,
        )
        about: dict[str, Any] = {"name": recipe.name, "over_time": asdict(over_time), "training": training}
        if settings.gate:
            flow = recipe.flow.build()
            about["flow"] = {"estimator": flow.name, **flow.settings}
        save_network(folder, whole, about)

    def _photographs(self, part: Part, folder: Path) -> list[Photograph]:
        dataset = self._opened(part, folder)
        found = []
        for name in dataset.videos:
            path = dataset.pictures(name)[0]
            source = _below(path, self._recipe.data_root)
            # What the teachers' file marks for validation is not trained on, whichever dataset it came by.
            if source not in self._maps.held_out:
                fixations = dataset.gaze(name)[0].fixations
                found.append(Photograph(dataset, path, source, fixations, part.sigma or _sigma(dataset, name)))
        return found

    def _val_sources(self, folder: Path) -> list[Source]:
        recipe, sources = self._recipe, list[Source]()
        for part in recipe.validate:
            dataset = self._opened(part, folder)
            held_out = self._maps.held_out
            names = [
                name
                for name in dataset.videos
                if not held_out or _below(dataset.pictures(name)[0], recipe.data_root) in held_out
            ]
            if names:
                network, augmentation = recipe.network, recipe.augmentation
                source = Photographs(dataset, network=network, augmentation=augmentation, sigma=part.sigma, names=names)
                sources.append(source)
        if recipe.validate and not sources:
            remedy = "Validate on photographs below data_root that it marks, or take maps without marks."
            raise RecipeError(self._maps.path, "marks none of the photographs that are validated on", remedy)
        return sources

    def _opened(self, part: Part, folder: Path) -> GazeDataset:
        dataset = part.build(self._recipe.data_root, folder)
        if dataset.kind != "image":
            problem = f"{dataset.root} holds videos, and people's gaze is learned from photographs here"
            raise RecipeError(self._recipe.name, problem, "Name photographs in [[train]] and [[validate]].")
        return dataset


def _below(path: Path, root: Path) -> str:
    """A picture's name in the stored maps."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _sigma(dataset: GazeDataset, name: str) -> float:
    return dataset.sigma_pixels(name) / dataset.gaze(name)[0].fixations.size_wh[0]
