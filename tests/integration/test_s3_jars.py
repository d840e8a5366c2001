"""The jars of conf/jars.yaml are all that Hadoop's S3 client wants beside Spark's own, to write and to copy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyspark
import pytest

from oilake.conf.storage import Storage
from oilake.jobs.runtime import jars
from tests.support import s3_server

SHELL = "org.apache.hadoop.fs.FsShell"
BUCKET = "s3a://lake"


def test_the_client_writes_copies_and_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    s3_server.set_variables(monkeypatch)
    (tmp_path / "buckets" / "lake").mkdir(parents=True)
    (tmp_path / "core-site.xml").write_text("<configuration/>")
    (tmp_path / "mine").write_text("hello")
    paths = [str(tmp_path), f"{Path(pyspark.__file__).parent}/jars/*", *jars.find_jars(None, ("s3",))]
    program = [s3_server.program(), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", ":".join(paths), SHELL]
    with s3_server.running_or_skip(tmp_path / "buckets", s3_server.SECRET) as endpoint:
        options = Storage(endpoint, "us-east-1").spark_options()
        flags = [f"-D{key.removeprefix('spark.hadoop.')}={value}" for key, value in options.items()]
        for words in (["-put", str(tmp_path / "mine"), f"{BUCKET}/new"], ["-mv", f"{BUCKET}/new", f"{BUCKET}/moved"]):
            done = subprocess.run([*program, *flags, *words], capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
    assert (tmp_path / "buckets" / "lake" / "moved").read_text() == "hello"
    assert not (tmp_path / "buckets" / "lake" / "new").exists()
