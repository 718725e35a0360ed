"""The machine and what is installed on it: nothing here runs a network."""

from __future__ import annotations

import importlib
import importlib.metadata
import locale
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gfsalnet._version import __version__
from gfsalnet.device import cores, memory_bytes, processor
from gfsalnet.doctor.finding import Finding, State, reason
from gfsalnet.files import HOME_VARIABLE, home
from gfsalnet.plugins import plugin_names
from gfsalnet.unexpected import package_versions

NEEDED = ("numpy", "cv2", "av", "onnxruntime", "typer", "rich")
"""Modules without which nothing works."""
LITTLE_SPACE_BYTES = 10**9
DECODERS = {
    "H.264": ("h264",),
    "HEVC": ("hevc",),
    "AV1": ("libdav1d", "libaom-av1"),
    "VP9": ("vp9", "libvpx-vp9"),
    "MPEG-4": ("mpeg4",),
    "MPEG-2": ("mpeg2video",),
    "ProRes": ("prores",),
    "Motion JPEG": ("mjpeg",),
}
ENCODERS = {"H.264": ("libx264",), "AAC": ("aac",)}
"""Encoders without which no overlay can be written."""
VARIABLES = (
    *(HOME_VARIABLE, "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "LANG", "LC_ALL", "PYTHONUTF8", "TMPDIR"),
    *("SSL_CERT_FILE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"),
)
_MAY_BE_SHOWN = {"OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "LANG", "LC_ALL", "PYTHONUTF8"}


def system() -> Iterator[Finding]:
    """Versions, processor, memory and limits of the process."""
    yield Finding("system", "gfsalnet", __version__)
    yield Finding("system", "Python", f"{platform.python_version()}, {platform.python_implementation()}")
    libc = " ".join(platform.libc_ver()) if sys.platform == "linux" else ""
    yield Finding("system", "platform", ", ".join(filter(None, (platform.platform(aliased=True), libc))))
    yield Finding("system", "processor", f"{processor()}, {cores()} cores may be used")
    memory = memory_bytes()
    yield Finding("system", "memory", "unknown" if memory is None else f"{memory / 1e9:.1f} GB may be used")
    yield from _limits()
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    names = f"{encoding} for output, {sys.getfilesystemencoding()} for names, {locale.getpreferredencoding(False)} else"
    yield Finding("system", "encodings", names)
    for name in VARIABLES:
        if name in os.environ:
            # Proxies may have a password in them, folders a name.
            yield Finding("system", name, os.environ[name] if name in _MAY_BE_SHOWN else "is set")


def _limits() -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    import resource

    for name, what, least in (
        ("open files", resource.RLIMIT_NOFILE, 64),
        ("address space", resource.RLIMIT_AS, 2 * 10**9),
        ("file size", resource.RLIMIT_FSIZE, 10**9),
    ):
        soft = resource.getrlimit(what)[0]
        if soft == resource.RLIM_INFINITY:
            continue
        text = f"{soft}" if what == resource.RLIMIT_NOFILE else f"{soft / 1e9:.1f} GB"
        low = soft < least
        yield Finding(
            "system", f"limit of {name}", f"{text}{', which is little' if low else ''}", "note" if low else "fine"
        )


def packages() -> Iterator[Finding]:
    """What is installed, whether it can be imported, and whether the files of this package are as they were."""
    for name, version in package_versions().items():
        yield Finding("packages", name, version)
    if {"opencv-python", "opencv-python-headless"} <= package_versions().keys():
        yield Finding("packages", "OpenCV twice", "opencv-python and -headless overwrite each other's files", "note")
    for module in NEEDED:
        try:
            importlib.import_module(module)
        except Exception as error:  # a library of the system that is missing may show in any way
            yield Finding("packages", f"import {module}", reason(error), "wrong")
    yield _own_files()
    for group in ("gfsalnet.models", "gfsalnet.flow", "gfsalnet.datasets"):
        for name, package in plugin_names(group).items():
            yield Finding("packages", f"plug-in {name}", f"of {package}, in {group}")


def _own_files() -> Finding:
    """Compare the package's files with the list that was installed with them."""
    import base64
    import hashlib

    listed = [file for file in importlib.metadata.files("gfsalnet") or () if file.hash is not None]
    code = [file for file in listed if file.parts[0] == "gfsalnet"]
    if not code:
        return Finding("packages", "files", "not installed from a wheel, so not compared")
    changed = []
    for file in code:
        assert file.hash is not None
        try:
            found = hashlib.new(file.hash.mode, Path(str(file.locate())).read_bytes()).digest()
        except OSError:
            found = b""
        # As in the wheel's RECORD: Base64 for URLs, without the padding.
        if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != file.hash.value:
            changed.append(str(file))
    if changed:
        return Finding("packages", "files", f"{len(changed)} are changed or missing, first {changed[0]}", "wrong")
    return Finding("packages", "files", f"{len(code)}, all as installed")


def codecs() -> Iterator[Finding]:
    """The FFmpeg in PyAV, what it decodes of what is common, and whether it encodes what overlays need."""
    # Here and not above: a PyAV that cannot be imported is a finding, and the rest of the module still works.
    import av

    version = getattr(av, "ffmpeg_version_info", None) or ".".join(map(str, av.library_versions["libavcodec"]))
    yield Finding("codecs", "FFmpeg", f"{version}, in PyAV {av.__version__}")
    for kind, mode, table in (("decoder", "r", DECODERS), ("encoder", "w", ENCODERS)):
        for what, names in table.items():
            found = next((name for name in names if _has_codec(name, mode)), None)
            missing: Finding = Finding("codecs", f"{what} {kind}", "missing", "wrong" if mode == "w" else "note")
            yield missing if found is None else Finding("codecs", f"{what} {kind}", found)


def _has_codec(name: str, mode: str) -> bool:
    from av.codec import Codec

    try:
        Codec(name, mode)  # type: ignore[arg-type] # "r" or "w"
    except ValueError:  # UnknownCodecError is one
        return False
    return True


def places() -> Iterator[Finding]:
    """The folders that are written to: what is free in them, and whether they can be written."""
    folders: dict[str, tuple[Path, State]] = {
        "results, here": (Path.cwd(), "note"),
        "temporary files": (Path(tempfile.gettempdir()), "wrong"),
        "what is kept": (home(), "note"),
    }
    for name, (folder, state) in folders.items():
        # What does not exist yet would be made below the nearest folder that does.
        there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
        try:
            free = shutil.disk_usage(there).free
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            yield Finding("places", name, f"{folder} cannot be written ({error.strerror or error})", state)
            continue
        little = free < LITTLE_SPACE_BYTES
        text = f"{folder}, {free / 1e9:.1f} GB free{', which is little' if little else ''}"
        yield Finding("places", name, text, "note" if little else "fine")
    yield from _kept()


def _kept() -> Iterator[Finding]:
    """What lies among the user's things: weights by name, and how much there is of everything."""
    if not home().is_dir():
        return
    weights = sorted(path.name for path in home().glob("weights/*") if path.is_dir())
    if weights:
        yield Finding("places", "weights", ", ".join(weights))
    sizes = [path.stat().st_size for path in home().rglob("*") if path.is_file()]
    yield Finding("places", "files kept", f"{len(sizes)}, {sum(sizes) / 1e6:.0f} MB")
