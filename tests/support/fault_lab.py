"""A cluster, an S3 server and states of a warehouse on it, for faults to happen to: each case has a prefix of its own."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from oilake.conf import settings as conf_settings
from oilake.jobs.synthetic.serve import serving
from tests.support import s3_gateway, s3_server, small_disks, standalone_cluster
from tests.support.cluster_driver import ClusterDriver, JobEnd
from tests.support.fault_matrix import BEFORE, JOBS, RELEASES, MatrixJob
from tests.support.lake_views import FileHashes, LakeReader, View
from tests.support.s3_gateway import Gateway
from tests.support.s3_server import S3Process
from tests.support.samples import write_sample
from tests.support.standalone_cluster import Cluster

SCALE = "0.00003"
BUCKET, BASE, START = "s3://lake", "base", "start"
A_DAY = 2 * 86400
LESSER, LATER_SOURCE = "lesser", "crowdsource-verification"


@dataclass(frozen=True)
class QuietState:
    """What a job leaves that nothing disturbed: its exit code is among those of the matrix. `gaps`: what was there behind
    each of its commits."""

    folder: Path
    gaps: list[Path]
    published: View
    records: View


@dataclass
class Lab:
    """`folder` holds the sample, the bucket, states of it (after each job of the matrix, by its name) and logs; `hashes`:
    of each file that was read."""

    folder: Path
    cluster: Cluster
    server: S3Process
    gateway: Gateway
    mirror: str
    driver: ClusterDriver
    hashes: FileHashes = field(default_factory=dict)
    quiet: dict[str, QuietState] = field(default_factory=dict)

    def place(self, case: str) -> Path:
        """The folder behind a case's prefix."""
        return self.folder / "buckets" / "lake" / case

    def lay(self, case: str, state: Path) -> None:
        """Puts a state behind a case's prefix, in place of what was there."""
        shutil.rmtree(self.place(case), ignore_errors=True)
        shutil.copytree(state, self.place(case))

    def keep(self, case: str, state: str) -> Path:
        """Copies what lies behind a case's prefix; the copy."""
        return Path(shutil.copytree(self.place(case), self.folder / "states" / state))

    def state(self, name: str) -> QuietState:
        """The warehouse and the photos after a job of the matrix, made when first asked for, behind those before."""
        if name not in self.quiet:
            gaps: list[Path] = []
            if name == START:
                self.place(BASE).mkdir()
                for words in BEFORE:
                    self._call_undisturbed(MatrixJob(START, words))
            else:
                self.state(state_before(name))
                self._call_undisturbed(JOBS[name], lambda: gaps.append(self.keep(BASE, f"{name}-gap-{len(gaps)}")))
            folder = self.keep(BASE, name)
            reader = LakeReader(folder / "warehouse", self.hashes)
            self.quiet[name] = QuietState(folder, gaps, reader.published(), reader.records())
        return self.quiet[name]

    def _call_undisturbed(self, job: MatrixJob, on_halt: Callable[[], object] | None = None) -> None:
        done = self.driver.call(self.words(job.words, BASE), on_halt)
        assert done.code in job.exit_codes, done.text[-3000:]

    def forget(self, case: str) -> None:
        """Deletes what lies behind a case's prefix."""
        shutil.rmtree(self.place(case))

    def reader(self, case: str) -> LakeReader:
        """Who reads a case's warehouse; reading goes past the gateway."""
        return LakeReader(self.place(case) / "warehouse", self.hashes)

    def words(self, text: str, case: str, bucket: str = BUCKET) -> list[str]:
        """The command's words for a case; `bucket`: where the places lie, past S3 and the gateway if it is a folder."""
        sample = self.folder / "sample"
        places = {"photos": f"{bucket}/{case}/photos", "images": sample / "photos.txt", "mirror": self.mirror}
        environment = self._write_environment(case, bucket)
        return [*text.format(**places, lesser=self.folder / LESSER).split(), "--env", str(environment)]

    def _write_environment(self, case: str, bucket: str) -> Path:
        packaged = yaml.safe_load((Path(conf_settings.__file__).parent / "local.yaml").read_text())
        packaged |= {"warehouse": f"{bucket}/{case}/warehouse", "landing": f"{bucket}/landing"}
        packaged["registry"] = str(self.folder / "sample" / "registry")
        packaged |= {"master": self.cluster.url, "storage": {"endpoint": self.gateway.endpoint, "region": "us-east-1"}}
        packaged["limits"]["max_share"] = 0.5
        packaged["spark"] |= {"spark.executor.memory": "640m", "spark.executorEnv.PYTHONPATH": str(Path.cwd())}
        packaged["spark"]["spark.executor.extraJavaOptions"] = standalone_cluster.BRIEF_JAVA
        path = self.folder / f"{case}.yaml"
        path.write_text(yaml.safe_dump(packaged))
        return path

    def maintain_later(self, case: str, is_on_s3: bool) -> JobEnd:
        """`oilake maintain`, two days later, on S3 or in the folder behind it: thousands of requests, or none."""
        then = time.time() - A_DAY
        for path in self.place(case).rglob("*"):
            os.utime(path, (then, then))
        bucket = BUCKET if is_on_s3 else str(self.place(case).parent)
        return self.driver.call(self.words("maintain --retention 0", case, bucket))

    def executor_of(self, port: int) -> int:
        """The number of the worker whose executor has this port of a connection; of any where the driver has it."""
        executors = self.cluster.executors()
        assert executors, "the job has no executor"
        holders = {link.pid for link in psutil.net_connections("tcp") if link.laddr and link.laddr.port == port}
        for number, executor in executors.items():
            if holders & {executor.pid, *(child.pid for child in executor.children(recursive=True))}:
                return number
        return min(executors)


@contextmanager
def running(folder: Path) -> Iterator[Lab]:
    """The lab, with the state in which the first job of the matrix finds it."""
    write_sample(folder / "sample", "--scale", SCALE, "--releases", ",".join(RELEASES))
    shutil.copytree(folder / "sample", folder / "buckets" / "lake" / "landing", ignore=shutil.ignore_patterns("photos"))
    _write_lesser_registry(folder / "sample" / "registry", folder / LESSER)
    with ExitStack() as stack:
        for number in range(standalone_cluster.WORKERS):
            stack.enter_context(small_disks.small_disk(folder / f"work-{number}"))
        server = stack.enter_context(s3_server.process_or_skip(folder / "buckets", s3_server.SECRET))
        gateway = stack.enter_context(s3_gateway.running(server.endpoint))
        variables = s3_server.KEYS | {"SPARK_LOCAL_IP": "127.0.0.1", "XDG_CACHE_HOME": str(folder / "cache")}
        cluster = stack.enter_context(standalone_cluster.started(folder, variables))
        mirror = stack.enter_context(serving(folder / "sample"))
        driver = ClusterDriver(folder / "driver.log", variables)
        stack.callback(driver.end)
        lab = Lab(folder, cluster, server, gateway, mirror, driver)
        lab.state(START)
        yield lab


def _write_lesser_registry(registry: Path, lesser: Path) -> None:
    """A registry whose releases do not know a source yet: its labels come into quarantine."""
    lesser.mkdir()
    for path in registry.glob("*.yaml"):
        release = yaml.safe_load(path.read_text())
        release.get("sources", {}).pop(LATER_SOURCE, None)
        (lesser / path.name).write_text(yaml.safe_dump(release))


def state_before(name: str) -> str:
    """The state in which a job of the matrix finds the warehouse."""
    names = [START, *JOBS]
    return names[names.index(name) - 1]


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 300.0) -> None:
    """Waits for something to be so."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"{what}: not within {seconds:g} s"
        time.sleep(0.1)
