"""The shape of the code: which room may import which, how long things are, which names the public may use."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import gfsalnet
from gfsalnet.packages import MissingPackageError

PACKAGE = Path(gfsalnet.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

PARSED = [(path, text, ast.parse(text)) for path in FILES for text in [path.read_text(encoding="utf-8")]]

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
    "types",
    "unexpected",
    "urls",
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
    "training": {"device", "video", "flow", "network", "gaze", "metrics", "composed", "render", "store"},
    "demo": {"video"},
    "predict": {"device", "video", "models", "render", "store"},
    "report": {"device", "video", "models", "render", "store"},
    "apply": {"areas", "device", "video", "flow", "models", "render", "predict", "store"},
    "figures": {"device", "video", "flow", "models", "render", "areas", "gaze", "evaluation", "store"},
    "bench": {"device", "video", "flow", "network", "backends", "models", "render", "demo"},
    "prepare": {"device", "video", "flow", "gaze", "render", "store", "workers"},
    "doctor": {"device", "video", "backends", "models", "predict", "demo"},
    "adaptation": {"flow", "gaze", "metrics", "models", "network", "store", "evaluation"},
    "evaluation": {"device", "video", "gaze", "metrics", "models", "render", "store", "workers"},
    "cli": {
        "adaptation",
        *("device", "video", "flow", "gaze", "composed", "metrics", "backends", "models", "render"),
        *(
            "predict",
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
            "store",
        ),
    },
}


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> Iterator[str]:
    """Rooms of ours that a file imports, also inside functions and type checks."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "gfsalnet" else [f"gfsalnet.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("gfsalnet."))


def test_imports_run_one_way() -> None:
    rooms = {path: room_of(path) for path in FILES}
    wrong = {
        str(path.relative_to(PACKAGE)): sorted(beyond)
        for path, room in rooms.items()
        if room != "__init__"  # the front door hands out names of every room, on first use
        and (beyond := set(imports(path)) - MAY_IMPORT[room] - GROUND - {room})
    }
    assert wrong == {}


def test_files_and_functions_stay_short() -> None:
    for path, text, tree in PARSED:
        assert text.count("\n") <= 400, path
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= 60, f"{path}: {node.name} has {length} lines"


def test_only_the_command_line_prints() -> None:
    for path, _, tree in PARSED:
        names = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert "print" not in [name.id for name in names if isinstance(name, ast.Name)], path


def test_cores_are_counted_and_threads_are_set_in_one_place() -> None:
    of_device = {"cpu_count", "sched_getaffinity", "set_num_threads", "setNumThreads"}
    for path, _, tree in PARSED:
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert room_of(path) == "device" or not names & of_device, path


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
    "cv2.imread": (),
    "cv2.imdecode": ("video/pictures.py",),
    "cv2.imdecodemulti": ("video/animations.py",),
    "cv2.imdecodeanimation": ("video/animations.py",),
    "Image.open": (),
}
"""What opens a foreign format, and the only files that may call it: they hold it against the limits first, and turn
every failure into one line."""


def test_foreign_formats_are_opened_at_their_doors_alone() -> None:
    for path, _, tree in PARSED:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and not _is_a_copy(node):
                called = ast.unparse(node.func)
                for name, files in DOORS.items():
                    if called == name or called.endswith(f".{name}"):
                        assert path.relative_to(PACKAGE).as_posix() in files, f"{path}:{node.lineno}: {called}"


def _is_a_copy(call: ast.Call) -> bool:
    """`json.loads(json.dumps(…))`, which reads nothing from outside."""
    return any(isinstance(part, ast.Call) and ast.unparse(part.func) == "json.dumps" for part in call.args)
