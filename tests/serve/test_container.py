"""The Dockerfile, where no image can be built: its steps in a fresh folder and environment."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()


def test_it_runs_without_root_and_asks_for_a_token() -> None:
    instructions = [line.split(maxsplit=1) for line in LINES if line]
    users = [rest for word, rest in instructions if word == "USER"]
    assert users
    assert users[-1] != "root"
    command = json.loads(instructions[-1][1])
    assert {"--token-file", "/token.txt"} <= set(command)
    assert "--no-auth" not in command


@pytest.mark.slow  # an installation
def test_its_steps_give_a_server(tmp_path: Path) -> None:
    for line in LINES:
        if line.startswith("COPY"):
            *sources, target = line.split()[1:]
            for source in sources:
                place = tmp_path / "app" / target
                copied = ROOT / source
                if copied.is_dir():
                    shutil.copytree(copied, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    place.mkdir(parents=True, exist_ok=True)
                    shutil.copy(copied, place)
    (install,) = (re.findall(r"RUN pip (install .*?) &&", line) for line in LINES if "RUN pip" in line)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    arguments = [word.strip('"') for word in install[0].split()]
    subprocess.run([python, "-m", "pip", *arguments, "--quiet"], cwd=tmp_path / "app", check=True)
    shutil.rmtree(tmp_path / "app")
    (tmp_path / "token.txt").write_text("0123456789abcdef")
    serve = [
        python,
        "-m",
        "gfsalnet",
        "serve",
        "--port",
        "0",
        "--token-file",
        tmp_path / "token.txt",
        "--data",
        tmp_path,
    ]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://(\S+)/", server.stdout.readline())
            assert address is not None
            for _ in range(100):
                try:
                    with urllib.request.urlopen(f"http://{address[1]}/healthz", timeout=5) as answer:
                        assert json.load(answer)["status"] == "ok"
                    break
                except OSError:
                    time.sleep(0.2)
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"http://{address[1]}/v1/models", timeout=5)
        finally:
            server.terminate()
        assert server.wait(20) == 0
