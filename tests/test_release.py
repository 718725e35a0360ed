"""What a release needs besides working: licences of all that is shipped, one version, a check that finds mistakes."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import gfsalnet
from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.texts import read_toml
from gfsalnet.models import MODELS
from gfsalnet.models.entry import SHIPPED

ROOT = Path(__file__).parents[1]
PACKAGE = Path(gfsalnet.__file__).parent
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")

PHOTOGRAPHS = {"OSIE": "MIT", "Crowd": "MIT", "Scene": "MIT"}
CAME_FROM = {
    "gfsalnet-mobile": {
        "UNISAL": "Apache-2.0",
        "EfficientNet-Lite0": "Apache-2.0",
        "FastGaze": "Apache-2.0",
        **PHOTOGRAPHS,
    },
    "gfsalnet-mobile@1": {"MobileNetV2": "Apache-2.0", **PHOTOGRAPHS},
}
"""Model in the package → the weights and the data that went into its weights, and their licences."""
MAY_GO_IN = {"Apache-2.0", "MIT", "BSD-3-Clause", "CC BY 4.0", "CC0"}
MAY_BE_LEARNED_FROM = ("Apache-2.0", "BSD-2", "BSD-3", "CC BY ", "CC0", "MIT", "Pexels License", "public domain")
"""How the licence of a clip begins whose frames were learned from; none of them is shipped."""
VENDOR = PACKAGE / "web" / "page" / "vendor"
MAY_BE_SHIPPED = {"MIT", "MPL-2.0"}
"""Licences of files of others that the browser's page uses as they are."""
OF_A_MODEL = {"README.md", "config.json", "model.onnx", "model.safetensors"}
OURS = {".css", ".html", ".js", ".py", ".toml", ".typed"}
"""Suffixes of what the maintainers wrote; anything else came from somewhere."""


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_bytes()
    assert hashlib.sha256(text).hexdigest() == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def vendored() -> dict[Path, str | None]:
    """Files of others for the browser, by the digest that pins them; their notices have none."""
    pins = read_toml(PACKAGE / "web" / "vendor.toml", GFSalNetError)
    files = {VENDOR / Path(name).name: digest for pin in pins.values() for name, digest in pin["files"].items()}
    return files | {VENDOR / name: None for pin in pins.values() for name in pin["notices"]}


def test_files_of_others_are_as_pinned_and_named_with_their_licence() -> None:
    for path, digest in vendored().items():
        assert digest in (None, hashlib.sha256(path.read_bytes()).hexdigest()), path
    for name, pin in read_toml(PACKAGE / "web" / "vendor.toml", GFSalNetError).items():
        assert pin["licence"] in MAY_BE_SHIPPED
        (notice,) = (item for item in re.split(r"\n(?=- )", NOTICE) if pin["source"].partition("//")[2] in item)
        assert f" {pin['version']}," in notice, name
        assert f"({pin['licence']})" in notice
        assert any("LICENSE" in file for file in pin["notices"])


def test_every_file_of_the_package_is_the_maintainers_or_accounted_for() -> None:
    others = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in OURS
    }
    accounted = {f"models/weights/{model}/{name}" for model in CAME_FROM for name in OF_A_MODEL}
    accounted |= {f"web/page/vendor/{path.name}" for path in vendored()}
    assert others == accounted, "say in NOTICE and here where it came from, and under which licence"


def test_no_source_file_is_of_others() -> None:
    in_a_comment = r"^\s*(#|//|/?\*|<!--).*(copyright|\(c\)|©|all rights reserved)"
    marks = re.compile(rf"{in_a_comment}|licensed under|@license", re.IGNORECASE | re.MULTILINE)
    ours = [path for path in PACKAGE.rglob("*") if path.suffix in OURS]
    assert [path for path in ours if marks.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("model", sorted(path.name for path in SHIPPED.iterdir()))
def test_what_went_into_the_weights_is_free_and_named(model: str) -> None:
    assert model in CAME_FROM, "say here what went into its weights"
    card = (SHIPPED / model / "README.md").read_text(encoding="utf-8")
    assert MODELS[model].licence.startswith("Apache-2.0")
    assert "Apache-2.0" in card
    for name, licence in CAME_FROM[model].items():
        assert licence in MAY_GO_IN
        assert name in card
        notices = [item for item in re.split(r"\n(?=- )", NOTICE) if name in item]
        assert any(licence in item for item in notices), f"NOTICE does not say that {name} is under {licence}"


def test_clips_that_were_learned_from_are_free() -> None:
    """A row per clip: name, frames, repository, licence, attribution."""
    text = (ROOT / "docs" / "experiments" / "clips.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    clips = [row for row in rows if len(row) == 5 and row[1].isdecimal()]
    assert len(clips) > 20
    for name, _, _, licence, attribution in clips:
        assert licence.startswith(MAY_BE_LEARNED_FROM), name
        assert attribution, name


def test_the_version_stands_in_one_place() -> None:
    project = read_toml(ROOT / "pyproject.toml", GFSalNetError)
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/gfsalnet/_version.py"
    assert project["project"]["license"] == "Apache-2.0"
    assert set(project["project"]["license-files"]) == {"LICENSE", "NOTICE"}
    assert re.fullmatch(r"\d+\.\d+\.\d+(rc\d+)?", gfsalnet.__version__)
    elsewhere = [path for path in PACKAGE.rglob("*.py") if f'"{gfsalnet.__version__}"' in path.read_text("utf-8")]
    assert [path.name for path in elsewhere] == ["_version.py"]
    assert f"\n## {gfsalnet.__version__} (" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def release_check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_check", ROOT / ".ci" / "release_check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tracked(release_check: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of a commit that never was."""
    model = [f"src/gfsalnet/models/weights/m/{name}" for name in release_check.WEIGHTS]
    names = ["LICENSE", "NOTICE", "src/gfsalnet/__init__.py", *model]
    monkeypatch.setattr(release_check, "run", lambda *_, **__: "\n".join(names))
    return names


def write_release(folder: Path, tracked: list[str], *more: str, version: str = "1.0") -> tuple[Path, Path]:
    about = "gfsalnet-1.0.dist-info"
    files = {name.removeprefix("src/"): b"" for name in tracked if name.startswith("src/")}
    files |= {f"{about}/{name}": b"" for name in ("WHEEL", "RECORD", "entry_points.txt")}
    files[f"{about}/METADATA"] = f"Metadata-Version: 2.4\nVersion: {version}\nLicense-Expression: Apache-2.0\n".encode()
    files |= {f"{about}/licenses/{name}": (ROOT / name).read_bytes() for name in ("LICENSE", "NOTICE")}
    wheel, sdist = folder / "a.whl", folder / "a.tar.gz"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {**files, **dict.fromkeys(more, b"")}.items():
            archive.writestr(name, content)
    with tarfile.open(sdist, "w:gz") as opened:
        for name in [*tracked, "PKG-INFO"]:
            opened.addfile(tarfile.TarInfo(f"gfsalnet-1.0/{name}"))
    return wheel, sdist


def test_a_whole_release_passes(release_check: ModuleType, tracked: list[str], tmp_path: Path) -> None:
    release_check.check_contents(*write_release(tmp_path, tracked), "1.0")


def test_a_release_with_something_wrong_does_not(
    release_check: ModuleType, tracked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def problem(wheel: Path, sdist: Path) -> str:
        with pytest.raises(release_check.NotReadyError) as caught:
            release_check.check_contents(wheel, sdist, "1.0")
        return str(caught.value)

    assert "the wheel holds what is not in the commit: gfsalnet/notes.txt" in problem(
        *write_release(tmp_path, tracked, "gfsalnet/notes.txt")
    )
    assert "wrong metadata" in problem(*write_release(tmp_path, tracked, version="2.0"))
    graph = tracked.index("src/gfsalnet/models/weights/m/model.onnx")
    assert "the wheel lacks gfsalnet/models/weights/m/model.onnx" in problem(
        *write_release(tmp_path, tracked[:graph] + tracked[graph + 1 :])
    )
    without = tracked.pop(graph)
    assert f"lacks {Path(without).name}" in problem(*write_release(tmp_path, tracked))
    tracked.insert(graph, without)
    monkeypatch.setattr(release_check, "MAX_WHEEL_MB", 0.001)
    assert "the wheel has more than" in problem(*write_release(tmp_path, tracked))
