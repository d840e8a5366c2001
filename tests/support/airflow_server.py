"""A real Airflow on 127.0.0.1: API server, scheduler and DAG processor as processes of the test."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BIN = ROOT / "build" / "airflow" / "bin"
DAGS = ROOT / "orchestration" / "airflow" / "dags"
PATIENCE = 120.0


@dataclass(frozen=True)
class AirflowServer:
    """Asks the API of a running Airflow. `processes`: those that were started, each the leader of its group."""

    url: str
    token: str
    environment: Mapping[str, str]
    processes: list[subprocess.Popen[bytes]]

    def get(self, path: str) -> Any:
        """The JSON that lies at `path`, below /api/v2/."""
        return _ask(f"{self.url}/api/v2/{path}", self.token)

    def change(self, path: str, document: Mapping[str, Any], method: str = "POST") -> Any:
        return _ask(f"{self.url}/api/v2/{path}", self.token, method, document)

    def command(self, *words: str) -> str:
        """Runs `airflow …` as an operator does; gives its output."""
        return _command(self.environment, *words)

    def fetch(self, release: str, source: Path) -> None:
        """Starts the fetch of a release, as a backfill does."""
        conf = json.dumps({"release": release, "source": str(source)})
        self.command("dags", "trigger", "open_images_fetch", "--conf", conf)

    def wait_for_dags(self, names: list[str]) -> None:
        """Waits until the DAG processor has told the scheduler of all of them."""
        ends = time.monotonic() + PATIENCE
        while {dag["dag_id"] for dag in self.get("dags")["dags"]} != set(names):
            assert time.monotonic() < ends, self.get("importErrors")
            time.sleep(1)

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """The runs of a DAG, the first one first."""
        runs: list[dict[str, Any]] = self.get(f"dags/{dag}/dagRuns?order_by=id&limit=100")["dag_runs"]
        return runs

    def ended_run(self, dag: str, number: int, seconds: float) -> dict[str, Any]:
        """Waits for the `number`-th run of a DAG to end; AssertionError when that takes longer than `seconds`."""
        ends = time.monotonic() + seconds
        while True:
            runs = self.runs(dag)
            if len(runs) >= number and runs[number - 1]["state"] in ("success", "failed"):
                return runs[number - 1]
            assert time.monotonic() < ends, f"{dag}: run {number} has not ended: {runs}"
            time.sleep(1)

    def task_states(self, run: dict[str, Any]) -> dict[str, str | None]:
        """Task -> its state in a run."""
        return {task["task_id"]: task["state"] for task in self._tasks(run)}

    def tries(self, run: dict[str, Any], task: str) -> int:
        """How often a task of a run was tried."""
        return next(int(entry["try_number"]) for entry in self._tasks(run) if entry["task_id"] == task)

    def log_text(self, run: dict[str, Any], task: str) -> str:
        """What all tries of a task said, from the files that the tasks write."""
        folder = Path(self.environment["AIRFLOW_HOME"]) / "logs"
        names = sorted(folder.glob(f"dag_id={run['dag_id']}/run_id={run['dag_run_id']}/task_id={task}/*.log"))
        return "".join(name.read_text() for name in names)

    def _tasks(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"dags/{run['dag_id']}/dagRuns/{urllib.parse.quote(run['dag_run_id'])}/taskInstances"
        tasks: list[dict[str, Any]] = self.get(path)["task_instances"]
        return tasks


def _ask(url: str, token: str = "", method: str = "GET", document: Mapping[str, Any] | None = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=60) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read().decode()}") from None


def _command(environment: Mapping[str, str], *words: str) -> str:
    call = [str(BIN / "airflow"), *words]
    done = subprocess.run(call, env=dict(environment), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@contextmanager
def running(folder: Path, variables: Mapping[str, str]) -> Iterator[AirflowServer]:
    """An Airflow whose home and logs are in `folder`; `variables`: what its tasks find in their environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    environment |= {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    environment |= variables
    (folder / "home").mkdir(parents=True)
    _command(environment, "db", "migrate")
    _command(environment, "pools", "set", "open_images_downloads", "1", "downloads")
    commands = [
        ["api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
        ["scheduler", "--skip-serve-logs"],  # the log server listens on every address, and no setting changes it
        ["dag-processor"],
    ]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for words in commands:
            with open(folder / f"{words[0]}.log", "wb") as log:
                call = [str(BIN / "airflow"), *words]
                process = subprocess.Popen(call, env=environment, stdout=log, stderr=log, start_new_session=True)
                processes.append(process)
        yield AirflowServer(url, _wait_for_token(url), environment, processes)
    finally:
        for process in reversed(processes):
            _end(process)


def _wait_for_token(url: str) -> str:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            return str(_ask(f"{url}/auth/token")["access_token"])
        except OSError:
            time.sleep(0.5)
    raise AssertionError("Airflow's API server did not start")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with all that it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
