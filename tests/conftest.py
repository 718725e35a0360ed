"""What every test may use, and which tests there are where an optional package is missing."""

from __future__ import annotations

import ast
import gc
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from gfsalnet.packages import EXTRA_OF, is_installed, missing_package

# A machine that is busy with other work is no failure.
settings.register_profile("all", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=30)

# Workers share the cores: a pool of OpenMP threads in each would spin while it waits. OpenMP looks at this only once.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"
AXE_VERSION = "4.14.1"
ALL_INSTALLED = all(is_installed(package) for package in EXTRA_OF)


# What is imported and collected stays until the end: the garbage collector need not look through it, neither while it
# comes nor in each test.
gc.disable()


def pytest_collection_finish() -> None:
    """Let the collector see only what the tests make."""
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Give properties fewer examples where the slow tests are left out as well."""
    settings.load_profile("quick" if config.getoption("markexpr") == "not slow" else "all")


@pytest.fixture(autouse=True)
def no_real_time() -> Iterator[None]:
    """For root SVT-AV1 makes the thread that encodes a real-time one of the highest priority, and so all it starts.

    A browser that one of the next tests starts would then leave nothing of the machine to anybody.
    """
    yield
    if hasattr(os, "sched_setscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out files that import, and folders whose conftest.py imports, an optional package that is missing."""
    if ALL_INSTALLED:
        return None
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
def violations(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], list[str]]:
    """A line for each thing that axe-core, best practices included, objects to on a page of Playwright.

    A test that asks for it is skipped where npm cannot fetch axe-core.
    """
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "pack", "--prefer-offline", "--silent", f"axe-core@{AXE_VERSION}"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=folder)
    except (subprocess.SubprocessError, OSError):
        pytest.skip("needs axe-core, which npm fetches")
    with tarfile.open(next(folder.glob("*.tgz"))) as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member is not None
        script = member.read().decode()

    def found_on(page: Any) -> list[str]:
        page.evaluate(script)
        rules = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in rules for node in rule["nodes"]]

    return found_on


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real gaze and clips beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip("there is no folder ../shared")
    return SHARED


class S3Server:
    """A server that speaks S3, and may be told to refuse."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application, self.bucket, self.made = application, "", 0
        self.refusals = self.refused = 0
        """How many requests are still to be answered with SlowDown, and how many were."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.refusals > 0:
            self.refusals, self.refused = self.refusals - 1, self.refused + 1
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            length = ("Content-Length", str(len(body)))
            start_response("503 Slow Down", [("Content-Type", "application/xml"), length])
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
        return self.application(environ, start_response)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A server on this machine to which all addresses of s3:// go; clients are slow to make, so it stays."""
    fsspec, _ = pytest.importorskip("fsspec"), pytest.importorskip("s3fs")
    moto_server, serving = pytest.importorskip("moto.server"), pytest.importorskip("werkzeug.serving")
    server = S3Server(moto_server.DomainDispatcherApplication(moto_server.create_backend_app))
    listening = serving.make_server("127.0.0.1", 0, server, threaded=True)
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    settings = {"ENDPOINT_URL": f"http://127.0.0.1:{listening.port}", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, "DEFAULT_REGION": "us-east-1", "EC2_METADATA_DISABLED": "true"}.items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("no_proxy", "*")
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield server
        fsspec.get_filesystem_class("s3").clear_instance_cache()
    listening.shutdown()


@pytest.fixture
def s3(s3_server: S3Server) -> S3Server:
    """The server, with a new bucket."""
    import fsspec

    s3_server.made += 1
    s3_server.refusals = s3_server.refused = 0
    s3_server.bucket = f"s3://films-{s3_server.made}"
    fsspec.filesystem("s3", use_listings_cache=False).mkdir(s3_server.bucket)
    return s3_server
