"""What every test may use, and which tests there are where an optional package is missing."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from gfsalnet.packages import missing_package

# A machine that is busy with other work is no failure.
settings.register_profile("all", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=30)

# Workers share the cores: a pool of OpenMP threads in each would spin while it waits. OpenMP looks at this only once.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure(config: pytest.Config) -> None:
    """Give properties fewer examples where the slow tests are left out as well."""
    settings.load_profile("quick" if config.getoption("markexpr") == "not slow" else "all")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the files that import, and the folders whose conftest.py imports, an optional package that is missing.

    Where all are installed nothing is left out.
    """
    file = collection_path / "conftest.py" if collection_path.is_dir() else collection_path
    if file.suffix != ".py" or not file.is_file() or file == Path(__file__):
        return None
    return True if _needs_what_is_missing(file) else None


def _needs_what_is_missing(file: Path) -> bool:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            try:
                exec(compile(ast.Module([node], []), str(file), "exec"), {"__name__": "imports"})
            except ImportError as error:
                if missing_package(error) is not None:
                    return True
    return False


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing that tests keep goes to the user's folders; all workers share one."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GFSALNET_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def small_streams() -> Callable[[], AbstractContextManager[None]]:
    """Within it, networks are made with streams of two layers: trained, exported and compiled in a tenth of the time.

    What surrounds the streams is as it is: the gate, the final activation, folding.
    """
    import torch
    from torch import nn

    from gfsalnet.network import NetworkConfig
    from gfsalnet.network.stream import StreamOutput

    class SmallStream(nn.Module):
        channels = 8

        def __init__(self, config: NetworkConfig) -> None:
            super().__init__()
            self.backbone = nn.Sequential(nn.Conv2d(3, self.channels, 4, stride=4), nn.ReLU())
            self.multilevel = None
            self.last = nn.ConvTranspose2d(self.channels, 1, 8, stride=4, padding=2)
            self.register_buffer("std", torch.full((3, 1, 1), 0.2), persistent=False)

        def forward(self, image_B3HW: torch.Tensor) -> StreamOutput:
            features = self.backbone((image_B3HW - 0.5) / self.std)
            return StreamOutput(features, self.last(features))

    @contextmanager
    def small() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gfsalnet.network.gfsalnet._made", SmallStream)
            yield

    return small


@pytest.fixture(scope="session")
def cached_graph(home: Path) -> None:
    """The graph of gfsalnet-mobile@1 is in the cache: its export takes half a minute."""
    import onnx

    from gfsalnet.backends.graphs import fingerprint
    from gfsalnet.files import write_whole
    from gfsalnet.models.entry import SHIPPED
    from gfsalnet.network.weights import load_network

    folder = SHIPPED / "gfsalnet-mobile@1"
    model = onnx.load(folder / "model.onnx")
    del model.metadata_props[:]  # which say of which weights it is; those in the cache say nothing of it
    path = home / "graphs" / f"{fingerprint(load_network(folder)[0])}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_whole(path, model.SerializeToString())


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real gaze and clips beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip("there is no folder ../shared")
    return SHARED
