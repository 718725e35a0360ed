"""Whatever is wrong with a foreign file is one line about it, and nothing is unpacked beyond the limits."""

from __future__ import annotations

import json
import random
import zipfile
import zlib

import numpy as np
import pytest

from gfsalnet.errors import DatasetError, GFSalNetError, RequestError, SourceError, WeightsError
from gfsalnet.formats.arrays import ArrayArchive, read_npy
from gfsalnet.formats.texts import read_csv_rows, read_json, read_toml, toml_value
from gfsalnet.limits import max_bytes, max_pixels


@pytest.fixture
def small(monkeypatch):
    """A limit of a megabyte."""
    monkeypatch.setenv("GFSALNET_MAX_BYTES", "1000000")


def damaged(data, seed):
    """The bytes with a piece changed, taken out or put in, or with the end cut off."""
    rng = random.Random(seed)
    start, length = rng.randrange(len(data)), rng.choice([1, 4, 30])
    kind = rng.choice(["noise", "drop", "insert", "cut"])
    if kind == "cut":
        return data[:start]
    piece = rng.randbytes(length) if kind != "drop" else b""
    return data[:start] + piece + data[start + (0 if kind == "insert" else length) :]


def refused_or_read(read, path, data, rounds):
    """Read damaged copies; only errors that speak to the user may come."""
    said = []
    for seed in range(rounds):
        path.write_bytes(damaged(data, seed))
        try:
            read(path)
        except GFSalNetError as error:
            said.append(str(error))
    assert len(said) > rounds / 10
    assert all(path.name in line and "\n" not in line for line in said)


def test_damaged_arrays(tmp_path):
    arrays = {"x": np.linspace(0, 1, 200), "names": np.array(["one", "two"]), "n": np.arange(5)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    data = (tmp_path / "a.npz").read_bytes()
    whole = ArrayArchive(tmp_path / "a.npz", DatasetError).read_all()
    assert {name: list(values) for name, values in whole.items()} == {name: list(arrays[name]) for name in arrays}
    refused_or_read(lambda path: ArrayArchive(path, DatasetError).read_all(), tmp_path / "a.npz", data, 120)
    np.save(tmp_path / "a.npy", arrays["x"])
    data = (tmp_path / "a.npy").read_bytes()
    refused_or_read(lambda path: read_npy(path, SourceError).sum(), tmp_path / "a.npy", data, 120)


def test_damaged_texts(tmp_path):
    data = json.dumps({"a": [1, 2.5, "word"], "b": {"c": None}}).encode()
    refused_or_read(lambda path: read_json(path, DatasetError), tmp_path / "a.json", data, 60)
    data = b'[a]\nb = [1, 2]\nc = "word"\n[d]\ne = 2020-01-01\n'
    refused_or_read(lambda path: read_toml(path, DatasetError), tmp_path / "a.toml", data, 60)
    data = b"video,frame,x\none,1,2\ntwo,3,4\n"
    refused_or_read(lambda path: read_csv_rows(path, DatasetError), tmp_path / "a.csv", data, 60)


@pytest.mark.parametrize(
    ("read", "text"),
    [(read_json, "[" * 100_000), (read_toml, "x = " + "[" * 3000)],
)
def test_what_is_nested_too_deeply(tmp_path, read, text):
    (tmp_path / "deep").write_text(text)
    with pytest.raises(WeightsError, match=r"deep: not a readable (JSON|TOML) file \((it is nested too deeply|.*)\)"):
        read(tmp_path / "deep", WeightsError)
    assert toml_value("[" * 3000) == "[" * 3000


def test_a_mapped_array_is_the_stored_one_and_takes_no_memory(tmp_path, small):
    values = np.arange(300_000, dtype=np.float64).reshape(300, 1000)
    np.savez(tmp_path / "a.npz", density=values, fortran=np.asfortranarray(values[:3]))
    archive = ArrayArchive(tmp_path / "a.npz", SourceError)
    np.testing.assert_array_equal(archive.mapped("density"), values)
    np.testing.assert_array_equal(archive.mapped("fortran"), values[:3])
    with pytest.raises(SourceError, match=r"its arrays take 2 MB, more than 1 MB\..*MAX_BYTES to 2400000"):
        archive.read("density")


def test_a_small_file_that_unpacks_to_much(tmp_path, small):
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(10**7), y=np.zeros(10))
    with pytest.raises(DatasetError, match="take 80 MB, more than 1 MB"):
        ArrayArchive(tmp_path / "bomb.npz", DatasetError).mapped("x")
    np.savez_compressed(tmp_path / "many.npz", **{str(i): np.zeros(10**5 // 2) for i in range(4)})
    with pytest.raises(DatasetError, match="MB"):
        ArrayArchive(tmp_path / "many.npz", DatasetError).read_all()


def test_headers_that_lie(tmp_path):
    header = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000,), }".ljust(
        117
    )
    (tmp_path / "a.npy").write_bytes(header + b"\n" + bytes(80))
    with pytest.raises(SourceError, match="shorter than its header says"):
        read_npy(tmp_path / "a.npy", SourceError)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(tmp_path / "a.npy", "a.npy")
    for read in (ArrayArchive.read, ArrayArchive.mapped):
        with pytest.raises(SourceError, match=r"80,000 MB|shorter than its header says"):
            read(ArrayArchive(tmp_path / "a.npz", SourceError), "a")


def test_no_pickle_is_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", a=np.array([{}], object))
    with pytest.raises(SourceError, match=r"Python objects.*nothing was run"):
        read_npy(tmp_path / "a.npy", SourceError)
    with pytest.raises(SourceError, match=r"Python objects.*nothing was run"):
        ArrayArchive(tmp_path / "a.npz", SourceError).read("a")


def test_long_texts_are_refused(tmp_path, small):
    (tmp_path / "a.json").write_text("[" + "1," * 200_000 + "1]")
    with pytest.raises(SourceError, match=r"longer than 0 MB.*GFSALNET_MAX_BYTES to 32\d{5}"):
        read_json(tmp_path / "a.json", SourceError)


@pytest.mark.parametrize("text", ["many", "-1", "0", "1e9", "²"])
def test_limits_that_are_no_numbers(monkeypatch, text):
    monkeypatch.setenv("GFSALNET_MAX_PIXELS", text)
    with pytest.raises(RequestError, match=r"GFSALNET_MAX_PIXELS: is .* no positive whole number"):
        max_pixels()
    assert max_bytes() == 2**29


def test_matlab_files_are_held_against_the_limit(tmp_path, small):
    io = pytest.importorskip("scipy.io")
    from gfsalnet.formats.mat import read_mat

    io.savemat(tmp_path / "bomb.mat", {"x": np.zeros((1000, 1000))}, do_compression=True)
    with pytest.raises(DatasetError, match="more than 1 MB"):
        read_mat(tmp_path / "bomb.mat")
    sparse = pytest.importorskip("scipy.sparse")
    io.savemat(tmp_path / "sparse.mat", {"x": sparse.coo_matrix(([1.0], ([0], [0])), (5000, 5000))})
    with pytest.raises(DatasetError, match="take 200 MB"):
        read_mat(tmp_path / "sparse.mat")
    io.savemat(tmp_path / "a.mat", {"x": np.arange(4.0), "cell": np.array([1, "two"], object)}, do_compression=True)
    data = (tmp_path / "a.mat").read_bytes()
    refused_or_read(read_mat, tmp_path / "a.mat", data, 60)


def test_hdf5_is_held_against_the_limit(tmp_path, small):
    h5py = pytest.importorskip("h5py")
    from gfsalnet.formats.hdf5 import open_hdf5
    from gfsalnet.formats.mat import read_mat

    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("x", (10_000, 10_000), np.float64, chunks=(100, 100), compression="gzip")
    with pytest.raises(WeightsError, match="take 800 MB"), open_hdf5(tmp_path / "bomb.h5", WeightsError) as opened:
        opened.array(opened.root["x"])
    # Cells that hold the cells before them, ten times each: ten thousand million texts.
    with h5py.File(tmp_path / "laughs.mat", "w", userblock_size=512) as file:
        before = file.create_dataset("#refs#/0", data=np.zeros(2))
        for level in range(10):
            cell = file.create_dataset(f"#refs#/c{level}", (10,), h5py.ref_dtype)
            cell[:] = [before.ref] * 10
            cell.attrs["MATLAB_class"] = np.bytes_("cell")
            before = cell
        file["x"] = before
    with pytest.raises(DatasetError, match="more than 1 MB"):
        read_mat(tmp_path / "laughs.mat")


def test_parquet_is_held_against_the_limit(tmp_path, small):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from gfsalnet.formats.parquet import read_parquet_columns

    table = pyarrow.table({"x": [1.5, None], "name": ["one", "two"], "n": [1, 2]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read_parquet_columns(tmp_path / "a.parquet", DatasetError) == {
        "x": ["1.5", ""],
        "name": ["one", "two"],
        "n": ["1", "2"],
    }
    data = (tmp_path / "a.parquet").read_bytes()
    refused_or_read(lambda path: read_parquet_columns(path, DatasetError), tmp_path / "a.parquet", data, 60)
    parquet.write_table(pyarrow.table({"x": np.zeros(10**6)}), tmp_path / "rows.parquet")
    parquet.write_table(pyarrow.table({"x": ["a" * 10_000] * 1000}), tmp_path / "texts.parquet")
    for name in ("rows", "texts"):
        with pytest.raises(DatasetError, match="more than 1 MB"):
            read_parquet_columns(tmp_path / f"{name}.parquet", DatasetError)


def test_tensors_that_show_few_numbers_many_times(tmp_path, small):
    torch = pytest.importorskip("torch")
    from gfsalnet.formats.tensors import read_torch

    torch.save({"x": torch.zeros(1).expand(10**9)}, tmp_path / "bomb.pt")
    with pytest.raises(WeightsError, match="take 4,000 MB"):
        read_torch(tmp_path / "bomb.pt", WeightsError)
    torch.save({"x": torch.zeros(30), "n": 3}, tmp_path / "a.pt")
    data = (tmp_path / "a.pt").read_bytes()
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as stored,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, bytes(4 * 10**6) if name.endswith("data/0") else stored.read(name))
    with pytest.raises(WeightsError, match="more than 1 MB"):
        read_torch(tmp_path / "packed.pt", WeightsError)
    refused_or_read(lambda path: read_torch(path, WeightsError), tmp_path / "a.pt", data, 60)


def test_a_picture_is_never_unpacked_beyond_the_limit(tmp_path, monkeypatch):
    import struct

    from gfsalnet.video import open_source, pictures, read_image

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    def png(side):
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        rows = zlib.compress(bytes(1 + 3 * 64) * 64)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")

    def heif(side):
        return b"\0\0\0\x18ftypavif\0\0\0\0mif1avif\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", side, side)

    (tmp_path / "a.png").write_bytes(png(64))
    assert read_image(tmp_path / "a.png").shape == (64, 64, 3)
    monkeypatch.setattr(pictures.cv2, "imdecode", None)
    names = {
        "bomb.png": png(20_000),
        "bomb.avif": heif(20_000),
        "bomb.ppm": b"P6 # huge\n20000 20000 255\n" + bytes(100),
        "bomb.jp2": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x16ihdr" + struct.pack(">II", 20_000, 20_000),
        "bomb.webp": b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (19_999).to_bytes(3, "little") * 2,
    }
    for name, data in names.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(SourceError, match=r"20000x20000 pixels is too large.*GFSALNET_MAX_PIXELS"):
            open_source(str(tmp_path / name))
    (tmp_path / "odd.png").write_bytes(b"anything else")
    with pytest.raises(SourceError, match="not an image"):
        read_image(tmp_path / "odd.png")


@pytest.mark.parametrize("packed", [False, True])
def test_no_damaged_matlab_file_reaches_scipy_with_wrong_lengths(tmp_path, packed):
    io = pytest.importorskip("scipy.io")
    from gfsalnet.formats.mat import read_mat

    content = {"x": np.arange(12.0), "cell": np.array(["one", 2.5], object), "s": {"a": 1, "b": "two"}}
    io.savemat(tmp_path / "a.mat", content, do_compression=packed)
    assert read_mat(tmp_path / "a.mat")["s"][0]["b"] == "two"
    data = (tmp_path / "a.mat").read_bytes()
    for seed in range(40):  # a byte too many: scipy.io.loadmat ends the process at some
        start = 128 + seed * (len(data) - 128) // 40
        (tmp_path / "a.mat").write_bytes(data[:start] + b"\xf7" + data[start:])
        with pytest.raises(DatasetError, match=r"a\.mat: not a readable MATLAB file"):
            read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize("part", ["a", '"b c"', "'d'"])
def test_a_key_of_toml_with_thousands_of_parts_is_refused_at_once(tmp_path, part):
    path = tmp_path / "a.toml"
    path.write_text("x = 1\ny = { " + ".".join([part] * 20_000) + " = 1 }\n")
    with pytest.raises(GFSalNetError, match="more than 64 parts"):
        read_toml(path, GFSalNetError)
    path.write_text('x.y.z = "a.b.c"\n[d.e."f.g"]\nh = 1.5\n')
    assert read_toml(path, GFSalNetError) == {"x": {"y": {"z": "a.b.c"}}, "d": {"e": {"f.g": {"h": 1.5}}}}


def test_long_toml_is_refused_before_it_is_read(tmp_path, monkeypatch):
    """Its reader takes two seconds for a megabyte."""
    monkeypatch.setenv("GFSALNET_MAX_BYTES", str(2**20))  # of which TOML may have 8 KiB
    path = tmp_path / "a.toml"
    path.write_text("x = 1\n" * 1000)
    with pytest.raises(GFSalNetError, match="Cannot overwrite a value"):
        read_toml(path, GFSalNetError)
    path.write_text("x = 1\n" * 1400)
    with pytest.raises(GFSalNetError, match=r"too long for a TOML file.*GFSALNET_MAX_BYTES"):
        read_toml(path, GFSalNetError)
