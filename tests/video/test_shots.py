from __future__ import annotations

import time

import cv2
import numpy as np

from gfsalnet.video import ShotDetector, open_source


def scene(seed, count=12, pan=2, size_wh=(160, 90)):
    """A pan over blurred coloured noise: a picture with a layout and colours of its own."""
    random = np.random.default_rng(seed)
    width, height = size_wh
    coarse = random.integers(0, 256, (6, 10, 3), dtype=np.uint8)
    wide = cv2.resize(coarse, (width + pan * count, height), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(wide[:, index * pan : index * pan + width]) for index in range(count)]


def cuts(frames):
    detector = ShotDetector()
    return [index for index, rgb in enumerate(frames) if detector.is_cut(rgb)]


def brighter(rgb, gain):
    return np.clip(rgb.astype(float) * gain, 0, 255).astype(np.uint8)


def test_cuts_are_where_the_scenes_meet():
    frames = [frame for seed in range(8) for frame in scene(seed)]
    assert cuts(frames) == list(range(12, 96, 12))


def test_the_first_frame_is_no_cut():
    assert cuts(scene(0, 1)) == []


def test_fast_pans_are_no_cuts():
    assert cuts(scene(1, 30, pan=16)) == []


def test_a_flash_is_no_cut():
    frames = scene(2, 20)
    frames[8], frames[9] = brighter(frames[8], 1.6), brighter(frames[9], 1.3)
    assert cuts(frames) == []


def test_after_a_white_flash_the_scene_is_known_again():
    frames = scene(3, 20)
    frames[8][:] = 255
    assert set(cuts(frames)) <= {8}


def test_fades_and_flat_or_noisy_frames_are_no_cuts():
    frames = scene(4, 30, pan=1)
    faded = [brighter(frame, max(0, 1 - index / 25)) for index, frame in enumerate(frames)]
    noise = [np.random.default_rng(seed).integers(0, 4, (90, 160, 3), dtype=np.uint8) for seed in range(10)]
    assert cuts(faded) == []
    assert cuts(noise) == []
    assert cuts([np.full((90, 160, 3), level, np.uint8) for level in (100, 102, 98, 100)]) == []


def test_flat_colours_and_black_can_cut():
    red, blue = np.full((90, 160, 3), (200, 30, 30), np.uint8), np.full((90, 160, 3), (30, 30, 200), np.uint8)
    assert cuts([red] * 4 + [blue] * 4) == [4]
    assert cuts([np.zeros((90, 160, 3), np.uint8)] * 4 + scene(5)) == [4]


def test_any_size_even_a_changing_one():
    assert cuts([*scene(6, 3), *scene(6, 3, size_wh=(320, 180))]) == []
    assert cuts([np.zeros((8, 2000, 3), np.uint8)] * 3) == []


def test_it_is_cheap():
    frames, detector = scene(7, 20, size_wh=(640, 360)), ShotDetector()
    started = time.perf_counter()
    for frame in frames * 5:
        detector.is_cut(frame)
    assert (time.perf_counter() - started) / 100 < 0.005  # 0.25 ms where nothing else runs


def test_real_clips(some_real_clips):
    """One hard cut in one of the clips, and their concatenations."""
    found, starts, joined = {}, [], []
    for path in some_real_clips:
        with open_source(str(path)) as reader:
            frames = [cv2.resize(frame.rgb, (160, 90), interpolation=cv2.INTER_AREA) for frame in reader]
        found[path.name] = cuts(frames)
        starts.append(len(joined))
        joined += frames[:20]
    assert {name: at for name, at in found.items() if at} == {"torchcodec_nasa_13013.mp4": [202]}
    assert cuts(joined) == starts[1:]
