"""Small files that claim, or unpack to, gigabytes: refused in one line, at a peak of memory under 1.5 GB."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import samples
from children import in_child

h5py, scipy, pyarrow, torch = (pytest.importorskip(name) for name in ("h5py", "scipy", "pyarrow", "torch"))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def write_png(path: Path) -> None:
    """16384 by 16384 black pixels in a few hundred kilobytes."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 3 * 16384)) for _ in range(16384)) + packer.flush()
    head = struct.pack(">IIBBBBB", 16384, 16384, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b""))


def write_gif(path: Path) -> None:
    """A canvas of 60000 by 60000 pixels."""
    samples.write_video(path, samples.VIDEOS["a.gif"])
    data = bytearray(path.read_bytes())
    data[6:10] = struct.pack("<HH", 60_000, 60_000)
    path.write_bytes(data)


def write_moving_webp(path: Path) -> None:
    """400 black pictures of 2000 by 2000 pixels."""
    animation = cv2.Animation()
    animation.frames = [np.full((2000, 2000, 3), grey, np.uint8) for grey in (0, 200)]
    animation.durations = np.array([40, 40], np.int32)
    cv2.imwriteanimation(str(path), animation)
    data = path.read_bytes()
    at = data.index(b"ANMF")
    frame = data[at : at + 8 + struct.unpack_from("<I", data, at + 4)[0]]
    body = data[8:at] + frame * 400
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def write_video(path: Path) -> None:
    """Uncompressed video of 30000 by 30000 pixels, by its header."""
    path.write_bytes(b"YUV4MPEG2 W30000 H30000 F25:1 C420\nFRAME\n" + bytes(10_000))


def write_npz(path: Path) -> None:
    """Four gigabytes of zeros."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("density.npy", "w", force_zip64=True) as member,
    ):
        told = str({"descr": "<f4", "fortran_order": False, "shape": (1000, 1000, 1000)}).encode().ljust(117) + b"\n"
        member.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(told)) + told)
        for _ in range(400):
            member.write(bytes(10**7))


def write_h5(path: Path) -> None:
    """Eight gigabytes that were never written."""
    with h5py.File(path, "w") as file:
        file.create_dataset("model_weights/a/kernel:0", (1000, 1000, 1000), np.float64, chunks=True, compression="gzip")


def write_mat(path: Path) -> None:
    """A gigabyte and a half of zeros, packed twice as well as once."""
    scipy.io.savemat(path, {"x": np.zeros((1000, 1000))}, do_compression=True)
    packer = zlib.compressobj(9)
    size = 1_500_000_000
    head = struct.pack("<IIII", 14, size, 6, 8) + struct.pack("<II", 6, 0) + struct.pack("<IIii", 5, 8, 1, size)
    body = b"".join([packer.compress(head), *(packer.compress(bytes(10**7)) for _ in range(150)), packer.flush()])
    path.write_bytes(path.read_bytes()[:128] + struct.pack("<II", 15, len(body)) + body)


def write_parquet(path: Path) -> None:
    """A text of a megabyte that five thousand rows repeat."""
    import pyarrow.parquet

    texts = pyarrow.array(["x" * 10**6]).dictionary_encode()
    video = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(5000, np.int32)), texts.dictionary)
    pyarrow.parquet.write_table(pyarrow.table({"video": video, "x": np.zeros(5000), "y": np.zeros(5000)}), path)


def write_torch(path: Path) -> None:
    """One number, shown four thousand million times."""
    torch.save({"a": torch.zeros(1).expand(10**9)}, path)


BOMBS: dict[str, Callable[[Path], object]] = {
    "bomb.png": write_png,
    "bomb.gif": write_gif,
    "bomb.webp": write_moving_webp,
    "bomb.y4m": write_video,
    "bomb.npz": write_npz,
    "bomb.h5": write_h5,
    "bomb.mat": write_mat,
    "bomb.parquet": write_parquet,
    "bomb.pt": write_torch,
}


def _read(path: Path) -> object:
    from gfsalnet.errors import SourceError
    from gfsalnet.formats.arrays import ArrayArchive
    from gfsalnet.formats.mat import read_mat
    from gfsalnet.gaze.table import read_table
    from gfsalnet.models.official_weights.read import read_official
    from gfsalnet.video import open_source

    if path.suffix == ".npz":
        return ArrayArchive(path, SourceError).read("density")
    if path.suffix in (".h5", ".pt"):
        return read_official(path)
    if path.suffix in (".mat", ".parquet"):
        return (read_mat if path.suffix == ".mat" else read_table)(path)
    with open_source(str(path)) as reader:
        return sum(1 for _ in reader)


@pytest.mark.release(share=0.1)
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(tmp_path: Path, tell: Callable[[str], None], name: str) -> None:
    from gfsalnet.errors import GFSalNetError

    path = tmp_path / name
    BOMBS[name](path)

    def work() -> int:
        try:
            _read(path)
        except GFSalNetError as error:
            print(error)
            return 1
        return 0

    ending = in_child(work, tmp_path / "said")
    tell(f"{name}: {path.stat().st_size / 1e3:.0f} kB, peak {ending.peak_bytes / 1e6:.0f} MB: {ending.said.strip()}")
    assert ending.wrong() is None, ending.said
    assert ending.status == 1
    assert len(ending.said.strip().splitlines()) == 1
