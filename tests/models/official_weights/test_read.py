"""Which reader reads a file, and what is said of files that none reads."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gfsalnet.errors import WeightsError
from gfsalnet.models.official_weights.read import official_file, read_official


def test_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    with (tmp_path / "w.pt").open("wb") as file:
        np.savez(file, np.ones(2))
    torch.save({"a": torch.ones(3)}, tmp_path / "w.npz")
    assert list(read_official(tmp_path / "w.pt")) == ["arr_0"]
    assert list(read_official(tmp_path / "w.npz")) == ["a"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html><title>Google Drive - Virus scan warning", "is a web page.*browser"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
        (b"these are no weights at all", "is of an unknown format.*caffemodel"),
        (b"(lp0\nI1\na.", "is of an unknown format"),
    ],
)
def test_what_is_no_weights_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        read_official(tmp_path / "w.pth")


def test_an_archive_has_to_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ViNet.zip", "w") as archive:
        archive.writestr("ViNet_DHF1K.pt", b"weights")
    with pytest.raises(WeightsError, match=r"an archive \(ViNet_DHF1K\.pt …\)\. Unpack it"):
        read_official(tmp_path / "ViNet.zip")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        read_official(tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="is a folder"):
        read_official(tmp_path)


def test_the_file_that_a_path_means(tmp_path: Path) -> None:
    (tmp_path / "w.pt").touch()
    (tmp_path / "m.index").touch()
    assert official_file(tmp_path / "w.pt") == tmp_path / "w.pt"
    assert official_file(tmp_path / "m") == official_file(tmp_path / "m.data-00000-of-00002") == tmp_path / "m.index"
