"""A real S3 server on 127.0.0.1: s3proxy over a folder, its jar brought once by the resolver that Spark ships."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark
import pytest

from oilake.jobs.runtime import java_home

JARS = Path(__file__).parents[2] / ".jars" / "test"
SECRET = "hush"
BRIEF_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # no second compiler pays in a few minutes
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": SECRET}
JAR = "s3proxy-4.1.0-jar-with-dependencies.jar"
IVY = """<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">
  <info organisation="tests" module="tests"/>
  <dependencies>
    <dependency org="org.gaul" name="s3proxy" rev="4.1.0" transitive="false">
      <artifact name="s3proxy" type="jar" ext="jar" m:classifier="jar-with-dependencies"/>
    </dependency>
  </dependencies>
</ivy-module>
"""


@dataclass
class S3Process:
    """The server's process, which can be ended and begun again at the same address."""

    endpoint: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Starts it, and waits until it listens."""
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait(self.endpoint, self.process)

    def end(self) -> None:
        """Ends it, and waits until it is gone."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(10)


def set_variables(patch: pytest.MonkeyPatch, **others: str) -> None:
    """Puts the keys of a server with SECRET, and other variables, where AWS's chain finds them."""
    for name, value in {**KEYS, **others}.items():
        patch.setenv(name, value)


@contextmanager
def named_buckets(folder: Path, patch: pytest.MonkeyPatch, bucket: str) -> Iterator[Path]:
    """The folder of a server's buckets, one of which is there; AWS's variables name the server, and what is on its way waits
    in a cache of its own."""
    (folder / "buckets" / bucket).mkdir(parents=True)
    with running_or_skip(folder / "buckets", SECRET) as endpoint:
        set_variables(patch, AWS_ENDPOINT_URL=endpoint, AWS_REGION="us-east-1", XDG_CACHE_HOME=str(folder / "cache"))
        yield folder / "buckets"


def program() -> str:
    """The Java that runs the server."""
    home = java_home.find()
    return f"{home}/bin/java" if home else "java"


def jar() -> Path | None:
    """The server's jar (55 MB, resolved at the first call); None where it cannot be had."""
    found = Path(os.environ.get("OILAKE_S3PROXY", JARS / JAR))
    if not found.is_file():
        JARS.mkdir(parents=True, exist_ok=True)
        resolver = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
        with tempfile.TemporaryDirectory() as work:
            wish = Path(work, "ivy.xml")
            wish.write_text(IVY)
            call = [program(), "-jar", resolver, "-cache", f"{work}/cache", "-m2compatible", "-ivy", wish]
            call += ["-retrieve", f"{work}/[artifact]-[revision](-[classifier]).[ext]"]
            subprocess.run(call, capture_output=True, timeout=300)
            if Path(work, JAR).is_file():
                _appear(Path(work, JAR), JARS / JAR)
    return found if found.is_file() else None


def _appear(source: Path, target: Path) -> None:
    """Whole at once, since another test process may look for it."""
    half = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copyfile(source, half)
    half.replace(target)


@contextmanager
def running_or_skip(folder: Path, credential: str | None = None) -> Iterator[str]:
    """The endpoint of a server that keeps its buckets in `folder`; anyone may read and write. The test is skipped, and says
    why, where its jar cannot be had.

    With a `credential`, the secret key of access key x, writing must be signed, and unsigned reading is of public things.
    """
    with process_or_skip(folder, credential) as server:
        yield server.endpoint


@contextmanager
def process_or_skip(folder: Path, credential: str | None = None) -> Iterator[S3Process]:
    """As `running_or_skip`, the process itself."""
    path = jar()
    if path is None:
        pytest.skip("no s3proxy: its jar could not be resolved; OILAKE_S3PROXY may name one")
    server = _prepare_server(folder, path, credential)
    try:
        server.begin()
        yield server
    finally:
        server.end()


def _prepare_server(folder: Path, path: Path, credential: str | None) -> S3Process:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    folder.mkdir(exist_ok=True)
    lines = [f"s3proxy.endpoint={endpoint}", "jclouds.provider=filesystem-nio2"]
    signed = ["s3proxy.authorization=aws-v2-or-v4", "s3proxy.identity=x", f"s3proxy.credential={credential}"]
    lines += signed if credential else ["s3proxy.authorization=none"]
    lines += [f"jclouds.filesystem.basedir={folder}", "jclouds.identity=x", "jclouds.credential=x"]
    settings = folder.with_suffix(".properties")
    settings.write_text("\n".join(lines))
    return S3Process(endpoint, [program(), *BRIEF_JAVA, "-Xmx128m", "-jar", str(path), "--properties", str(settings)])


def _wait(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    host, port = endpoint.removeprefix("http://").split(":")
    for _ in range(1200):
        assert process.poll() is None, "s3proxy ended at once"
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("s3proxy did not start")
