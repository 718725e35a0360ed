"""The shape of the code: which room may import which, how long things are, which names the public may use."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gfsalnet

PACKAGE = Path(gfsalnet.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Room → the rooms it may import. Everything may import types, errors, files, packages and unexpected, which know of
# nothing but each other.
MAY_IMPORT = {
    "types": set(),
    "errors": set(),
    "files": set(),
    "packages": set(),
    "unexpected": set(),
    "device": set(),
    "__main__": {"cli"},
    "metrics": set(),
    "network": set(),
    "video": set(),
    "flow": {"network"},  # how weights are read, for PWC-Net alone
    "gaze": {"video"},
    "backends": {"network", "device"},
    "models": {"video", "flow", "network", "backends", "device"},
    "composed": {"video", "flow", "gaze", "render"},
    "render": {"video", "flow"},
    "training": {"device", "video", "flow", "network", "gaze", "metrics", "composed", "render"},
    "demo": {"video"},
    "predict": {"device", "video", "models", "render"},
    "bench": {"video", "flow", "network", "backends", "models", "render", "demo"},
    "prepare": {"video", "flow", "gaze", "render"},
    "evaluation": {"device", "video", "gaze", "metrics", "models", "render"},
    "cli": {
        *("video", "flow", "gaze", "composed", "metrics", "backends", "models", "render"),
        *("predict", "training", "evaluation", "demo", "prepare", "bench"),
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return  # the front door hands out names of every room, on first use
    allowed = MAY_IMPORT[room] | {room, "types", "errors", "files", "packages", "unexpected", "__version__"}
    assert set(imports(path)) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_prints(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert "print" not in [call.id for call in calls if isinstance(call, ast.Name)]


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
        "backends",
        "composed",
        "errors",
        "evaluate",
        "evaluation",
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
        "score",
        "training",
        "video",
    ]
    for name in gfsalnet.__all__:
        assert getattr(gfsalnet, name) is not None
    with pytest.raises(AttributeError, match="has no attribute"):
        _ = gfsalnet.nothing


@pytest.mark.parametrize("statement", ["import gfsalnet", "from gfsalnet.cli import app"])
def test_the_front_door_does_not_wait_for_torch(statement: str) -> None:
    code = f"{statement}; import sys; print(sorted({{'torch', 'cv2', 'av', 'scipy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
