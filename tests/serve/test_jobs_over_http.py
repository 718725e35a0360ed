"""Jobs as a client sees them: sent, watched, fetched, cancelled, kept over a restart."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gfsalnet.serve.jobs import Jobs

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
    assert {"--save=overlay,report", "--map-size=64x48"} <= set(summary["arguments"])
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
    assert client.get(f"/v1/jobs/{job_id}/zip").status_code == 409
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
    assert ended(client, send(client, b"slow broken", "a/../b.mp4").json()["id"])["problem"].startswith("b.mp4: ")
    crashed = ended(client, send(client, b"crash").json()["id"])
    assert (crashed["state"], crashed["problem"]) == ("failed", "a line from below")
    damaged = ended(client, send(client, b"damaged").json()["id"])
    assert (damaged["state"], damaged["problem"]) == ("done", "clip.mp4: 3 frames")


@pytest.mark.slow
def test_a_process_that_is_killed_is_begun_again_a_few_times(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    once, always = (send(client, content).json()["id"] for content in (b"killed", b"killed always"))
    assert ended(client, once)["state"] == "done"
    given_up = ended(client, always)
    assert (given_up["state"], "killed each time" in given_up["problem"]) == ("failed", True)
    begun = [(tmp_path / "data" / "jobs" / job_id / "begun").read_text() for job_id in (once, always)]
    assert begun == ["xx", "x" * 10]
    assert not (tmp_path / "data" / "jobs" / always / "upload").exists()


@pytest.mark.slow
def test_a_job_that_gets_on_is_not_given_up(serve: Serve, tmp_path: Path) -> None:
    """A piece more each time, as with a long video on a machine that is often started anew."""
    client = serve()
    job_id = send(client, b"killed in pieces").json()["id"]
    assert ended(client, job_id)["state"] == "done"
    assert len((tmp_path / "data" / "jobs" / job_id / "begun").read_text()) == 15


def test_a_job_that_has_ended_is_not_put_back(tmp_path: Path) -> None:
    """As happens where a server ends in the moment in which a job does."""
    jobs = Jobs(tmp_path / "jobs.sqlite3")
    job = jobs.add("a", "clip.mp4", "clip.mp4", {}, None, "")
    jobs.take()
    jobs.end("a", "done")
    jobs.requeue("a")
    assert not jobs.retry("a")
    ended_job = jobs.get("a")
    assert (job.state, ended_job and ended_job.state) == ("queued", "done")
    jobs.close()


@pytest.mark.slow
def test_a_database_without_room_costs_no_job(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfsalnet.serve.runner._LOOK_AGAIN_SECONDS", 0.02)
    made: list[Jobs] = []
    monkeypatch.setattr("gfsalnet.serve.app.Jobs", lambda path: made.append(Jobs(path)) or made[0])
    client = serve()
    running, waiting = (send(client, b"slow").json()["id"] for _ in range(2))
    until(client, running, 1, key="frames_done")
    made[0]._db.execute("PRAGMA max_page_count = 1")  # as many as it has
    answers = [send(client, name="x" * 250) for _ in range(30)]
    assert answers[-1].status_code == 507
    assert "full" in answers[-1].json()["detail"]
    (tmp_path / "data" / "go").touch()
    made[0]._db.execute("PRAGMA max_page_count = 1000")
    taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    assert {ended(client, job_id)["state"] for job_id in (running, waiting, *taken)} == {"done"}
    assert {path.name for path in (tmp_path / "data" / "jobs").iterdir()} == {running, waiting, *taken}


def test_a_disk_that_fills_up_ends_the_job_that_runs_and_keeps_those_that_wait(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gfsalnet.serve.runner._LOOK_AGAIN_SECONDS", 0.02)
    client = serve(free_bytes=1000)
    running, waiting = (send(client, b"slow").json()["id"] for _ in range(2))
    until(client, running, 1, key="frames_done")
    free = [400]
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free[0]))
    assert ended(client, running)["problem"] == "was ended: the server's disk is full"
    assert client.get(f"/v1/jobs/{waiting}").json()["state"] == "queued"
    assert (send(client).status_code, client.get("/readyz").status_code) == (507, 507)
    free[0] = 2000
    (tmp_path / "data" / "go").touch()
    assert ended(client, waiting)["state"] == "done"


def test_a_job_that_takes_too_long(serve: Serve) -> None:
    client = serve(job_seconds=0.3)
    assert "took longer than" in ended(client, send(client, b"slow").json()["id"])["problem"]


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
    assert send(client, b"other", headers=key).status_code == 409
    assert send(client).json()["id"] != first.json()["id"]


def test_results_expire(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfsalnet.serve.runner._TIDY_SECONDS", 0.05)
    client = serve(keep_seconds=0.0)
    job_id = send(client).json()["id"]
    for _ in range(500):
        if not (tmp_path / "data" / "jobs" / job_id).exists():
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
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'gfsalnet_jobs{state="done"} 1' in metrics.text.splitlines()
    sample = r'[a-z_]+(\{[a-z]+="[a-z]+"\})? \d+'
    comment = r"# (HELP|TYPE) [a-z_]+ .+"
    assert all(re.fullmatch(f"{sample}|{comment}", line) for line in metrics.text.splitlines())
    assert metrics.text.endswith("\n")
