"""A server that speaks as MongoDB does, on 127.0.0.1: what FiftyOne keeps its datasets in, where mongod cannot be had."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
import pytest
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

from tests.support import s3_server

FOLDER = s3_server.JARS / "mongo"
IVY = """<ivy-module version="2.0">
  <info organisation="tests" module="tests"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
    <dependency org="de.bwaldvogel" name="mongo-java-server" rev="1.47.0" conf="default->runtime"/>
  </dependencies>
</ivy-module>
"""


def server_jars() -> list[Path]:
    """The server's jars (3 MB with those that it needs, resolved at the first call); none where they cannot be had."""
    if not (FOLDER / ".ready").is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        resolver = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
        with tempfile.TemporaryDirectory() as work:
            request = Path(work, "ivy.xml")
            request.write_text(IVY)
            call = [s3_server.program(), "-jar", resolver, "-cache", f"{work}/cache", "-m2compatible", "-ivy", request]
            call += ["-retrieve", f"{FOLDER}/[artifact]-[revision].[ext]"]
            done = subprocess.run(call, capture_output=True, timeout=300, check=False)
        if done.returncode or not list(FOLDER.glob("mongo-java-server-core-*.jar")):
            return []
        (FOLDER / ".ready").touch()
    return sorted(FOLDER.glob("*.jar"))


@contextmanager
def running_or_skip() -> Iterator[str]:
    """The URI of a server that forgets all when it ends; where its jars cannot be had, the test is skipped and says why."""
    jars = server_jars()
    if not jars:
        pytest.skip("no mongo-java-server: its jars could not be resolved")
    launched = launch_gateway(
        classpath=":".join(map(str, jars)),
        java_path=s3_server.program(),
        die_on_exit=True,
        return_proc=True,
    )
    port, process = launched
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
    try:
        server = gateway.jvm.de.bwaldvogel.mongo.InMemoryMongoServer()
        server.bind("127.0.0.1", 0)
        yield f"mongodb://127.0.0.1:{server.getLocalAddress().getPort()}"
    finally:
        gateway.shutdown()
        process.terminate()
        process.wait(10)
