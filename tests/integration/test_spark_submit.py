"""The job alone under spark-submit, with the packages as a zip, from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from tests.support.releases import land

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "oilake.zip"
    subprocess.run([sys.executable, "scripts/zip.py", path, "oilake"], cwd=ROOT, check=True)
    return path


def test_ingest_runs_from_another_folder_with_nothing_but_the_zip(zipped: Path, tmp_path: Path):
    script = tmp_path / "elsewhere" / "ingest.py"
    script.parent.mkdir()
    script.write_bytes((ROOT / "jobs" / "ingest.py").read_bytes())
    jars = ",".join(str(path) for path in sorted((ROOT / ".jars").glob("*.jar")))
    arguments = ["--release", "v3", "--landing", str(land(tmp_path / "landing")), "--json"]
    arguments += ["--warehouse", str(tmp_path / "warehouse")]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        [SUBMIT, "--master", "local[2]", "--jars", jars, "--py-files", zipped, script, *arguments],
        cwd=script.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.strip().splitlines()[-1])
    assert (summary["status"], summary["totals"]["rows_read"]) == ("complete", 41)
