"""A new published table takes its two YAML files, its transform and one line, and every job knows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from tests.support import toy_table
from tests.support.releases import CAT, DOG, image_id, lines

ROWS = 300
SCRIPT = """
import sys
from oilake.jobs import cli
from oilake.jobs.ingesting.summary import row_kinds

warehouse, landing, registry = sys.argv[1:]
where = ["--release", "v9", "--warehouse", warehouse, "--registry", registry]
assert row_kinds()[-1] == "clicks"
jobs = ["ingest", *where, "--landing", landing, "--json"], ["figures", *where, "--json"], ["quarantine", "release", *where]
for job in jobs:
    code = cli.main(job)
    assert code == 0, (job, code)
"""


@pytest.mark.slow
def test_a_table_is_added_by_its_two_files_a_transform_and_a_line(tmp_path: Path):
    project = toy_table.copy_project(tmp_path / "project")
    toy_table.add_table(project)
    registry, landing = toy_table.write_registry(tmp_path / "registry"), tmp_path / "landing"
    warehouse = tmp_path / "lake"
    rows = [f"{image_id(n)},{DOG},{n / ROWS},0.5,seen" for n in reversed(range(ROWS))]
    (landing / "toy").mkdir(parents=True)
    (landing / "toy" / "clicks.csv").write_bytes(
        lines(toy_table.HEADER, *rows, f"{image_id(ROWS)},{CAT},left,0.5,", f"no image,{CAT},0.1,0.5,")
    )
    environment = {**os.environ, "OILAKE_JARS": os.environ.get("OILAKE_JARS", str(toy_table.ROOT / ".jars"))}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, warehouse, landing, registry],
        cwd=project,
        env={**environment, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary, figures = (json.loads(line) for line in done.stdout.splitlines()[:2])
    assert summary["rows"] == {"train": {"clicks": ROWS, "kept": ROWS, "quarantined": 2}}
    assert summary["reasons"] == {"invalid_coordinate": 1, "invalid_image_id": 1}
    assert [figure for figure in figures if figure["figure"] == "clicks"] == [
        {"figure": "clicks", "subset": "train", "value": ROWS, "published": None, "stated_by": {}}
    ]
    clicks = DeltaTable(str(warehouse / "clicks")).to_pyarrow_table().to_pylist()
    assert [(row["image_id"], row["points"], row["note"]) for row in clicks] == [
        (image_id(n), [{"x": n / ROWS, "y": 0.5}], "seen") for n in range(ROWS)
    ]
    assert {row["table_name"] for row in DeltaTable(str(warehouse / "quarantine")).to_pyarrow_table().to_pylist()} == {
        "clicks"
    }
