from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gfsalnet.types import Frame
from gfsalnet.video import frames_from, numbered_frames

RGB = np.arange(12 * 16 * 3, dtype=np.uint8).reshape(12, 16, 3)


class TestFramesFrom:
    def test_one_array_is_one_frame(self) -> None:
        (frame,) = frames_from(RGB)
        np.testing.assert_array_equal(frame.rgb, RGB)
        assert (frame.index, frame.time_seconds) == (0, 0.0)

    @pytest.mark.parametrize("video", [np.stack([RGB] * 3), [RGB] * 3, (RGB for _ in range(3))])
    def test_a_stack_or_any_iterable_is_numbered_and_timed(self, video: object) -> None:
        frames = list(frames_from(video, rate=Fraction(10)))
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert [frame.time_seconds for frame in frames] == pytest.approx([0, 0.1, 0.2])

    def test_an_iterable_is_read_one_picture_at_a_time(self) -> None:
        taken: list[int] = []

        def pictures() -> object:
            for number in range(5):
                taken.append(number)
                yield RGB

        next(iter(frames_from(pictures())))
        assert len(taken) == 1

    @pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
    def test_pil_images_of_any_mode(self, mode: str) -> None:
        image = pytest.importorskip("PIL.Image").fromarray(RGB).convert(mode)
        (frame,) = frames_from(image)
        np.testing.assert_array_equal(frame.rgb, np.asarray(image.convert("RGB")))

    def test_tensors_in_torchs_order_or_ours_as_bytes_or_shares(self) -> None:
        torch = pytest.importorskip("torch")
        last = torch.from_numpy(RGB)
        first = last.permute(2, 0, 1)
        for tensor in (last, first, first.float() / 255, torch.stack([first, first])):
            np.testing.assert_array_equal(next(iter(frames_from(tensor))).rgb, RGB)
        assert len(list(frames_from(torch.stack([first, first])))) == 2
        with pytest.raises(ValueError, match="0…1"):
            next(frames_from(first.float()))

    @pytest.mark.parametrize(
        "wrong", [RGB.astype(np.float32), RGB[..., 0], RGB[..., :2], np.zeros((2, 12, 16, 4), np.uint8), RGB[:0]]
    )
    def test_other_arrays_are_refused_by_shape_and_type_without_their_values(self, wrong: np.ndarray) -> None:
        with pytest.raises(ValueError, match="is not understood") as caught:
            list(frames_from(wrong))
        assert str(wrong.dtype) in str(caught.value)
        assert len(str(caught.value)) < 200

    def test_pictures_are_as_large_as_those_of_files(self) -> None:
        with pytest.raises(ValueError, match="16x7 pixels is too small: give one of at least 8x8"):
            list(frames_from(RGB[:7]))

    @pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
    def test_a_rate_that_is_none_is_refused(self, rate: float) -> None:
        with pytest.raises(ValueError, match="a finite number above 0"):
            frames_from(RGB, rate=rate)

    @pytest.mark.parametrize("wrong", [None, 3.5, ["clip.mp4"], [None]])
    def test_what_is_no_picture_is_refused(self, wrong: object) -> None:
        with pytest.raises(TypeError):
            list(frames_from(wrong))


class TestNumberedFrames:
    def test_frames_made_without_a_number_get_the_next(self) -> None:
        frames = list(numbered_frames((Frame(RGB) for _ in range(3)), rate=5))
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert [frame.time_seconds for frame in frames] == pytest.approx([0, 0.2, 0.4])

    def test_what_is_known_stays_and_the_rest_goes_on_from_it(self) -> None:
        given = [Frame(RGB), Frame(RGB, index=4), Frame(RGB, time_seconds=1.0)]
        frames = [(frame.index, frame.time_seconds) for frame in numbered_frames(given, rate=5)]
        assert frames == [(0, 0.0), (4, pytest.approx(0.2)), (5, 1.0)]

    def test_numbers_and_times_of_their_own_stay(self) -> None:
        given = [Frame(RGB, 0.5, 3), Frame(RGB, 0.7, 5)]
        assert list(numbered_frames(given)) == given

    def test_a_second_clip_goes_on_from_the_first(self) -> None:
        clip = [Frame(RGB, index / 10, index) for index in range(2)]
        frames = [(frame.index, frame.time_seconds) for frame in numbered_frames([*clip, *clip], rate=10)]
        assert [index for index, _ in frames] == [0, 1, 2, 3]
        assert [time for _, time in frames] == pytest.approx([0, 0.1, 0.2, 0.3])

    def test_arrays_are_refused_with_the_remedy(self) -> None:
        with pytest.raises(TypeError, match=r"model\.predict"):
            list(numbered_frames([RGB]))  # type: ignore[list-item]
