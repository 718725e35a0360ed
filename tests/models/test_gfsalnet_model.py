"""GFSalNet behind the model interface: streams, cuts, one-frame clips, densities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from gfsalnet.backends import Backend, MapArrays, NetworkInputs
from gfsalnet.backends.pytorch import TorchBackend
from gfsalnet.demo import draw_frame
from gfsalnet.errors import GFSalNetError, WeightsError
from gfsalnet.flow import DISFlow
from gfsalnet.models import MODELS, load_model
from gfsalnet.models.base import read_ahead
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.over_time import OverTime, Reading
from gfsalnet.network import GFSalNet, mobile
from gfsalnet.network.config import light
from gfsalnet.network.weights import save_network
from gfsalnet.types import Frame, Prediction


@pytest.fixture(scope="module", autouse=True)
def quickly(small_streams: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """What is tested here goes on around the streams."""
    with small_streams():
        yield


def two_streams(final: str = "softmax") -> GFSalNet:
    torch.manual_seed(0)
    return GFSalNet(replace(mobile(), input_size_hw=(96, 128), final=final))


def in_torch(network: GFSalNet, **settings: Any) -> GFSalNetModel:
    return GFSalNetModel(network.config, TorchBackend(network), **settings)


@pytest.fixture(scope="module")
def model() -> GFSalNetModel:
    estimator = DISFlow("ultrafast", size_wh=(80, 60))
    return in_torch(two_streams(), name="test", weights_hash="0", estimator=estimator, flow_scale_pixels=4.0)


class Watched:
    """A backend that notes the flow images it is given, and says of itself that it likes `batch` frames at a time."""

    def __init__(self, backend: Backend, flow_images: list[np.ndarray], batch: int = 1) -> None:
        self.name, self.batch, self._backend, self._flow_images = backend.name, batch, backend, flow_images

    def __call__(self, pictures: NetworkInputs) -> MapArrays:
        self._flow_images.append(pictures[1])
        return self._backend(pictures)


def watched(network: GFSalNet, *, every: int = 1, batch: int = 1) -> tuple[GFSalNetModel, list[np.ndarray]]:
    """A model, and the flow images that its network is given."""
    seen: list[np.ndarray] = []
    estimator = DISFlow("ultrafast", size_wh=(80, 60))
    backend = Watched(TorchBackend(network), seen, batch)
    settings = {"estimator": estimator, "flow_scale_pixels": 4.0, "every": every}
    return GFSalNetModel(network.config, backend, name="test", weights_hash="0", **settings), seen


def frames(count: int, size_hw: tuple[int, int] = (60, 90), cut_at: int | None = None) -> Iterator[Frame]:
    """A textured square that moves over a texture; other textures after the cut."""
    for index in range(count):
        rng = np.random.default_rng(1 if cut_at is None or index < cut_at else 2)
        low, high = (0, 90) if cut_at is None or index < cut_at else (150, 255)
        rgb = rng.integers(low, high, (*size_hw, 3), dtype=np.uint8)
        rgb[20:40, 3 * index : 3 * index + 20] = rng.integers(100, 255, (20, 20, 3), dtype=np.uint8)
        yield Frame(rgb, time_seconds=index / 25, index=index)


def test_one_prediction_for_every_frame(model: GFSalNetModel) -> None:
    predictions = list(model.stream(frames(5)))
    assert [p.frame_index for p in predictions] == [0, 1, 2, 3, 4]
    for p in predictions:
        for density in (p.density, p.appearance, p.motion):
            assert density is not None
            assert density.shape == (60, 90)
            assert density.sum() == pytest.approx(1, abs=1e-4)
        assert p.gate is not None
        assert 0 < p.gate.min() <= p.gate.max() < 1
        assert p.flow is not None
    assert model.has_gate
    assert model.computes_flow


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_clips_need_no_more_frames(model: GFSalNetModel, count: int) -> None:
    assert len(list(model.stream(frames(count)))) == count


def test_flow_starts_anew_at_a_cut(model: GFSalNetModel) -> None:
    predictions = list(model.stream(frames(8, cut_at=4)))
    assert [p.starts_shot for p in predictions] == [True, False, False, False, True, False, False, False]
    moving = [bool(np.abs(p.flow.flow_pixels).max() > 0.1) for p in predictions if p.flow is not None]
    assert moving == [False, True, True, True, False, True, True, True]


def test_streams_do_not_share_memory(model: GFSalNetModel) -> None:
    """A second stream starts as the first did."""
    first, second = (next(iter(model.stream(frames(3)))) for _ in range(2))
    assert np.array_equal(first.map_density, second.map_density)


def test_equation_3_survives_the_way_out(model: GFSalNetModel) -> None:
    """Both streams have mean 1 before they are normalised, so the fused density is their gated mixture up to scale."""
    p = list(model.stream(frames(3)))[-1]
    assert p.map_appearance is not None
    assert p.map_motion is not None
    assert p.map_gate is not None
    mixed = p.map_appearance * p.map_gate + p.map_motion * (1 - p.map_gate)
    assert np.allclose(p.map_density, mixed / mixed.sum(), atol=1e-7)


def test_maps_keep_the_aspect_of_the_frame(model: GFSalNetModel) -> None:
    wide = next(iter(model.stream(frames(1, size_hw=(40, 160)))))
    tall = next(iter(model.stream(frames(1, size_hw=(160, 60)))))
    (wide_h, wide_w), (tall_h, tall_w) = wide.map_density.shape, tall.map_density.shape
    assert wide_w > 2 * wide_h
    assert tall_h > 2 * tall_w


def test_an_all_zero_map_becomes_uniform() -> None:
    net = two_streams(final="relu")
    with torch.no_grad():
        for stream in (net.appearance, net.motion):
            stream.last.bias.fill_(-1e6)
    model = in_torch(net, name="dead", weights_hash="0", estimator=DISFlow())
    density = next(iter(model.stream(frames(1)))).density
    assert np.allclose(density, 1 / density.size)


def test_weights_that_predict_nan_are_an_error() -> None:
    net = two_streams()
    with torch.no_grad():
        net.appearance.last.weight.fill_(float("nan"))
    model = in_torch(net, name="broken", weights_hash="0", estimator=DISFlow())
    with pytest.raises(WeightsError, match="broken: predicts values that are no numbers, first for frame 0"):
        next(iter(model.stream(frames(1))))


def test_a_motion_stream_needs_an_estimator() -> None:
    with pytest.raises(ValueError, match="optical flow estimator"):
        in_torch(two_streams(), name="x", weights_hash="0")


def test_a_trained_folder_is_a_model_with_its_own_flow_settings(tmp_path: Path) -> None:
    flow = {"estimator": "dis", "preset": "fast", "size_wh": [64, 48], "scale_pixels": 3.0}
    save_network(tmp_path / "mine", two_streams(), {"name": "mine", "flow": flow})
    model = load_model(tmp_path / "mine", device="cpu")
    assert model.describe()["flow"] == {**flow, "size_wh": (64, 48), "needs_evidence": False}
    other = load_model(tmp_path / "mine", device="cpu", flow="dis-ultrafast")
    assert other.describe()["flow"]["preset"] == "ultrafast"
    assert other.describe()["flow"]["scale_pixels"] == 3.0


def test_weights_of_the_flow_it_was_trained_with_may_lie_elsewhere(tmp_path: Path) -> None:
    flow = {"estimator": "pwcnet", "weights": "gone.safetensors", "size_wh": [64, 48]}
    save_network(tmp_path / "mine", two_streams(), {"name": "mine", "flow": flow})
    moved = load_model(tmp_path / "mine", device="cpu", flow="pwcnet:here.safetensors")
    assert moved.estimator.settings == {"weights": "here.safetensors", "size_wh": (64, 48)}
    assert load_model(tmp_path / "mine", device="cpu", flow="dis").estimator.name == "dis"
    with pytest.raises(WeightsError, match=r"gone\.safetensors: no such file"):
        list(load_model(tmp_path / "mine", device="cpu").stream(frames(2)))


def test_unknown_models_say_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no known model.*gfsalnet-mobile"):
        load_model("nonsense")
    with pytest.raises(WeightsError, match=r"holds no config\.json"):
        load_model(tmp_path)
    with pytest.raises(WeightsError, match="no weights in the package"):
        load_model("gfsalnet")
    with pytest.raises(GFSalNetError, match="device abacus"):
        load_model("gfsalnet-mobile", device="abacus")
    assert set(MODELS) >= {"gfsalnet", "gfsalnet-mobile"}


def test_fewer_frames_wait_when_they_are_large() -> None:
    assert read_ahead((640, 360)) == 8
    assert read_ahead((1280, 720)) == 3
    assert read_ahead((7680, 4320)) == 1
    assert read_ahead((16384, 16384)) == 1


def test_one_stream_of_a_model_alone(tmp_path: Path) -> None:
    """`NAME:appearance` and `NAME:motion` predict what that stream of the whole model says (Table I)."""
    flow = {"estimator": "dis", "preset": "ultrafast", "size_wh": [80, 60], "scale_pixels": 4.0}
    save_network(tmp_path / "m", two_streams(), {"name": "mine", "flow": flow})
    whole = list(load_model(tmp_path / "m", device="cpu").stream(frames(3)))
    for stream in ("appearance", "motion"):
        alone = load_model(f"{tmp_path / 'm'}:{stream}", device="cpu")
        assert alone.name == f"mine:{stream}"
        assert alone.computes_flow == (stream == "motion")
        assert not alone.has_gate
        for one, both in zip(alone.stream(frames(3)), whole, strict=True):
            assert np.allclose(one.map_density, getattr(both, f"map_{stream}"), atol=1e-9)
            assert one.map_gate is None
    save_network(tmp_path / "one", GFSalNet(replace(mobile("appearance"), input_size_hw=(96, 128))), {})
    with pytest.raises(WeightsError, match="no motion stream"):
        load_model(f"{tmp_path / 'one'}:motion")


def test_the_flow_picture_is_that_of_the_trained_size_whatever_the_fields(tmp_path: Path) -> None:
    """A speed keeps the colour that the network knows when flow is estimated at another size."""
    trained = {"estimator": "dis", "preset": "medium", "size_wh": [90, 60], "needs_evidence": True}
    save_network(tmp_path / "m", two_streams(), {"flow": {**trained, "scale_pixels": 6.0}})
    clip = [Frame(np.roll(next(frames(1)).rgb, (0, 3 * i), (0, 1)), index=i) for i in range(2)]
    pictures: list[np.ndarray] = []
    for size_wh in ((90, 60), (180, 120)):
        model = load_model(tmp_path / "m", device="cpu", flow="dis", flow_settings={"size_wh": size_wh})
        assert isinstance(model, GFSalNetModel)
        assert model.describe()["flow"]["needs_evidence"]  # the name alone means what it was trained with
        model.backend = Watched(model.backend, pictures)
        assert list(model.stream(clip))[1].flow.flow_pixels.shape[:2] == size_wh[::-1]  # type: ignore[union-attr]
    small, large = pictures[1], pictures[3]
    assert (small < 230).any()
    assert np.abs(small.astype(float) - large).mean() < 13


MAPS = ("map_density", "map_appearance", "map_motion", "map_gate")


@pytest.fixture(scope="module")
def predicted(model: GFSalNetModel) -> list[Prediction]:
    """Ten frames with a cut before the sixth, each of them predicted."""
    return list(model.stream(frames(10, cut_at=5)))


SEEN = [0, 3, 5, 8]
"""Which of them are predicted with `every=3`: 0 and 5 start shots."""


def test_every_third_frame_is_predicted_as_if_all_were(predicted: list[Prediction]) -> None:
    """Its flow starts from the frame just before, which nobody predicted; the network sees no frame but these."""
    model, seen = watched(two_streams(), every=3)
    found = list(model.stream(frames(10, cut_at=5)))
    assert [p.frame_index for p in found] == list(range(10))
    assert [p.frame_index for p in found if p.starts_shot] == [0, 5]
    assert len(seen) == len(SEEN)
    for index in SEEN:
        for name in MAPS:
            assert np.array_equal(getattr(found[index], name), getattr(predicted[index], name)), (index, name)
        assert np.array_equal(found[index].flow.flow_pixels, predicted[index].flow.flow_pixels)  # type: ignore[union-attr]
    assert np.abs(found[3].flow.flow_pixels).max() > 0.1  # type: ignore[union-attr]


def test_maps_between_are_mixed_and_frames_between_have_no_flow() -> None:
    found = list(watched(two_streams(), every=3)[0].stream(frames(10, cut_at=5)))
    # Frame, those it lies between, and the share of the second; up to the cut and at the end the last maps stay.
    for index, before, after, share in [
        (1, 0, 3, 1 / 3),
        (2, 0, 3, 2 / 3),
        (4, 3, 3, 0),
        (6, 5, 8, 1 / 3),
        (9, 8, 8, 0),
    ]:
        for name in MAPS:
            a, b = getattr(found[before], name), getattr(found[after], name)
            assert np.allclose(getattr(found[index], name), (1 - share) * a + share * b, atol=1e-7), (index, name)
    assert not np.allclose(found[0].map_density, found[3].map_density, atol=1e-6)  # or mixing would not show
    for index, p in enumerate(found):
        for density in (p.map_density, p.map_appearance, p.map_motion):
            assert density is not None
            assert density.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
        assert (p.flow is None) == (index not in SEEN)


def test_every_nth_frame_of_a_short_shot_is_its_first() -> None:
    model, seen = watched(two_streams(), every=30)
    found = list(model.stream(frames(4, cut_at=2)))
    assert [p.flow is not None for p in found] == [True, False, True, False]
    assert np.array_equal(found[0].map_density, found[1].map_density)
    assert not np.array_equal(found[1].map_density, found[2].map_density)
    assert len(seen) == 2
    assert list(model.stream(frames(0))) == []


def test_every_says_which_frames_and_is_part_of_the_description(model: GFSalNetModel) -> None:
    assert (model.describe()["every"], watched(two_streams(), every=2)[0].describe()["every"]) == (1, 2)
    for nonsense in (0, -1):
        with pytest.raises(ValueError, match=f"every must be at least 1, not {nonsense}"):
            watched(two_streams(), every=nonsense)


@pytest.mark.parametrize("every", [1, 2])
def test_another_size_starts_a_shot_even_if_the_picture_is_the_same(every: int) -> None:
    """Maps of two shapes cannot be mixed, and flow is of two frames of one size."""
    wide, tall = (cv2.resize(draw_frame(1.0), size_wh) for size_wh in ((160, 90), (90, 160)))
    clip = [Frame(rgb, index=index) for index, rgb in enumerate([wide] * 4 + [tall] * 3)]
    found = list(watched(two_streams(), every=every)[0].stream(clip))
    assert [p.starts_shot for p in found] == [True, False, False, False, True, False, False]
    assert [p.map_density.shape for p in found] == [(96, 128)] * 4 + [(128, 96)] * 3


def resized_in_mid_stream() -> Iterator[Frame]:
    """Five frames, then five of another shape, and five of the first shape again."""
    clips = (frames(5), frames(5, size_hw=(40, 160), cut_at=0), frames(5))
    for index, frame in enumerate(chain.from_iterable(clips)):
        yield replace(frame, index=index, time_seconds=index / 25)


def assert_same(found: Iterable[Prediction], expected: Iterable[Prediction]) -> None:
    """The same maps but for the last digits, which depend on how convolutions are cut into pieces."""
    for p, q in zip(found, expected, strict=True):
        assert (p.frame_index, p.starts_shot, p.flow is None) == (q.frame_index, q.starts_shot, q.flow is None)
        for name in MAPS:
            assert np.allclose(getattr(p, name), getattr(q, name), rtol=1e-3, atol=1e-7), (p.frame_index, name)


@pytest.mark.parametrize(
    ("every", "sizes"),
    [(1, [4, 1, 4, 1, 4, 1]), (2, [3, 3, 3])],  # of each five frames, 0, 2 and 4 are predicted
)
def test_a_batch_is_predicted_as_frames_alone_are(every: int, sizes: list[int]) -> None:
    """Frames of one size share a batch, and it is filled across those that are skipped."""
    network = two_streams()
    model, seen = watched(network, every=every, batch=4)
    found = list(model.stream(resized_in_mid_stream()))
    assert [len(images) for images in seen] == sizes
    assert_same(found, watched(network, every=every)[0].stream(resized_in_mid_stream()))
    assert len({p.map_density.tobytes() for p in found[:5:every]}) == len(
        range(0, 5, every)
    )  # frames of a batch differ


def test_a_batch_is_filled_across_cuts_and_skipped_frames() -> None:
    model, seen = watched(two_streams(), every=2, batch=4)
    alone, _ = watched(two_streams(), every=2)
    assert_same(model.stream(frames(14, cut_at=7)), alone.stream(frames(14, cut_at=7)))
    assert [len(images) for images in seen] == [4, 4]  # 0 2 4 6, and 7 9 11 13


def test_pictures_are_what_the_network_sees() -> None:
    model, seen = watched(two_streams(), every=3)
    list(model.stream(frames(10, cut_at=5)))
    pictures = list(model.pictures(frames(10, cut_at=5)))
    assert len(pictures) == len(SEEN)
    for (rgb, flow_image), given in zip(pictures, seen, strict=True):
        assert rgb.shape == flow_image.shape == given.shape[1:]
        assert (rgb.dtype, flow_image.dtype) == (np.uint8, np.uint8)
        assert np.array_equal(flow_image, given[0])
    torch.manual_seed(0)
    alone = GFSalNet(replace(mobile("appearance"), input_size_hw=(96, 128)))
    of_one_stream = list(in_torch(alone, name="x", weights_hash="0").pictures(frames(2)))
    assert [len(of_frame) for of_frame in of_one_stream] == [1, 1]
    assert np.array_equal(of_one_stream[0][0], pictures[0][0])


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("closed_early", [False, True])
def test_a_stream_leaves_the_threads_of_the_process_as_they_were(closed_early: bool) -> None:
    seen: list[int] = []
    network = two_streams()
    backend = TorchBackend(network, threads=1)
    backend._module.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    estimator = DISFlow("ultrafast", size_wh=(80, 60))
    model = GFSalNetModel(network.config, backend, name="test", weights_hash="0", estimator=estimator)
    opencv = cv2.getNumThreads()
    predictions = model.stream(frames(4))
    for _ in range(2 if closed_early else 4):
        next(predictions)
        assert torch.get_num_threads() == 3, "also while the caller has the turn"
    predictions.close()  # type: ignore[attr-defined]
    assert set(seen) == {1}
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, opencv)


def test_streams_of_one_model_count_their_own_seconds(model: GFSalNetModel) -> None:
    whole: dict[str, float] = {}
    begun: dict[str, float] = {}
    first = model.stream(frames(1), begun)
    next(first)
    before = dict(begun)
    list(model.stream(frames(6), whole))
    assert begun == before
    assert whole.keys() == begun.keys() == {"flow", "network"}
    assert all(spent > 0 for spent in (*whole.values(), *begun.values()))
    list(model.stream(frames(1), begun))
    assert begun["network"] > before["network"], "a second stream adds to what is there"


def test_a_prediction_depends_on_no_more_frames_than_stated(model: GFSalNetModel) -> None:
    assert (model.reach_frames, model.lookahead_frames) == (1, 0)
    clip, others = list(frames(5)), [replace(frame, rgb=frame.rgb // 2) for frame in frames(5)]
    expected = list(model.stream(clip))[3].map_density

    def third(changed: int) -> np.ndarray:
        return list(model.stream([*clip[:changed], others[changed], *clip[changed + 1 :]]))[3].map_density

    assert np.array_equal(third(1), expected)
    assert np.array_equal(third(4), expected)
    assert not np.array_equal(third(2), expected)


@pytest.mark.parametrize(("lookahead", "stated"), [(0, 1), (2, 2)])
def test_maps_take_in_no_more_later_frames_than_stated(lookahead: int, stated: int) -> None:
    torch.manual_seed(0)
    network = GFSalNet(replace(mobile(), input_size_hw=(64, 96), streams="appearance", final="softmax"))
    model = in_torch(network, name="test", weights_hash="0", over_time=OverTime(), lookahead=lookahead)
    assert model.lookahead_frames == stated
    clip, others = list(frames(7)), [replace(frame, rgb=frame.rgb // 2) for frame in frames(7)]
    expected = list(model.stream(clip))
    assert [p.frame_index for p in expected] == list(range(7))

    def second(changed: int) -> np.ndarray:
        return list(model.stream([*clip[:changed], others[changed], *clip[changed + 1 :]]))[2].map_density

    for later in range(1, 5):
        assert np.array_equal(second(2 + later), expected[2].map_density) == (later > lookahead)


def test_a_lookahead_needs_a_memory() -> None:
    with pytest.raises(ValueError, match="look ahead"):
        in_torch(two_streams(), name="test", weights_hash="0", estimator=DISFlow(), lookahead=2)


class Brightness:
    """A backend that takes the picture's brightness for saliency, and notes what it is shown."""

    name, batch = "brightness", 1

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def __call__(self, pictures: NetworkInputs) -> MapArrays:
        self.seen.append(pictures[0][0])
        return MapArrays(pictures[0].mean(3, dtype=np.float32)[:, None], None, None, None)


def test_a_photograph_is_looked_at_several_times() -> None:
    """Larger, and every second time mirrored; what is said is turned back, and its mean taken in the logarithm."""
    rgb = np.tile(np.linspace(20, 250, 320, dtype=np.uint8)[None, :, None], (256, 1, 3))
    rgb[:80] //= 4
    given = Frame(rgb)
    densities = {}
    for areas in ((1.2,), (1.2, 1.44)):
        backend = Brightness()
        over_time = OverTime(still=Reading(areas=areas))
        model = GFSalNetModel(light(), backend, name="test", weights_hash="0", over_time=over_time)
        densities[areas] = next(iter(model.stream([given]))).map_density
        (unread,) = model.unread([given], "still")
        np.testing.assert_allclose(unread.density, densities[areas], rtol=1e-5)  # a reading that changes nothing
    first, second = backend.seen[:2]
    assert first.shape[0] * first.shape[1] == pytest.approx(1.2 * 256 * 320, rel=0.1)
    assert second.shape[0] * second.shape[1] == pytest.approx(1.44 * 256 * 320, rel=0.1)
    assert first[-1, 0, 0] < first[-1, -1, 0]
    assert second[-1, 0, 0] > second[-1, -1, 0]
    once, twice = densities.values()
    assert once.shape == twice.shape
    np.testing.assert_allclose(once, twice, atol=0.1 * once.max())  # of a picture that hides nothing from either


def test_a_frame_of_a_video_is_looked_at_once() -> None:
    backend = Brightness()
    over_time = OverTime(still=Reading(areas=(1.2, 1.44)))
    model = GFSalNetModel(light(), backend, name="test", weights_hash="0", over_time=over_time)
    assert len(list(model.stream(frames(3)))) == 3
    assert len(backend.seen) == 3
    assert len(list(model.unread(frames(1), "video"))) == 1
    assert len(backend.seen) == 4
