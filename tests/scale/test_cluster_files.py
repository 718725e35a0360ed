"""The files for clusters in docs/scale/ have what the tools that read them need; they are not run here."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from gfsalnet.predict.pool import WORKER_BYTES

yaml = pytest.importorskip("yaml")
DOCS = Path(__file__).parents[2] / "docs" / "scale"


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((DOCS / name).read_text(encoding="utf-8"))


def test_the_kubernetes_job() -> None:
    job = read("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    shell = shlex.split(job["spec"]["entrypoint"])[-1]
    command = shlex.split(shell.partition("&& ")[2])
    assert command[:2] == ["gfsalnet", "predict"]
    assert command[command.index("--ray") + 1] == "auto"
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], workers)]
    for pod in pods:
        (container,) = pod["containers"]
        assert container["image"] == pods[0]["containers"][0]["image"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
        claims = {volume["name"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume}
        assert [mount["name"] in claims for mount in container["volumeMounts"]] == [True]
        assert shell.startswith(f"cd {container['volumeMounts'][0]['mountPath']} ")
    limits = pods[1]["containers"][0]["resources"]["limits"]
    cores, gibibytes = int(limits["cpu"]), int(limits["memory"].removesuffix("Gi"))
    assert gibibytes * 2**30 > cores * WORKER_BYTES
    assert workers["maxReplicas"] * cores >= int(command[command.index("--workers") + 1])


def test_the_autoscaling_cluster() -> None:
    cluster = read("cluster.yaml")
    kinds = cluster["available_node_types"]
    assert (
        cluster["docker"]["image"]
        == read("rayjob.yaml")["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"]
    )
    assert kinds[cluster["head_node_type"]]["resources"]["CPU"] == 0
    assert kinds["worker"]["max_workers"] <= cluster["max_workers"]
    for name in ("head_start_ray_commands", "worker_start_ray_commands"):
        assert cluster[name][-1].startswith("cd /shared && ray start ")
    assert any(option.endswith(":/shared") for option in cluster["docker"]["run_options"])


def test_rays_own_check() -> None:
    """Against the schema that `ray up` uses, where Ray has its launcher."""
    util = pytest.importorskip("ray.autoscaler._private.util")
    util.validate_config(util.prepare_config(read("cluster.yaml")))
