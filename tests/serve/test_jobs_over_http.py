"""Jobs as a client sees them: sent, watched, fetched, cancelled, kept over a restart."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

Serve = Callable[..., TestClient]


def send(client: TestClient, content: bytes = b"video", name: str = "clip.mp4", **more: Any) -> Any:
    return client.post("/v1/jobs", files={"file": (name, content)}, **more)


def ended(client: TestClient, job_id: str) -> dict[str, Any]:
    return until(client, job_id, "done", "failed", "cancelled")


def until(client: TestClient, job_id: str, *values: object, key: str = "state") -> dict[str, Any]:
    for _ in range(500):
        job: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").json()
        if job[key] in values:
            return job
        time.sleep(0.02)
    raise AssertionError(job)


def test_a_video_is_sent_and_its_results_are_fetched(serve: Serve) -> None:
    client = serve()
    answer = send(client, data={"save": "overlay", "map-size": "64x48", "report": "true"})
    assert answer.status_code == 202
    place = answer.headers["location"]
    job = ended(client, answer.json()["id"])
    assert (job["state"], job["problem"], job["notes"], job["frames_done"]) == ("done", None, ["a note"], 3)
    assert [file["name"] for file in job["files"]] == ["overlay.mp4", "report.html", "summary.json"]
    summary = client.get(f"{place}/files/summary.json").json()
    assert {"--save=overlay", "--map-size=64x48"} <= set(summary["arguments"])
    part = client.get(f"{place}/files/overlay.mp4", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["etag"]
    assert client.get(job["preview"]).content == b"picture"
    with zipfile.ZipFile(io.BytesIO(client.get(job["zip"]).content)) as archive:
        names = {"clip/maps/000000.png", "clip/overlay.mp4", "clip/report.html", "clip/summary.json"}
        assert set(archive.namelist()) == names
        assert archive.read("clip/maps/000000.png") == b"map"
    report = client.get(f"{place}/files/report.html").headers["content-security-policy"]
    assert "'sha256-" in report
    assert "frame-ancestors 'none'" in report


@pytest.mark.parametrize("name", ["视频 ü.mp4", "a\u202eb;'.mp4", "😀"])
def test_names_in_any_alphabet(serve: Serve, name: str) -> None:
    body = f'--x\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\nvideo\r\n--x--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x"}
    client = serve()
    answer = client.post("/v1/jobs", content=body.encode(), headers=kind)  # as browsers write it
    assert (answer.status_code, answer.json()["name"]) == (202, name)
    assert ended(client, answer.json()["id"])["state"] == "done"


def test_events_tell_of_every_change_until_the_end(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    job_id = send(client, b"slow").json()["id"]
    until(client, job_id, "running")
    (tmp_path / "data" / "go").touch()
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert told[-1]["state"] == "done"
    done = [job["frames_done"] for job in told[:-1]]
    assert done == sorted(done)


def test_a_file_that_is_no_video_and_a_process_that_dies(serve: Serve) -> None:
    client = serve()
    broken = ended(client, send(client, b"broken").json()["id"])
    assert (broken["state"], broken["problem"]) == ("failed", "clip.mp4: is no video. Send one.")
    crashed = ended(client, send(client, b"crash").json()["id"])
    assert (crashed["state"], crashed["problem"]) == ("failed", "a line from below")
    damaged = ended(client, send(client, b"damaged").json()["id"])
    assert (damaged["state"], damaged["problem"]) == ("done", "clip.mp4: 3 frames")


def test_a_job_that_runs_and_one_that_waits_are_cancelled(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    first, second = (send(client, b"slow").json()["id"] for _ in range(2))
    until(client, first, "running")
    for job_id in (second, first):
        assert client.delete(f"/v1/jobs/{job_id}").json()["state"] == "cancelled"
        assert not (tmp_path / "data" / "jobs" / job_id).exists()
        assert client.get(f"/v1/jobs/{job_id}").status_code == client.delete(f"/v1/jobs/{job_id}").status_code == 404
    done = ended(client, send(client).json()["id"])  # the server goes on
    assert client.delete(f"/v1/jobs/{done['id']}").json()["state"] == done["state"] == "done"


def test_jobs_go_on_when_the_server_is_started_again(serve: Serve, tmp_path: Path) -> None:
    first = serve()
    running, waiting = (send(first, b"slow").json()["id"] for _ in range(2))
    until(first, running, 1, key="frames_done")
    first.__exit__(None, None, None)
    (tmp_path / "data" / "go").touch()
    again = serve()
    assert [ended(again, job_id)["state"] for job_id in (running, waiting)] == ["done", "done"]
    begun = [(tmp_path / "data" / "jobs" / job_id / "begun").read_text() for job_id in (running, waiting)]
    assert begun == ["xx", "x"]


def test_the_same_key_gives_the_same_job(serve: Serve) -> None:
    client = serve()
    key = {"idempotency-key": "one"}
    first, again = (send(client, headers=key) for _ in range(2))
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert send(client, b"other", headers=key).status_code == 422
    assert send(client).json()["id"] != first.json()["id"]


def test_results_expire(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfsalnet.serve.runner._TIDY_SECONDS", 0.05)
    client = serve(keep_seconds=0.0)
    job_id = send(client).json()["id"]
    for _ in range(500):
        if client.get(f"/v1/jobs/{job_id}").status_code == 404:
            break
        time.sleep(0.02)
    assert client.get(f"/v1/jobs/{job_id}").status_code == 404
    assert not (tmp_path / "data" / "jobs" / job_id).exists()


def test_a_video_of_the_server_is_named_by_its_path(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "videos" / "more").mkdir(parents=True)
    (tmp_path / "videos" / "more" / "clip.mp4").write_bytes(b"video")
    (tmp_path / "secret.mp4").write_bytes(b"video")
    (tmp_path / "videos" / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    client = serve(root=tmp_path / "videos")
    job = client.post("/v1/jobs", json={"path": "more/clip.mp4", "options": {"save": "csv", "legend": False}})
    assert ended(client, job.json()["id"])["state"] == "done"
    outside = ("../secret.mp4", "link.mp4", str(tmp_path / "secret.mp4"), "a\0b", "more", "x" * 5000)
    assert {client.post("/v1/jobs", json={"path": path}).status_code for path in outside} == {404}


def test_models_health_and_metrics(serve: Serve) -> None:
    client = serve()
    assert "gfsalnet-mobile" in [model["name"] for model in client.get("/v1/models").json()]
    assert client.get("/healthz").json()["status"] == client.get("/readyz").json()["status"] == "ok"
    ended(client, send(client).json()["id"])
    assert 'gfsalnet_jobs{state="done"} 1' in client.get("/metrics").text.splitlines()
