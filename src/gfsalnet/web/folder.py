"""What the folder holds: the page as it lies in the package, the shipped network, and what the page is told of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gfsalnet._version import __version__
from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors, write_whole
from gfsalnet.formats.texts import read_json_object
from gfsalnet.models import DEFAULT_MODEL
from gfsalnet.models.entry import SHIPPED
from gfsalnet.network.folder import GRAPH_FILE, WEIGHTS_FILE, read_config, weights_hash
from gfsalnet.render.colours import colour_table
from gfsalnet.render.look import FULL_COLOUR, OPAQUE_FROM, Look
from gfsalnet.render.sinks import COLUMN_FORMATS

PAGE = Path(__file__).parent / "page"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""What the page may load, and where it may connect to: nothing beyond the folder. It stands in `index.html` too."""
HEADERS = {
    "content-security-policy": f"{POLICY}; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
}
"""What a server says with each file of the folder. Isolated from other pages, this one may use threads."""
_SETTINGS, _SERVICE_WORKER = "settings.json", "sw.js"


def folder_files() -> Mapping[str, Path | bytes]:
    """The files of the folder by their names in it: files of the package, or what is written for it."""
    files: dict[str, Path | bytes] = {
        path.relative_to(PAGE).as_posix(): path for path in sorted(PAGE.rglob("*")) if path.is_file()
    }
    model = SHIPPED / DEFAULT_MODEL
    files |= {name: model / name for name in (GRAPH_FILE, WEIGHTS_FILE)}
    files[_SETTINGS] = json.dumps(_settings(model)).encode()
    files[_SERVICE_WORKER] = _service_worker(files).encode()
    return files


def write_folder(path: Path) -> int:
    """Write the folder, also over one of an earlier version; what else lies in it stays.

    Args:
        path: of the folder, which may be there already.

    Returns:
        how many bytes it has.

    Raises:
        OutputError: if something cannot be written, or a file of another page would be written over.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(path, "is no folder", "Name another --output")
    contents = {name: _content(file) for name, file in folder_files().items()}
    _refuse_foreign(path, contents)
    for name, content in contents.items():
        with output_errors(path / name):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(path / name, content)
    return sum(map(len, contents.values()))


def _refuse_foreign(path: Path, contents: Mapping[str, bytes]) -> None:
    with suppress(OutputError):
        if read_json_object(path / _SETTINGS, OutputError).keys() >= {"version", "model", "look"}:
            return  # those that an earlier version has written
    # The same bytes are what an earlier run wrote before it was stopped.
    others = [name for name in contents if _differs(path / name, contents[name])]
    if others:
        problem = f"holds {', '.join(others[:3])} of another page"
        raise OutputError(path, problem, "Name another --output, such as a new folder in it")


def _differs(path: Path, content: bytes) -> bool:
    try:
        return path.exists() and path.read_bytes() != content
    except OSError:
        return True


def _content(file: Path | bytes) -> bytes:
    return file if isinstance(file, bytes) else file.read_bytes()


def _settings(model: Path) -> dict[str, Any]:
    """What the page has to know of the network, of how maps are drawn, and of the table."""
    config, about = read_config(model)
    height, width = config.input_size_hw
    over_time, look = about["over_time"], Look()
    return {
        "version": __version__,
        "model": {
            "name": f"{model.name}:appearance",
            "weights": weights_hash(model),
            "files": {"model": GRAPH_FILE, "weights": WEIGHTS_FILE},
            "area": height * width,
            **{key: over_time[key] for key in ("still", "video", "memory")},
        },
        "look": {
            "colours": colour_table(look.colormap).tobytes().hex(),
            "opacity": look.opacity,
            "opaqueFrom": OPAQUE_FROM,
            "fullColour": FULL_COLOUR,
        },
        "columns": {name: 0 if spec == "d" else int(spec[1:-1]) for name, spec in COLUMN_FORMATS.items()},
    }


def _service_worker(files: Mapping[str, Path | bytes]) -> str:
    """The service worker, told what to keep; a change of any file changes the name of its cache."""
    digest = hashlib.sha256(json.dumps(HEADERS).encode())
    for name, file in sorted(files.items()):
        digest.update(name.encode() + hashlib.sha256(_content(file)).digest())
    used = [name for name in files if name != _SERVICE_WORKER and not name.endswith(".txt")]
    told = {
        "CACHE": f"gfsalnet-{digest.hexdigest()[:16]}",
        "FILES": ["./", *(name for name in used if not _is_for_webgpu(name))],
        "LATER": [name for name in used if _is_for_webgpu(name)],
        "HEADERS": HEADERS,
    }
    constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in told.items())
    return constants + (PAGE / _SERVICE_WORKER).read_text(encoding="utf-8")


def _is_for_webgpu(name: str) -> bool:
    """Whether a file is of the larger runtime, which few will ask for."""
    return ".jspi." in name
