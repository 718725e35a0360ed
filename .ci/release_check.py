"""Whether a release could be cut from this commit: built twice to the same bytes, complete, installed bare, run.

    python .ci/release_check.py [--keep DIR] [--quick]

What is built is the commit, not the working tree. Each step prints one line; the first that fails ends with status 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "src/gfsalnet/"
MAX_WHEEL_MB = 45
WEIGHTS = ("config.json", "model.safetensors", "model.onnx", "README.md")
"""What a model in the package consists of."""
DEMO = ("overlay.mp4", "gate.mp4", "maps.npz", "frames.csv", "summary.json")


class NotReadyError(Exception):
    """What keeps the release from being cut, in a sentence."""


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """What a program prints.

    Raises:
        NotReadyError: if it fails; with the end of what it said.
    """
    words = list(map(str, command))
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise NotReadyError(f"{' '.join(words)} ends with status {done.returncode}:\n{said}")
    return done.stdout


def require(holds: bool, problem: str) -> None:
    if not holds:
        raise NotReadyError(problem)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_versions() -> str:
    """The version, which stands in one place; the changelog begins with it."""
    version = re.search(r'^__version__ = "(.+)"$', (ROOT / PACKAGE / "_version.py").read_text(), re.MULTILINE)
    require(version is not None, "src/gfsalnet/_version.py states no version")
    assert version is not None
    newest = re.search(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    require(newest is not None and newest[1] == version[1], f"CHANGELOG.md does not begin with {version[1]}")
    assert newest is not None
    state = "unreleased" if newest[2] == "unreleased" else f"of {newest[2]}"
    tag = f"v{version[1]}"
    tagged = run("git", "tag", "--list", tag).strip()
    here = tag in run("git", "tag", "--points-at", "HEAD").split()
    require(not tagged or here, f"{tag} is the tag of another commit: raise the version")
    print(f"version {version[1]}, {state}; {'tagged' if tagged else 'no tag yet'}")
    return version[1]


def build(folder: Path, epoch: str, mask: int, zone: str) -> dict[str, Path]:
    """Wheel and sdist of the commit, built in a folder of its own under another umask, time zone and hash seed.

    The wheel is built from the sdist, as whoever installs from an sdist does.
    """
    source, built = folder / "source", folder / "dist"
    source.mkdir(parents=True)
    subprocess.run(["tar", "-x"], cwd=source, check=True, input=archive())
    before = os.umask(mask)
    try:
        settings = {"SOURCE_DATE_EPOCH": epoch, "TZ": zone, "PYTHONHASHSEED": str(mask)}
        run(sys.executable, "-m", "build", "--outdir", built, source, cwd=folder, **settings)
    finally:
        os.umask(before)
    return {path.name: path for path in sorted(built.iterdir())}


def archive() -> bytes:
    return subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout


def check_same_bytes(folder: Path) -> tuple[Path, Path]:
    """Build twice and compare; the wheel and the sdist."""
    epoch = run("git", "log", "-1", "--format=%ct").strip()
    once = build(folder / "one", epoch, 0o022, "UTC")
    again = build(folder / "another" / "place", epoch, 0o077, "Asia/Kathmandu")
    require(once.keys() == again.keys(), f"built {sorted(once)} and then {sorted(again)}")
    for name in once:
        require(digest(once[name]) == digest(again[name]), f"{name} differs between two builds")
        print(f"{name}: {once[name].stat().st_size / 1e6:.1f} MB, sha256 {digest(once[name])}, the same twice")
    (wheel,) = (path for path in once.values() if path.suffix == ".whl")
    (sdist,) = (path for path in once.values() if path.suffix == ".gz")
    return wheel, sdist


def check_contents(wheel: Path, sdist: Path, version: str) -> None:
    """The files of the commit, all of them and nothing else."""
    tracked = run("git", "ls-files").splitlines()
    about = f"gfsalnet-{version}.dist-info"
    expected = {name.removeprefix("src/") for name in tracked if name.startswith(PACKAGE)}
    expected |= {f"{about}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    expected |= {f"{about}/licenses/{name}" for name in ("LICENSE", "NOTICE")}
    with zipfile.ZipFile(wheel) as opened:
        members = opened.namelist()
        metadata = Parser().parsestr(opened.read(f"{about}/METADATA").decode())
        for name in ("LICENSE", "NOTICE"):
            require(opened.read(f"{about}/licenses/{name}") == (ROOT / name).read_bytes(), f"{name} is another one")
    require_same("the wheel", set(members), expected)
    models = {name.rpartition("/")[0] for name in members if "/models/weights/" in name}
    for model in models:
        missing = [name for name in WEIGHTS if f"{model}/{name}" not in members]
        require(not missing, f"{model} in the wheel lacks {', '.join(missing)}")
    require(metadata["Version"] == version and metadata["License-Expression"] == "Apache-2.0", "wrong metadata")
    require(wheel.stat().st_size <= MAX_WHEEL_MB * 1e6, f"the wheel has more than {MAX_WHEEL_MB} MB")
    with tarfile.open(sdist) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    require_same("the sdist", inside, {*tracked, "PKG-INFO"})
    print(
        f"wheel: {len(members)} files, {len(models)} models with their graphs; sdist: {len(inside)} files; none stray"
    )


def require_same(what: str, found: set[str], expected: set[str]) -> None:
    stray, missing = sorted(found - expected), sorted(expected - found)
    require(not stray, f"{what} holds what is not in the commit: {', '.join(stray[:5])}")
    require(not missing, f"{what} lacks {', '.join(missing[:5])}")


def check_bare_install(wheel: Path, folder: Path, version: str) -> None:
    """Install the wheel alone into an empty environment, and run the demo from an empty folder."""
    venv.create(folder / "venv", with_pip=True)
    bin_folder = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    bare = {"PYTHONPATH": "", "PYTHONNOUSERSITE": "1", "GFSALNET_HOME": str(folder / "home")}
    run(bin_folder / "python", "-m", "pip", "install", "--quiet", wheel, cwd=elsewhere, **bare)
    run(bin_folder / "python", "-m", "pip", "check", cwd=elsewhere, **bare)
    command = bin_folder / "gfsalnet"
    require(run(command, "--version", cwd=elsewhere, **bare).strip() == version, "another version is installed")
    run(command, "doctor", cwd=elsewhere, **bare)
    run(command, "demo", "--output", "out", cwd=elsewhere, **bare)
    missing = [name for name in DEMO if not (elsewhere / "out" / "demo" / name).is_file()]
    require(not missing, f"the demo wrote no {', '.join(missing)}")
    print("installed into a bare environment: doctor finds nothing wrong, the demo runs")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where wheel and sdist go if all is well")
    parser.add_argument("--quick", action="store_true", help="without the bare environment")
    options = parser.parse_args()
    try:
        require(not run("git", "status", "--porcelain"), "there are changes that are not committed")
        version = check_versions()
        with tempfile.TemporaryDirectory(prefix="gfsalnet-release-") as name:
            folder = Path(name)
            wheel, sdist = check_same_bytes(folder)
            check_contents(wheel, sdist, version)
            if not options.quick:
                check_bare_install(wheel, folder, version)
            if options.keep is not None:
                options.keep.mkdir(parents=True, exist_ok=True)
                for path in (wheel, sdist):
                    (options.keep / path.name).write_bytes(path.read_bytes())
                print(f"wheel and sdist are in {options.keep}")
    except NotReadyError as error:
        print(f"not ready: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
