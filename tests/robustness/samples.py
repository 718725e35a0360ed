"""Small files of every format that is read, made by code."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

FRAMES = 24
SIZE_WH = (96, 64)

VIDEOS = {
    "a.mp4": {"options": {"bf": "2", "g": "8"}, "muxer": {"movflags": "faststart"}},
    "end.mov": {"codec": "mpeg4"},
    "fragments.mp4": {"options": {"g": "5"}, "muxer": {"movflags": "frag_keyframe+empty_moov"}},
    "a.mkv": {"options": {"bf": "2", "g": "8"}},
    "lossless.mkv": {"codec": "ffv1"},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "8"}},
    "vp8.webm": {"codec": "libvpx", "options": {"g": "8", "auto-alt-ref": "0"}},
    "a.avi": {"codec": "mpeg4"},
    "jpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "a.ts": {"options": {"bf": "2", "g": "8"}},
    "a.mpg": {"codec": "mpeg2video"},
    "a.flv": {"codec": "flv1"},
    "avc.flv": {"options": {"bf": "2", "g": "8"}},
    "a.wmv": {"codec": "wmv2", "format": "asf"},
    "a.gif": {"codec": "gif", "pixels": "rgb8"},
    "a.png": {"codec": "apng", "pixels": "rgb24", "format": "apng"},
    "a.ogv": {"codec": "libvpx", "options": {"g": "8", "auto-alt-ref": "0"}, "format": "ogg"},
    "a.ivf": {"codec": "libvpx-vp9", "options": {"g": "8"}},
    "a.mxf": {"codec": "mpeg2video", "options": {"g": "8", "bf": "2"}},
    "a.nut": {"options": {"bf": "2", "g": "8"}},
    "a.rm": {"codec": "rv20", "format": "rm"},
}


def picture(index: int) -> np.ndarray:
    """(64, 96, 3) uint8, another one for every index: no two frames may be taken for each other."""
    width, height = SIZE_WH
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 2 + index * 5, y * 3 + index * 3, x + y + index * 7], axis=2).astype(np.uint8)
    rgb[16:48, 16:64] = np.random.default_rng(index).integers(0, 256, (8, 12, 3)).repeat(4, 0).repeat(4, 1)
    return rgb


def write_video(path: Path, arguments: dict) -> None:
    """`FRAMES` frames in one of the forms of `VIDEOS`."""
    muxer, format_ = arguments.get("muxer", {}), arguments.get("format")
    with av.open(str(path), "w", format=format_, container_options=muxer) as target:
        options = arguments.get("options", {})
        stream = target.add_stream(arguments.get("codec", "libx264"), rate=Fraction(25), options=options)
        (stream.width, stream.height), stream.pix_fmt = SIZE_WH, arguments.get("pixels", "yuv420p")
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(index)).reformat(format=stream.pix_fmt)
            frame.pts = index
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def _image(suffix: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(cv2.imencode(suffix, picture(3))[1].tobytes()) and None


def _animated_webp(path: Path) -> None:
    animation = cv2.Animation()
    animation.frames = [picture(index) for index in range(3)]
    animation.durations = np.array([100] * 3, np.int32)
    assert cv2.imwriteanimation(str(path), animation)


PICTURES: dict[str, Callable[[Path], None]] = {
    **{f"a{suffix}": _image(suffix) for suffix in (".png", ".jpg", ".bmp", ".webp", ".tiff", ".ppm", ".avif")},
    "moving.webp": _animated_webp,
    "pages.tif": lambda path: cv2.imwritemulti(str(path), [picture(index) for index in range(3)]) and None,
}


def write_csv(path: Path) -> None:
    """Gaze on a video `clip`."""
    rows = [f"clip,{index % 9},{index % 96},{index % 64},{index % 3}" for index in range(60)]
    path.write_text("\n".join(["video,frame,x,y,subject", *rows]) + "\n")


def write_parquet(path: Path) -> None:
    """The same."""
    import pyarrow
    import pyarrow.parquet

    index = np.arange(60)
    columns = {"video": ["clip"] * 60, "frame": index % 9, "x": index % 96, "y": index % 64, "subject": index % 3}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def write_mat(path: Path) -> None:
    """Numbers, text, cells and a struct."""
    import scipy.io

    content = {"x": np.arange(12.0).reshape(3, 4), "cell": np.array(["one", 2.5], object), "s": {"a": 1, "b": "two"}}
    scipy.io.savemat(path, content, do_compression=True)


def write_mat73(path: Path) -> None:
    """HDF5 as MATLAB has it."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("x", data=np.arange(300.0).reshape(30, 10), compression="gzip")
        cell = file.create_dataset("cell", (2,), h5py.ref_dtype)
        cell[:] = [file.create_dataset(f"#refs#/{n}", data=np.full(3, n)).ref for n in range(2)]
        cell.attrs["MATLAB_class"] = np.bytes_("cell")


def write_npz(path: Path) -> None:
    """Maps of a video."""
    rng = np.random.default_rng(0)
    np.savez_compressed(path, density=rng.random((9, 12, 16), np.float32), time_seconds=np.arange(9) / 25)


def write_npy(path: Path) -> None:
    """One map."""
    np.save(path, np.random.default_rng(0).random((12, 16), np.float32))


def write_areas(path: Path) -> None:
    """Two areas of interest."""
    box = {"name": "box", "units": "share", "keyframes": [{"time_seconds": 0, "box": [0.1, 0.2, 0.5, 0.6]}]}
    polygon = {"time_seconds": 1.5, "polygon": [[1, 2], [30, 4], [15, 40]]}
    path.write_text(json.dumps({"areas": [box, {"name": "p", "units": "pixels", "keyframes": [polygon]}]}))


def write_toml(path: Path) -> None:
    """A configuration."""
    path.write_text('[predict]\nmodel = "centre-bias"\nsave = "csv"\nmax-frames = 5\n\n[evaluate]\nprotocol = "mit"\n')


def write_torch(path: Path) -> None:
    """A state dict."""
    import torch

    torch.save({"state_dict": {"a.weight": torch.arange(60.0).reshape(3, 20), "a.bias": torch.zeros(3)}}, path)


def write_safetensors(path: Path) -> None:
    """The same."""
    import torch
    from safetensors.torch import save

    path.write_bytes(save({"a.weight": torch.arange(60.0).reshape(3, 20), "a.bias": torch.zeros(3)}))


def write_keras(path: Path) -> None:
    """A kernel and a bias."""
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights/conv1/conv1")
        group.create_dataset("kernel:0", data=np.ones((3, 3, 3, 8), np.float32), compression="gzip")
        group.create_dataset("bias:0", data=np.ones(8, np.float32))


def write_flo(path: Path) -> None:
    """Optical flow."""
    from gfsalnet.flow.flo import write_flo as write
    from gfsalnet.types import FlowField

    write(path, FlowField(np.random.default_rng(0).random((12, 16, 2), np.float32)))
