"""Recorded video on miniature trees of the official layouts: a blob that moves right, and the gaze on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from gfsalnet.backends.pytorch import TorchBackend
from gfsalnet.errors import DatasetError, GFSalNetError, SourceError
from gfsalnet.flow import CachedFlow, DISFlow, flow_folder
from gfsalnet.gaze import GazeDataset, density_map, open_dataset
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.network import GFSalNet, mobile
from gfsalnet.prepare import prepare_dataset
from gfsalnet.training.data.examples import Augmentation, Example
from gfsalnet.training.data.recordings import Recordings
from gfsalnet.types import Fixations, FlowField

SIZE_WH = (128, 96)
COUNT, STEP_PIXELS = 5, 4
FLOW = DISFlow("medium", SIZE_WH)
NETWORK = replace(mobile("both"), input_size_hw=(96, 128))
PLAIN = Augmentation(mirror=False, crop=0, colour=0)
VARIED = Augmentation(mirror=True, crop=0.4, colour=0)


class Refusing(DISFlow):
    def __call__(self, *_):
        raise AssertionError("no flow should be estimated")


def centre(index: int) -> tuple[int, int]:
    return 40 + STEP_PIXELS * index, 50


def picture(index: int) -> np.ndarray:
    """A bright speckled disc before a still, dark, speckled ground that is darker on its left."""
    rng = np.random.default_rng(0)
    speckles = cv2.GaussianBlur(rng.normal(0, 40, SIZE_WH[::-1]), (0, 0), 1.5)
    ground = 40 + 2 * speckles + np.linspace(0, 40, SIZE_WH[0])
    x, y = centre(index)
    disc = 205 + 3 * cv2.GaussianBlur(rng.normal(0, 30, (33, 33)), (0, 0), 1.5)
    inside = np.hypot(*np.mgrid[-16:17, -16:17]) <= 14
    ground[y - 16 : y + 17, x - 16 : x + 17][inside] = disc[inside]
    return np.repeat(np.clip(ground, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def points(index: int) -> list[tuple[int, int]]:
    x, y = centre(index)
    return [(x, y), (x - 3, y), (x + 3, y), (x, y - 3), (x, y + 3)]


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def write_video(path: Path, pictures: Sequence[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30, options={"g": "1", "qscale": "1"}, bit_rate=8_000_000)
        stream.width, stream.height, stream.pix_fmt = *SIZE_WH, "yuv420p"
        for rgb in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())


def write_maps(folder: Path, name: Callable[[int], str], *, images: bool = True) -> None:
    for index in range(COUNT):
        binary = np.zeros(SIZE_WH[::-1], np.uint8)
        for x, y in points(index):
            binary[y, x] = 255
        x, y = np.array(centre(index), np.float32)[:, None] + 0.5
        density = density_map(Fixations(x=x, y=y, size_wh=SIZE_WH), SIZE_WH[::-1], 6)
        write(folder / "fixation" / name(index), binary)
        write(folder / "maps" / name(index), (255 * density / density.max()).astype(np.uint8))
        if images:
            write(folder / "images" / name(index), picture(index))


def ucf_sports(root: Path) -> GazeDataset:
    write_maps(root / "testing" / "Diving-Side-001", lambda index: f"Diving-Side_001_{index + 1:03d}.png")
    return open_dataset("ucf-sports", root)


def hollywood2(root: Path) -> GazeDataset:
    write_maps(root / "testing" / "actioncliptest00002_2", lambda index: f"actioncliptest00002_{index + 41:05d}.png")
    return open_dataset("hollywood-2", root)


def dhf1k_flat(root: Path) -> GazeDataset:
    write_maps(root / "0601", lambda index: f"{index + 1:04d}.png")
    return open_dataset("dhf1k", root)


def dhf1k(root: Path) -> GazeDataset:
    write_maps(root / "annotation" / "0601", lambda index: f"{index + 1:04d}.png", images=False)
    write_video(root / "video" / "601.AVI", [picture(index) for index in range(COUNT)])
    return open_dataset("dhf1k", root)


def diem(root: Path) -> GazeDataset:
    """Its videos lie in the middle of a 1280x960 screen."""
    folder = root / "blob_128x96"
    write_video(folder / "video" / "blob.mp4", [picture(index) for index in range(COUNT)])
    (folder / "event_data").mkdir()
    for viewer in range(5):
        looks = [(points(index)[viewer][0] + 576.5, points(index)[viewer][1] + 432.5) for index in range(COUNT)]
        lines = [f"{index + 1} {x} {y} 3 1 {x} {y} 3 1\n" for index, (x, y) in enumerate(looks)]
        (folder / "event_data" / f"{viewer}.txt").write_text("".join(lines))
    return open_dataset("diem", root, "train")


def own(root: Path) -> GazeDataset:
    write_video(root / "videos" / "clip.mp4", [picture(index) for index in range(COUNT)])
    rows = [f"clip,{index},{x + 0.5},{y + 0.5}\n" for index in range(COUNT) for x, y in points(index)]
    (root / "fixations.csv").write_text("video,frame,x,y\n" + "".join(rows))
    return open_dataset("folder", root)


def prepare(dataset: GazeDataset, **options) -> None:
    results = prepare_dataset(type(dataset).name, dataset.root, split=dataset.split, frames=True, **options)
    assert [done.problem for done, _ in results] in ([], [None])


def recordings(dataset: GazeDataset, **options) -> Recordings:
    defaults = {"network": NETWORK, "flow": FLOW, "scale_pixels": 4.0, "augmentation": PLAIN, "sigma": None, "every": 1}
    return Recordings(dataset, **{**defaults, **options})


@pytest.fixture
def ucf(tmp_path: Path) -> Path:
    ucf_sports(tmp_path)
    return tmp_path


def centroid(weights: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


@pytest.mark.parametrize("sigma", [None, 0.04])
@pytest.mark.parametrize("layout", [ucf_sports, hollywood2, dhf1k_flat, dhf1k, diem, own])
def test_blob_motion_and_gaze_stay_together(tmp_path: Path, layout, sigma: float | None) -> None:
    dataset = layout(tmp_path)
    prepare(dataset)
    source = recordings(dataset, augmentation=VARIED, sigma=sigma)
    assert len(source) == COUNT
    mirrored = set()
    for seed in range(6):
        example = source.train_example(3, (96, 128), np.random.default_rng(seed))
        bright = example.rgb[..., 0] > 150
        where = centroid(bright)
        assert centroid(example.fixations) == pytest.approx(where, abs=2)
        assert example.density.sum() == pytest.approx(1, abs=1e-5)
        assert centroid(example.density * bright) == pytest.approx(where, abs=2)
        background = np.where(bright, np.nan, example.rgb[..., 0])
        flipped = bool(np.nanmean(background[:, :32]) > np.nanmean(background[:, -32:]))
        red, green, blue = example.flow_image[bright].mean(0)
        assert flipped == (red < green and red < blue), "to the right is red, to the left cyan"
        mirrored.add(flipped)
    assert mirrored == {True, False}


class Steady(DISFlow):
    """Three pixels to the right, everywhere."""

    def __call__(self, previous_rgb, current_rgb):
        return FlowField(np.full((*previous_rgb.shape[:2], 2), (3, 0), np.float32))


def test_a_crop_speeds_the_motion_up(ucf: Path) -> None:
    """Nearer by a factor, faster by that factor, and so more saturated."""

    def measured(example: Example) -> tuple[float, float]:
        (green,) = np.unique(example.flow_image[..., 1])
        return float(np.sqrt((example.rgb[..., 0] > 150).sum())), 255 - float(green)

    dataset, steady = open_dataset("ucf-sports", ucf), {"flow": Steady(), "scale_pixels": 8.0}
    diameter, speed = measured(recordings(dataset, **steady).eval_example(2)[0])
    cropped = recordings(dataset, augmentation=replace(PLAIN, crop=0.5), **steady)
    nearer = []
    for seed in range(16):
        example = cropped.train_example(2, (96, 128), np.random.default_rng(seed))
        bright = example.rgb[..., 0] > 150
        if not (bright[[0, -1]].any() or bright[:, [0, -1]].any()):  # the disc is not cut
            nearer.append(measured(example)[0] / diameter)
            assert measured(example)[1] / speed == pytest.approx(nearer[-1], rel=0.05)
    assert max(nearer) > 1.5 * min(nearer)


@pytest.mark.parametrize("scale_pixels", [None, 4.0])
def test_whole_frames_are_what_the_model_sees(tmp_path: Path, scale_pixels: float | None) -> None:
    """To the byte, with a cut after the third frame."""
    folder = tmp_path / "testing" / "Diving-Side-001"
    rng = np.random.default_rng(1)
    colours = np.repeat(np.repeat(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8), 18, 0), 18, 1)
    for index in range(5):
        shot = colours if index < 3 else 255 - colours[::-1, :, ::-1]
        name = f"Diving-Side_001_{index + 1:03d}.png"
        write(folder / "images" / name, np.roll(shot, 3 * index, 1))
        write(folder / "fixation" / name, np.full((108, 162), 255, np.uint8))
    dataset = open_dataset("ucf-sports", tmp_path)

    network = GFSalNet(NETWORK)
    model = GFSalNetModel(
        network.config, TorchBackend(network), name="", weights_hash="", estimator=FLOW, flow_scale_pixels=scale_pixels
    )
    starts = [prediction.starts_shot for prediction in model.stream(dataset.frames("Diving-Side-001"))]
    seen = list(model.pictures(dataset.frames("Diving-Side-001")))
    assert starts == [True, False, False, True, False]

    source = recordings(dataset, scale_pixels=scale_pixels)
    for index, (rgb, motion) in enumerate(seen):
        example, truth = source.eval_example(index)
        assert source.input_size_hw(index) == example.rgb.shape[:2] == example.density.shape
        assert np.array_equal(example.rgb, rgb)
        assert np.array_equal(example.flow_image, motion)
        assert (example.flow_image == 255).all() == starts[index]
        assert truth.size_hw == (267, 400)


@pytest.mark.parametrize("layout", [ucf_sports, dhf1k, diem, own])
def test_what_prepare_cached_is_found(tmp_path: Path, layout) -> None:
    dataset = layout(tmp_path)
    prepare(dataset, flow=FLOW)
    source = recordings(dataset, flow=Refusing("medium", SIZE_WH), augmentation=VARIED)
    for index in range(COUNT):
        assert (source.eval_example(index)[0].flow_image.min() < 255) == (index > 0)
        source.train_example(index, (96, 128), np.random.default_rng(index))
    with pytest.raises(AssertionError):
        recordings(dataset, flow=Refusing("fast", SIZE_WH)).eval_example(1)


def test_flow_is_cached_only_where_there_is_a_cache(ucf: Path) -> None:
    recordings(open_dataset("ucf-sports", ucf)).eval_example(1)
    assert not flow_folder(ucf).exists()
    flow_folder(ucf).mkdir()
    source = recordings(open_dataset("ucf-sports", ucf))
    first = source.eval_example(1)[0].flow_image
    assert len(list(flow_folder(ucf).rglob("*.flow"))) == 1
    assert np.array_equal(source.eval_example(1)[0].flow_image, first)
    assert isinstance(source._flow, CachedFlow)


def test_only_index_size_and_rng_decide(ucf: Path) -> None:
    varied = replace(VARIED, colour=0.2)
    one, other = (recordings(open_dataset("ucf-sports", ucf), augmentation=varied) for _ in range(2))
    one.train_example(1, (64, 96), np.random.default_rng(9))
    for size_hw in ((96, 128), (64, 96)):
        first, second = (source.train_example(2, size_hw, np.random.default_rng(5)) for source in (one, other))
        assert first.rgb.shape == (*size_hw, 3)
        for left, right in zip(first[:4], second[:4], strict=True):
            assert np.array_equal(left, right)
    assert not np.array_equal(one.train_example(2, (64, 96), np.random.default_rng(6)).rgb, first.rgb)


def test_nothing_moves_after_a_missing_frame(ucf: Path) -> None:
    (ucf / "testing" / "Diving-Side-001" / "images" / "Diving-Side_001_003.png").unlink()
    source = recordings(open_dataset("ucf-sports", ucf))
    still = [bool((source.eval_example(index)[0].flow_image == 255).all()) for index in range(len(source))]
    assert still == [True, False, True, False]  # of the frames 0, 1, 3 and 4
    assert centroid(source.eval_example(2)[0].fixations) == pytest.approx(centre(3), abs=0.5)


def test_a_frame_nobody_looked_at_has_an_empty_density(ucf: Path) -> None:
    folder = ucf / "testing" / "Diving-Side-001"
    for part in ("fixation", "maps"):
        write(folder / part / "Diving-Side_001_002.png", np.zeros(SIZE_WH[::-1], np.uint8))
    for sigma in (None, 0.04):
        source = recordings(open_dataset("ucf-sports", ucf), augmentation=VARIED, sigma=sigma)
        for example in (source.eval_example(1)[0], source.train_example(1, (96, 128), np.random.default_rng(0))):
            assert not example.density.any()
            assert not example.fixations.any()


def test_tables_leave_out_frames_that_nobody_looked_at(tmp_path: Path) -> None:
    dataset = own(tmp_path)
    table = (tmp_path / "fixations.csv").read_text().replace("clip,1,", "clip,99,").replace("clip,2,", "clip,2,-")
    (tmp_path / "fixations.csv").write_text(table)
    prepare(dataset)
    source = recordings(open_dataset("folder", tmp_path))
    assert [number for _, number in source._frames] == [0, 3, 4]  # 1 has no gaze, 2 has it beside the picture


def test_a_network_without_motion_needs_no_flow(ucf: Path) -> None:
    still = replace(NETWORK, streams="appearance")
    source = recordings(open_dataset("ucf-sports", ucf), network=still, flow=Refusing())
    assert source.eval_example(2)[0].flow_image is None
    assert source.train_example(2, (96, 128), np.random.default_rng(0)).flow_image is None


def test_every_third_frame_and_the_size(ucf: Path) -> None:
    source = recordings(open_dataset("ucf-sports", ucf), every=3)
    assert [number for _, number in source._frames] == [0, 3]
    wide = replace(NETWORK, keep_aspect=False, input_size_hw=(64, 64))
    assert recordings(open_dataset("ucf-sports", ucf), network=wide).input_size_hw(0) == (64, 64)
    assert source.input_size_hw(0) == (96, 128)


def test_the_fingerprint_changes_with_the_data(ucf: Path) -> None:
    def fingerprint(**options) -> dict:
        return recordings(open_dataset("ucf-sports", ucf), **options).fingerprint()

    whole = fingerprint()
    assert (whole["name"], whole["split"], whole["frames"], whole["pictures"]) == ("ucf-sports", "test", 5, 5)
    assert fingerprint() == whole
    assert fingerprint(every=2)["blake2b"] != whole["blake2b"]
    (ucf / "testing" / "Diving-Side-001" / "fixation" / "Diving-Side_001_003.png").unlink()
    assert fingerprint()["blake2b"] != whole["blake2b"]


def test_opening_reads_no_file_of_a_frame(ucf: Path) -> None:
    folder = ucf / "testing" / "Diving-Side-001"
    (folder / "fixation" / "Diving-Side_001_002.png").write_bytes(b"junk")
    (folder / "images" / "Diving-Side_001_003.png").write_bytes(b"junk")
    source = recordings(open_dataset("ucf-sports", ucf))
    (folder / "images" / "Diving-Side_001_005.png").unlink()
    failures: list[tuple[int, type[GFSalNetError], str]] = [
        (1, DatasetError, r"fixation/Diving-Side_001_002\.png"),
        (2, SourceError, r"images/Diving-Side_001_003\.png"),
        (3, SourceError, r"images/Diving-Side_001_003\.png"),  # the flow comes from it
        (4, SourceError, r"images/Diving-Side_001_005\.png"),
    ]
    for index, kind, message in failures:
        with pytest.raises(kind, match=message):
            source.train_example(index, (96, 128), np.random.default_rng(0))


@pytest.mark.parametrize(("layout", "name"), [(dhf1k, "dhf1k"), (diem, "diem"), (own, "folder")])
def test_videos_that_are_not_prepared_say_what_to_run(tmp_path: Path, layout, name: str) -> None:
    dataset = layout(tmp_path)
    with pytest.raises(DatasetError) as caught:
        recordings(dataset)
    command = f"gfsalnet dataset prepare {name} {tmp_path} --split {dataset.split} --frames"
    assert caught.value.remedy == f"Run `{command}`"
    assert "frames of 1 of 1 videos are not on disk" in caught.value.problem


def test_what_cannot_be_trained_on(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture(0))
    (tmp_path / "fixations.csv").write_text("image,x,y\na,1,1\n")
    with pytest.raises(DatasetError, match="it holds photographs"):
        recordings(open_dataset("folder", tmp_path))

    avimos = tmp_path / "avimos"
    write_video(avimos / "Videos" / "a.mp4", [picture(0)])
    (avimos / "FixationsTrain").mkdir()
    (avimos / "TrainTestSplit.json").write_text('{"train": ["a"]}')
    with pytest.raises(DatasetError, match=r"videos, which cannot be read in any order\. Set sigma"):
        recordings(open_dataset("avimos", avimos, "train"))


def test_gaze_without_pictures_is_told(ucf: Path) -> None:
    for path in (ucf / "testing" / "Diving-Side-001" / "images").iterdir():
        path.rename(path.with_stem("Diving-Side_001_099"))
    with pytest.raises(DatasetError, match="no frame of it has both a picture and gaze"):
        recordings(open_dataset("ucf-sports", ucf))
