"""Maps as other programs write them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from drawn import HEIGHT, WIDTH, BlobModel, Drawn, blob, write_maps

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.map_files import MapsFolder
from gfsalnet.evaluation.map_sequences import read_map

MAPS = [blob(10 + 15 * index, 20, 6) for index in range(5)]
BYTES = [(255 * saliency).astype(np.uint8) for saliency in MAPS]


def read(root: Path, wanted: list[int] | None = None, video: str = "a", **drawn: int) -> dict[int, np.ndarray]:
    dataset = Drawn((video, "other"), **drawn)
    return dict(MapsFolder(root).maps(dataset, video, wanted or [0, 1, 3, 4]).maps)


def write_video(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for grey in BYTES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.stack([grey] * 3, 2), format="rgb24")))
        container.mux(stream.encode())


def pictures(folder: Path, first: int = 1, name: str = "{:04d}.png", maps: list[np.ndarray] | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, saliency in enumerate(BYTES if maps is None else maps):
        cv2.imwrite(str(folder / name.format(index + first)), saliency)


LAYOUTS = {
    "png": lambda root: pictures(root / "a"),
    "png from 0": lambda root: pictures(root / "a", 0, "frame_{}.png"),
    "png with two numbers, going on from another shot": lambda root: pictures(root / "a", 77, "clip00001_{:05d}.png"),
    "png not padded": lambda root: pictures(root / "a", 7, "{}.png"),
    "png of grey in three channels": lambda root: pictures(root / "a", maps=[np.stack([b] * 3, 2) for b in BYTES]),
    "png of 16 bits": lambda root: pictures(root / "a", maps=[b.astype(np.uint16) * 257 for b in BYTES]),
    "our pngs": lambda root: pictures(root / "a" / "maps", 0, "{:06d}.png"),
    "npz": lambda root: np.savez(root / "a.npz", maps=np.stack(MAPS)),
    "npy": lambda root: np.save(root / "a.npy", np.stack(MAPS)),
    "npy in a folder": lambda root: ((root / "a").mkdir(), np.save(root / "a" / "all.npy", np.stack(MAPS))),
    "mp4": lambda root: write_video(root / "a.mp4"),
    "mp4 in a folder": lambda root: write_video(root / "a" / "saliency.mp4"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, tmp_path: Path) -> None:
    LAYOUTS[layout](tmp_path)
    maps = read(tmp_path)
    assert list(maps) == [0, 1, 3, 4]
    for index, saliency in maps.items():
        values = saliency / saliency.max()
        assert np.abs(values - MAPS[index]).max() < 0.02


def test_what_predict_writes_is_preferred_as_floats(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    np.savez(tmp_path / "a" / "maps.npz", density=np.stack(MAPS), time_seconds=np.arange(5) / 25)
    pictures(tmp_path / "a" / "maps", 0)
    assert np.array_equal(read(tmp_path)[3], MAPS[3])


@pytest.mark.parametrize(
    ("video", "stored"), [("0601", "601"), ("601", "0601"), ("set/clip", "clip"), ("clip.mp4", "clip")]
)
def test_names_that_mean_the_same(video: str, stored: str, tmp_path: Path) -> None:
    np.save(tmp_path / f"{stored}.npy", np.stack(MAPS))
    assert len(read(tmp_path, video=video)) == 4


def test_a_name_that_two_folders_share_is_not_guessed(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", np.stack(MAPS))
    dataset = Drawn(("one/clip", "two/clip"))
    with pytest.raises(SourceError, match=r"holds no maps for one/clip, but clip\.npy"):
        MapsFolder(tmp_path).maps(dataset, "one/clip", [0])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".npy"])
def test_photographs(suffix: str, tmp_path: Path) -> None:
    if suffix == ".npy":
        np.save(tmp_path / "a.npy", MAPS[0])
    else:
        cv2.imwrite(str(tmp_path / f"a{suffix}"), BYTES[0])
    maps = read(tmp_path, [0], length=1)
    assert list(maps) == [0]
    assert np.abs(maps[0] / maps[0].max() - MAPS[0]).max() < 0.05


def test_one_map_more_is_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([*MAPS, MAPS[0]]))
    supplied = MapsFolder(tmp_path).maps(Drawn(), "a", [0, 1, 3, 4])
    assert [index for index, _ in supplied.maps] == [0, 1, 3, 4]
    assert supplied.notes == ["6 maps for 5 frames: the last map is left out"]


@pytest.mark.parametrize("count", [3, 4, 7])
def test_other_counts_are_refused(count: int, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([MAPS[0]] * count))
    with pytest.raises(SourceError, match=f"holds {count} maps, the video has 5 frames. Write one map for each frame"):
        read(tmp_path)


def test_maps_of_a_whole_video_fit_where_its_beginning_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Drawn, "whole_length", lambda self, video: 7)
    np.save(tmp_path / "a.npy", np.stack([*MAPS, MAPS[0], MAPS[0]]))
    assert np.array_equal(read(tmp_path)[4], MAPS[4])


def test_maps_may_end_with_the_scored_frames(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack(MAPS[:4]))
    assert list(read(tmp_path, [0, 3], length=9)) == [0, 3]


def damaged_end(root: Path) -> None:
    pictures(root / "a", 0, maps=BYTES[:3])


def damaged_double(root: Path) -> None:
    pictures(root / "a")
    np.save(root / "a" / "0002.npy", MAPS[1])


def damaged_colour(root: Path) -> None:
    heat = [cv2.applyColorMap(b, cv2.COLORMAP_JET) for b in BYTES]
    pictures(root / "a", maps=heat)


def damaged_names(root: Path) -> None:
    pictures(root / "a")
    cv2.imwrite(str(root / "a" / "mean.png"), BYTES[0])


DAMAGE = {
    damaged_end: r"3 maps are numbered 0 to 2, the video has 5 frames.*one map for each frame",
    damaged_double: r"0002\.npy and 0002\.png have the same number",
    damaged_colour: r"0001\.png: is a colour picture.*not heat maps",
    damaged_names: r"mean\.png has no number",
    lambda root: (root / "a").mkdir(): "holds no maps",
    lambda root: None: "holds no maps for a, but nothing",
    lambda root: np.savez(root / "a.npz", x=MAPS, y=MAPS): "holds x, y.*under the name `density`",
    lambda root: np.save(root / "a.npy", np.zeros((5, 4, 4, 3))): r"shape \(5, 4, 4, 3\)",
    lambda root: np.save(root / "a.npy", np.zeros((5, 4, 4), complex)): "values of type complex",
    lambda root: (root / "a.npy").write_bytes(b"not"): "not a readable NumPy file",
    lambda root: (root / "a.mp4").write_bytes(b"not"): "a.mp4",
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.items(), ids=DAMAGE.values())
def test_damage_is_named(damage: object, words: str, tmp_path: Path) -> None:
    damage(tmp_path)  # type: ignore[operator]
    with pytest.raises(SourceError, match=words):
        read(tmp_path)


def test_a_damaged_picture(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"not")
    with pytest.raises(SourceError, match=r"1\.png: it is not an image"):
        read_map(tmp_path / "1.png")


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        MapsFolder(tmp_path / "nothing")


def test_identity_changes_with_the_files(tmp_path: Path) -> None:
    dataset = Drawn()
    folder = MapsFolder(write_maps(tmp_path / "maps", dataset, BlobModel()))
    before = folder.identity(dataset, "a")
    assert before == folder.identity(dataset, "a")
    np.save(tmp_path / "maps" / "a" / "0002.npy", np.ones((3, 3)))
    assert before != folder.identity(dataset, "a")


def test_one_map_in_a_file_may_have_an_extra_axis(tmp_path: Path) -> None:
    np.save(tmp_path / "0001.npy", MAPS[0][np.newaxis])
    assert read_map(tmp_path / "0001.npy").shape == (HEIGHT, WIDTH)
