"""What the server does not take: each with a problem document, and nothing of it is left."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gfsalnet.cli.job_options import job_arguments, options_schema
from gfsalnet.serve.upload import stored_name

Serve = Callable[..., TestClient]
VIDEO = {"file": ("clip.mp4", b"slow")}


def problem(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    return str(answer.json()["detail"])


def left(data: Path) -> list[Path]:
    return list((data / "jobs").glob("*"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"opacity": "7"}, "--opacity"),
        ({"save": "everything"}, "unknown: everything"),
        ({"model": "../../etc"}, "no model of this server"),
        ({"flow": "folder:/etc"}, "names a file"),
        ({"output": "/tmp"}, "output: is no option of a job"),
        ({"save": "gate", "model": "pqft"}, "--save gate: pqft has no gate"),
        ({"save": "overlay,flow", "every": "2"}, "--every / --save: there is flow only for"),
        ({"save": "overlay, csv"}, "not of the form"),
        ({"max-frames": "1" + "0" * 30}, "--max-frames"),
        ({"opacity": "nan"}, "--opacity"),
        ({"end": ""}, "--end"),
        ({"allow-playlists": "true"}, "is no option of a job"),
        ({"report": "perhaps"}, "true or false"),
        ({"save": "x" * 20_000}, ""),
    ],
)
def test_options_that_predict_would_refuse(serve: Serve, tmp_path: Path, fields: dict[str, str], words: str) -> None:
    client = serve()
    answer = client.post("/v1/jobs", files=VIDEO, data=fields)
    assert words in problem(answer, 413 if len(str(fields)) > 10_000 else 422)
    assert left(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "multipart/form-data; boundary=x", 400),
        (b"--x\r\n", "multipart/form-data; boundary=x", 400),
        (b"nonsense", "multipart/form-data; boundary=x", 400),
        (b"--x\r\n\r\nbody\r\n--x--", "multipart/form-data; boundary=x", 400),
        (
            b"--x\r\ncontent-disposition: form-data; name=save\r\n\r\ncsv\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
            422,
        ),
        (b"video", "video/mp4", 415),
        (b"video", "multipart/form-data", 415),
        (b"{", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"path": "clip.mp4"}', "application/json", 403),
        (b"x" * 200_000, "application/json", 413),
    ],
)
def test_bodies_that_are_no_job(serve: Serve, tmp_path: Path, content: bytes, kind: str, status: int) -> None:
    answer = serve().post("/v1/jobs", content=content, headers={"content-type": kind})
    assert problem(answer, status)
    assert left(tmp_path / "data") == []


def test_uploads_that_are_too_large_or_cut_off_leave_nothing(serve: Serve, tmp_path: Path) -> None:
    client = serve(upload_bytes=1000)
    assert "MiB" in problem(client.post("/v1/jobs", files={"file": ("a.mp4", b"x" * 2000)}), 413)
    assert problem(client.post("/v1/jobs", content=b"", headers={"content-length": str(10 * 2**30)}), 413)
    start = b"--x\r\ncontent-disposition: form-data; name=file; filename=a.mp4\r\n\r\nhalf of it"
    cut = client.post("/v1/jobs", content=start, headers={"content-type": "multipart/form-data; boundary=x"})
    assert "ends in the middle" in problem(cut, 400)
    assert left(tmp_path / "data") == []


def test_a_full_queue_and_a_full_disk(serve: Serve, tmp_path: Path) -> None:
    client = serve(queue=1)
    answers = [client.post("/v1/jobs", files=VIDEO) for _ in range(4)]
    refused = [answer for answer in answers if answer.status_code != 202]
    assert refused
    assert {problem(answer, 429)[:1] for answer in refused} == {"1"}
    assert refused[0].headers["retry-after"]
    assert problem(client.get("/readyz"), 503)
    full = serve(free_bytes=2**60)
    assert "make room" in problem(full.post("/v1/jobs", files=VIDEO), 507)


@pytest.mark.parametrize(
    "name", ["../../../secret", "..%2F..%2Fsecret", "/etc/passwd", ".hidden", "maps/../../x", "a%00b"]
)
def test_files_outside_the_results(serve: Serve, tmp_path: Path, name: str) -> None:
    client = serve()
    (tmp_path / "data" / "go").touch()
    job_id = client.post("/v1/jobs", files={"file": ("clip.mp4", b"video")}).json()["id"]
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
        stream.read()
    (tmp_path / "data" / "jobs" / job_id / "results" / "clip" / ".hidden").touch()
    assert client.get(f"/v1/jobs/{job_id}/files/{name}").status_code == 404
    assert client.get(f"/v1/jobs/{job_id}/files/overlay.mp4").status_code == 200


def test_other_names_and_other_pages(serve: Serve) -> None:
    """A page elsewhere must not be able to use the browser of somebody who runs a server."""
    client = serve()
    assert problem(client.get("/v1/models", headers={"host": "evil.example"}), 421)
    assert problem(client.post("/v1/jobs", files=VIDEO, headers={"origin": "http://evil.example"}), 403)
    assert (
        "access-control-allow-origin" not in client.get("/healthz", headers={"origin": "http://evil.example"}).headers
    )
    own = client.get("/v1/models", headers={"origin": "http://localhost"})
    assert own.status_code == 200
    assert own.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self'" in own.headers["content-security-policy"]


def test_what_nobody_foresaw_stays_with_whoever_runs_the_server(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise RuntimeError("secret")

    client = serve()
    monkeypatch.setattr("gfsalnet.serve.jobs.Jobs.counts", fail)
    answer = client.get("/metrics")
    assert "secret" not in problem(answer, 500)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_server_that_works_at_nothing_any_more_is_not_ready(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    client = serve()
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr("gfsalnet.serve.jobs.Jobs.take", fail)
    client.post("/v1/jobs", files=VIDEO)
    for _ in range(100):
        if client.get("/readyz").status_code != 200:
            break
        time.sleep(0.02)
    assert "start it again" in problem(client.get("/readyz"), 503)


def test_the_token_is_asked_for(serve: Serve) -> None:
    client = serve(token="0123456789abcdef")
    assert client.get("/healthz").status_code == 200
    for headers in ({}, {"authorization": "Bearer 0123456789abcdeF"}, {"authorization": "Basic x"}, {"cookie": "=;"}):
        assert problem(client.get("/v1/models", headers=headers), 401)
    assert client.get("/v1/models", headers={"authorization": "Bearer 0123456789abcdef"}).status_code == 200
    assert problem(client.post("/v1/session", json={"token": "guess"}), 401)
    assert client.post("/v1/session", json={"token": "0123456789abcdef"}).status_code == 204
    assert client.get("/v1/models").status_code == 200  # by the cookie


@pytest.mark.parametrize("text", ["..", "", "CON.mp4", "a" * 500 + ".mp4", "../x/", "\u202egpj.mp4", "ü.mp4", ".mp4"])
def test_names_of_uploads_are_names(text: str, tmp_path: Path) -> None:
    name = stored_name(text)
    assert name not in ("", ".", "..")
    assert "/" not in name
    assert not name.startswith((".", "-"))
    (tmp_path / name).touch()


def test_what_the_documentation_says_of_options_is_what_is_taken() -> None:
    schema = options_schema()
    assert len(schema["properties"]) > 20
    for name, said in schema["properties"].items():
        for value in (said.get("default"), said.get("minimum"), said.get("maximum"), *said.get("enum", ())):
            assert value is None or name == "report" or job_arguments({name: value})
        if said["type"] == "string":
            assert {"pattern", "enum"} & set(said), name
    for name, values in {
        "save": ("csv,overlay", "csv,csv"),
        "map-size": ("1x8192", "8192x999"),
        "flow-size": ("native", "8100x10"),
        "start": ("90.5", "1:30", "99:59.999", "1:00:00"),
        "rate": ("1000", "29.97", "30000/1001", "0.5"),
        "device": ("cuda:12", "mps"),
    }.items():
        assert all(re.search(schema["properties"][name]["pattern"], value) for value in values)
        assert all(job_arguments({name: value}) for value in values)


def test_the_documentation_names_every_option(serve: Serve) -> None:
    client = serve()
    document = client.get("/openapi.json").json()
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data"}
    assert body["multipart/form-data"]["schema"]["additionalProperties"] is False
    properties = body["multipart/form-data"]["schema"]["properties"]
    assert {"file", "save", "model", "opacity", "report"} <= set(properties)
    assert properties["opacity"] == {**properties["opacity"], "type": "number", "minimum": 0, "maximum": 1}
    assert "ProblemDocument" in document["components"]["schemas"]
