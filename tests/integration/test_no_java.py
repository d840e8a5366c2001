"""What only reads, and what finds nothing to do, starts no Java."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.jobs.runtime import spark_session
from oilake.schemas.release_registry import find_release
from tests.conftest import Oilake
from tests.support.warehouses import spark_is_not_needed

READS = (
    "show labels --limit 3",
    "show labels --release v3 --columns mid,confidence --order-by confidence --csv",
    "show boxes --where mid<>'x' --count",
    "history --image IMAGE",
    "history --mid Dog",
    "releases",
    "quarantine list",
    "quarantine show",
    "quarantine summary",
    "check labels",
    "check --history labels",
    "propose labels --release v3",
    "docs --to FOLDER",
    "reconcile --release v3",
    "figures --release v3",
    "contradictions --release v3",
    "changes --from v2 --to v3",
)


@pytest.fixture
def no_java(clean: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The clean warehouse, where a session that starts is an error."""
    monkeypatch.setattr(spark_session, "start_session", lambda *_: spark_is_not_needed())
    return clean


@pytest.fixture
def places(no_java: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OILAKE_WAREHOUSE", no_java.warehouse)
    monkeypatch.setenv("OILAKE_LANDING", no_java.landing)
    monkeypatch.setenv("OILAKE_REGISTRY", f"{no_java.landing}/registry")
    return Path(no_java.landing)


@pytest.mark.parametrize("command", READS)
def test_what_reads_or_finds_nothing_to_do_starts_no_java(oilake: Oilake, places: Path, tmp_path: Path, command: str):
    image = json.loads(oilake("show", "labels", "--limit", "1", "--json")[1])["image_id"] if "IMAGE" in command else ""
    code, out, err = oilake(*command.replace("IMAGE", image).replace("FOLDER", str(tmp_path / "pages")).split())
    assert (code, "Traceback" in err) == (0, False), err
    assert out


def test_readers_answer_without_numpy_and_pandas(oilake: Oilake, places: Path):
    """One process for all: it tells what it has loaded when it ends, and what it printed is what others print."""
    image = json.loads(oilake("show", "labels", "--limit", "1", "--json")[1])["image_id"]
    readers = ("show", "history", "releases", "quarantine")
    commands = [line.replace("IMAGE", image).split() for line in READS if line.startswith(readers)]
    commands += [["quarantine", "list", "--table", "labels", "--line", "2"], ["show", "images", "--blobs", "--csv"]]
    program = (
        "import json, sys\nfrom oilake.jobs import cli\nfrom oilake.jobs.runtime import hidden_modules\n"
        "hidden_modules.hide_modules('numpy', 'pandas')\n"
        "assert not any([cli.main(words) for words in json.loads(sys.argv[1])])\n"
        "assert not {'numpy', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, json.dumps(commands)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "".join(oilake(*words)[1] for words in commands)), done.stderr


def test_an_ingest_of_what_is_published_starts_no_java(no_java: Settings):
    """Under the limits that it was ingested under."""
    assert not ingest(no_java, find_release("v3", f"{no_java.landing}/registry")).changed


def test_a_table_of_anyone_gets_a_suite_without_java(oilake: Oilake, no_java: Settings, tmp_path: Path):
    """Its key is found though no order of its rows shows it."""
    rows = pa.table({"name": [f"{n * 7919 % 500:03}" for n in range(500)], "size": [n % 7 for n in range(500)]})
    write_deltalake(str(tmp_path / "theirs"), rows)
    code, text, err = oilake("propose", str(tmp_path / "theirs"))
    assert (code, err) == (0, "")
    assert "no two rows have the same name" in text
