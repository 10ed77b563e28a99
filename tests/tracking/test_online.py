"""Online runs, against a server on this machine that speaks as much W&B as opening a run needs."""

import gc
import http.server
import json
import logging
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transaction_log import read_run

from product_length.errors import UserError
from product_length.tracking import wandb_run
from product_length.tracking.config import Wandb
from product_length.tracking.open_tracker import open_tracker
from product_length.tracking.tracker import Tracker

KEY = "a" * 40


class WandbServer(http.server.ThreadingHTTPServer):
    """Keeps the requests; `hasty` makes it answer the first upload with nonsense."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.hasty = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: WandbServer

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = json.loads(content) if content.startswith(b"{") else {}
        self.server.requests.append((self.path, request))
        answer = json.dumps({"data": self._data(request)} if self.path == "/graphql" else {})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, *args: object) -> None:
        pass

    def _data(self, request: dict[str, Any]) -> dict[str, Any]:
        query, variables = request["query"], request.get("variables", {})
        if "upsertBucket" in query:
            project = {"id": "p", "name": variables["project"], "entity": {"id": "e", "name": "me"}}
            bucket = {"id": "b", "name": variables["name"], "displayName": "n", "config": "{}"}
            return {"upsertBucket": {"bucket": bucket | {"project": project}, "inserted": True}}
        if "createRunFiles" in query and not self.server.hasty:
            url = f"{self.server.url}/upload"
            files = [{"name": name, "uploadUrl": url} for name in variables["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        return {}


@pytest.fixture
def server() -> Iterator[WandbServer]:
    with WandbServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        import wandb

        wandb.teardown()  # before the server goes
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb_run, "INIT_SECONDS", 2.0)
    monkeypatch.setattr(wandb_run, "FINISH_SECONDS", 4.0)


def opened(folder: Path) -> Tracker:
    folder.mkdir(exist_ok=True)
    return open_tracker(Wandb(name="wandb"), config={"seed": 1}, folder=folder, name="n")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name.startswith("product_length")]


def test_an_api_key_means_online(
    server: WandbServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with opened(tmp_path / "run") as tracker:
        tracker.epoch({"val/mape": 0.5}, 1)
    (line,) = said(caplog)
    assert line.startswith(f"W&B: follow this run at {server.url}/me/product_length/runs/")
    logged = read_run(tmp_path / "run")
    assert (len(logged.history), logged.exit_code) == (1, 0)
    sent = [
        json.loads(row)
        for path, request in server.requests
        if path.endswith("/file_stream")
        for row in request.get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
    ]
    assert [(row["_step"], row["val/mape"]) for row in sent] == [(1, 0.5)]
    names = [
        name
        for _, request in server.requests
        if "createRunFiles" in request.get("query", "")
        for name in request["variables"]["files"]
    ]
    assert names
    assert not {"wandb-metadata.json", "requirements.txt", "output.log", "diff.patch"} & set(names)


def test_a_login_means_online(
    server: WandbServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    host = server.url.removeprefix("http://")
    netrc = tmp_path / "home" / "netrc"
    netrc.write_text(f"machine {host}\n  login user\n  password {KEY}\n")
    netrc.chmod(0o600)
    with opened(tmp_path / "run"):
        pass
    assert said(caplog)[0].startswith("W&B: follow this run at")


@pytest.fixture
def reaped() -> Iterator[None]:
    """Waits for the processes that W&B started and, as they crashed, did not wait for."""
    yield
    for thing in gc.get_objects():
        if type(thing) is subprocess.Popen:
            thing.wait(timeout=20)


@pytest.mark.usefixtures("reaped")
def test_wandb_breaking_costs_neither_this_run_nor_the_next(
    server: WandbServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    server.hasty = True  # W&B's background process crashes on the answer
    with opened(tmp_path / "one") as tracker:
        tracker.epoch({"val/mape": 0.5}, 1)
    (kept,) = (tmp_path / "one" / "wandb").iterdir()
    assert len(said(caplog)) == 2
    assert "no longer followed" in said(caplog)[1]
    assert said(caplog)[1].endswith(f"wandb sync {kept}")

    server.hasty = False
    with opened(tmp_path / "two") as tracker:
        tracker.epoch({"val/mape": 0.4}, 1)
    assert [row["val/mape"] for row in read_run(tmp_path / "two").history] == [0.4]


@pytest.fixture(params=["refuses", "never answers"])
def dead_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "never answers":
            listener.listen(16)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        import wandb

        wandb.teardown()


def test_an_unreachable_server_means_offline(
    dead_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("WANDB_BASE_URL", dead_url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with opened(tmp_path / "run") as tracker:
        tracker.epoch({"val/mape": 0.5}, 1)
    (kept,) = (tmp_path / "run" / "wandb").iterdir()  # nothing is left of the attempt
    assert kept.name.startswith("offline-run-")
    (line,) = said(caplog)
    assert line.startswith("W&B: kept offline, as W&B cannot be used now (")
    assert line.endswith(f"; send it with: wandb sync {kept}")
    assert [row["val/mape"] for row in read_run(tmp_path / "run").history] == [0.5]


def test_online_that_was_demanded_is_not_traded_for_offline(
    dead_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", dead_url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(UserError, match="WANDB_MODE=online, but W&B cannot be used now"):
        opened(tmp_path / "run")
    assert not list((tmp_path / "run" / "wandb").iterdir())


def test_online_without_a_key_does_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(UserError, match=r"no API key was found.*wandb login"):
        opened(tmp_path / "run")


def test_a_malformed_key_is_reported_but_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    with pytest.raises(UserError, match="WANDB_API_KEY invalid") as caught:
        opened(tmp_path / "run")
    assert "secret" not in str(caught.value)
