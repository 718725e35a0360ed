"""The shape of the code: which room may import which, how long things are, which names the public may use."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import gfsalnet
from gfsalnet.packages import MissingPackageError

PACKAGE = Path(gfsalnet.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


@dataclass
class Parsed:
    """A file of ours."""

    path: Path
    text: str
    nodes: list[ast.AST]


@pytest.fixture(scope="module")
def parsed() -> list[Parsed]:
    read = [(path, path.read_text(encoding="utf-8")) for path in FILES]
    return [Parsed(path, text, list(ast.walk(ast.parse(text)))) for path, text in read]


GROUND = {
    "_version",
    "choices",
    "errors",
    "files",
    "formats",
    "limits",
    "maps",
    "object_store",
    "packages",
    "plugins",
    "stopping",
    "tokens",
    "types",
    "unexpected",
    "urls",
    "words",
}
"""What lies under all rooms, and imports none of them."""

# Room → the rooms it may import, besides itself and the ground.
MAY_IMPORT = {
    **{name: set() for name in GROUND},
    "device": set(),
    "store": set(),
    "workers": {"device"},
    "__main__": {"cli"},
    "metrics": set(),
    "network": set(),
    "video": {"device"},
    "flow": {"video", "network"},  # of the network how weights are read, for PWC-Net alone
    "gaze": {"video"},
    "areas": {"video", "flow", "gaze", "render", "store"},
    "backends": {"network", "device", "store"},
    "models": {"video", "flow", "network", "backends", "device"},
    "composed": {"video", "flow", "gaze", "render", "store"},
    "render": {"video", "flow"},
    "training": {"device", "video", "flow", "network", "models", "gaze", "metrics", "composed", "render", "store"},
    "demo": {"video"},
    "predict": {"device", "video", "models", "render", "report", "store", "workers"},
    "scale": {"device", "video", "models", "predict", "render", "store", "workers"},
    "report": {"device", "video", "models", "render", "store"},
    "apply": {"areas", "device", "video", "flow", "models", "render", "predict", "store"},
    "figures": {"device", "video", "flow", "models", "render", "areas", "gaze", "evaluation", "store"},
    "bench": {"device", "video", "flow", "network", "backends", "models", "render", "demo"},
    "prepare": {"device", "video", "flow", "gaze", "render", "store", "workers"},
    "doctor": {"device", "video", "backends", "models", "predict", "demo"},
    "live": {"video", "models", "render"},
    # Of the report its player; the work itself is done by the command line, in processes.
    "serve": {"video", "models", "report", "demo", "web"},
    "web": {"models", "network", "render"},
    "adaptation": {"flow", "gaze", "metrics", "models", "network", "store", "evaluation"},
    "evaluation": {"device", "video", "gaze", "metrics", "models", "render", "store", "workers"},
    "cli": {
        "adaptation",
        *("device", "video", "flow", "gaze", "composed", "metrics", "backends", "models", "render"),
        *(
            "predict",
            "scale",
            "training",
            "evaluation",
            "demo",
            "prepare",
            "bench",
            "report",
            "figures",
            "doctor",
            "areas",
            "apply",
            "live",
            "serve",
            "store",
            "web",
        ),
    },
}


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(file: Parsed) -> Iterator[str]:
    """Rooms of ours that a file imports, also inside functions and type checks."""
    for node in file.nodes:
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "gfsalnet" else [f"gfsalnet.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("gfsalnet."))


def test_imports_run_one_way(parsed: list[Parsed]) -> None:
    wrong = {
        str(file.path.relative_to(PACKAGE)): sorted(beyond)
        for file in parsed
        if (room := room_of(file.path)) != "__init__"  # the front door hands out names of every room, on first use
        and (beyond := set(imports(file)) - MAY_IMPORT[room] - GROUND - {room})
    }
    assert wrong == {}


def test_files_and_functions_stay_short(parsed: list[Parsed]) -> None:
    for file in parsed:
        assert file.text.count("\n") <= 400, file.path
        for node in file.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= 60, f"{file.path}: {node.name} has {length} lines"


def test_only_the_command_line_prints(parsed: list[Parsed]) -> None:
    for file in parsed:
        called = [node.func for node in file.nodes if isinstance(node, ast.Call)]
        assert "print" not in [name.id for name in called if isinstance(name, ast.Name)], file.path


def test_cores_are_counted_and_threads_are_set_in_one_place(parsed: list[Parsed]) -> None:
    of_device = {"cpu_count", "sched_getaffinity", "set_num_threads", "setNumThreads"}
    for file in parsed:
        names = {node.attr for node in file.nodes if isinstance(node, ast.Attribute)}
        assert room_of(file.path) == "device" or not names & of_device, file.path


def test_public_names_are_frozen() -> None:
    """Adding a name is a decision, removing one breaks users: change this list knowingly."""
    assert sorted(gfsalnet.__all__) == [
        "Fixations",
        "FlowField",
        "Frame",
        "Prediction",
        "SaliencyModel",
        "Sample",
        "__version__",
        "areas",
        "backends",
        "composed",
        "errors",
        "evaluate",
        "evaluation",
        "figures",
        "flow",
        "gaze",
        "list_models",
        "load_model",
        "metrics",
        "models",
        "network",
        "open_dataset",
        "predict",
        "render",
        "report",
        "score",
        "training",
        "video",
    ]
    for name in gfsalnet.__all__:
        with suppress(MissingPackageError):  # of rooms that need PyTorch, where it is not installed
            assert getattr(gfsalnet, name) is not None
    with pytest.raises(AttributeError, match="has no attribute"):
        _ = gfsalnet.nothing


@pytest.mark.parametrize("statement", ["import gfsalnet", "from gfsalnet.cli import app"])
def test_the_front_door_does_not_wait_for_torch(statement: str) -> None:
    code = f"{statement}; import sys; print(sorted({{'torch', 'cv2', 'av', 'scipy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


DOORS = {
    "np.load": (),
    "np.fromfile": ("video/pictures.py", "flow/flo.py"),  # .flo: a header that is held against the length of the file
    "h5py.File": ("formats/hdf5.py",),
    "io.loadmat": ("formats/mat.py",),
    "json.load": (),
    "json.loads": ("formats/texts.py",),
    "tomllib.load": (),
    "tomllib.loads": ("formats/texts.py",),
    "parquet.read_table": ("formats/parquet.py",),
    "parquet.ParquetFile": ("formats/parquet.py",),
    "load_file": ("formats/tensors.py",),
    "safe_open": (),
    "torch.load": ("formats/tensors.py",),
    "csv.reader": ("formats/texts.py", "gaze/columns.py", "gaze/trackers/text.py", "gaze/trackers/writing.py"),
    "csv.DictReader": (),
    "csv.open_csv": ("formats/texts.py",),
    "csv.read_csv": (),
    "cv2.imread": (),
    "cv2.imdecode": ("video/pictures.py",),
    "cv2.imdecodemulti": ("video/animations.py",),
    "cv2.imdecodeanimation": ("video/animations.py",),
    "Image.open": (),
}
"""What opens a foreign format, and the only files that may call it: they hold it against the limits first, and turn
every failure into one line."""


def test_foreign_formats_are_opened_at_their_doors_alone(parsed: list[Parsed]) -> None:
    for file in parsed:
        for node in file.nodes:
            if isinstance(node, ast.Call) and not _is_a_copy(node):
                called = ast.unparse(node.func)
                for name, files in DOORS.items():
                    if called == name or called.endswith(f".{name}"):
                        where = f"{file.path}:{node.lineno}: {called}"
                        assert file.path.relative_to(PACKAGE).as_posix() in files, where


def _is_a_copy(call: ast.Call) -> bool:
    """`json.loads(json.dumps(…))`, which reads nothing from outside."""
    return any(isinstance(part, ast.Call) and ast.unparse(part.func) == "json.dumps" for part in call.args)
