"""usage: python -m bench.s3_requests [--sizes 0.01 0.03] [--publications 20] [--out data/bench]

Counts what jobs ask of a real S3 server on 127.0.0.1, by kind of request: ingest, reconcile, changes and check of V7 after
V6 at each size, landing area and warehouse on S3; then what each of many publications of a few rows asks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bench.run import make_sample
from oilake.conf.storage import Storage
from oilake.jobs.tables import ddl
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import counting_proxy, publications, s3_server
from tests.support.counting_proxy import Proxy
from tests.support.warehouses import spark_is_not_needed

KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "hush"}
KINDS = ("GET", "HEAD", "LIST", "PUT", "POST", "DELETE")
SAMPLE = ["--releases", "v6,v7", "--tables", "images,labels,boxes"]
BEFORE = (("ingest", "--partial", "--release", "v6"), ("reconcile", "--release", "v6"))
COUNTED = (
    ("ingest", "--partial", "--release", "v7"),
    ("ingest", "--partial", "--release", "v7"),
    ("reconcile", "--release", "v7"),
    ("changes", "--from", "v6", "--to", "v7"),
    ("check", "--release", "v7"),
)

Requests = dict[str, int]


def main() -> int:
    parser = argparse.ArgumentParser(prog="s3_requests", description=__doc__)
    parser.add_argument("--sizes", nargs="*", type=float, default=[0.01, 0.03])
    parser.add_argument("--publications", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("data/bench"))
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    os.environ.update(KEYS)
    results: dict[str, Requests] = {}
    for size in arguments.sizes:
        sample = make_sample(out / f"{size:g}" / "sample-v6-v7", size, SAMPLE)
        results |= {f"{size:g} {words}": requests for words, requests in _job_requests(sample, out).items()}
    results |= _publication_requests(arguments.publications, out)
    (out / "s3-requests.json").write_text(json.dumps(results, indent=2))
    print(f"results: {out / 's3-requests.json'}")
    return 0


@contextmanager
def _running_server(out: Path) -> Iterator[tuple[Path, Proxy]]:
    """The folder of the bucket `lake` of an S3 server, and the proxy before it that counts."""
    if s3_server.jar() is None:
        raise SystemExit("no s3proxy: its jar could not be resolved; OILAKE_S3PROXY may name one")
    with TemporaryDirectory(dir=out) as folder:
        (Path(folder) / "buckets" / "lake").mkdir(parents=True)
        with (
            s3_server.running_or_skip(Path(folder) / "buckets", KEYS["AWS_SECRET_ACCESS_KEY"]) as endpoint,
            counting_proxy.running(endpoint) as proxy,
        ):
            yield Path(folder) / "buckets" / "lake", proxy


def _job_requests(sample: Path, out: Path) -> dict[str, Requests]:
    """The requests of each of COUNTED, by its words; one that stands twice had nothing to do the second time."""
    results: dict[str, Requests] = {}
    with _running_server(out) as (bucket, proxy):
        shutil.copytree(sample, bucket / "landing", copy_function=os.link)
        environment = _write_environment(bucket.parents[1], proxy.endpoint)
        for words in (*BEFORE, *COUNTED):
            proxy.reset()
            flags = ["--registry", str(sample / "registry")] if words[0] in ("ingest", "reconcile") else []
            call = [sys.executable, "-m", "oilake.jobs.cli", *words, "--env", environment, *flags]
            done = subprocess.run(call, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{' '.join(words)}: {done.stderr[-2000:]}")
            name = " ".join(words)
            results[f"{name} again" if name in results else name] = _print_counts(f"{sample.parent.name} {name}", proxy)
    return results


def _publication_requests(count: int, out: Path) -> dict[str, Requests]:
    """The requests of each of `count` publications, of seven releases in turn."""
    results: dict[str, Requests] = {}
    with _running_server(out) as (_, proxy):
        warehouse = Warehouse("s3://lake/warehouse", Storage(endpoint=proxy.endpoint, region="us-east-1"))
        ddl.ensure_tables(spark_is_not_needed, warehouse)
        for n in range(count):
            proxy.reset()
            publications.publish_rows(warehouse, f"{n:016x}", 2, f"v{n % 7 + 1}")
            results[f"publication {n + 1}"] = _print_counts(f"publication {n + 1}", proxy)
    return results


def _write_environment(folder: Path, endpoint: str) -> str:
    """The packaged local environment with landing area and warehouse in the bucket; its path."""
    environment = yaml.safe_load((files("oilake.conf") / "local.yaml").read_text())
    environment |= {"warehouse": "s3://lake/warehouse", "landing": "s3://lake/landing"}
    environment["storage"] = {"endpoint": endpoint, "region": "us-east-1"}
    (folder / "s3.yaml").write_text(yaml.safe_dump(environment))
    return str(folder / "s3.yaml")


def _print_counts(name: str, proxy: Proxy) -> Requests:
    """Prints and returns the requests since the last reset, by kind; `landing`: those of them for the landing area."""
    kinds = Counter(map(_request_kind, proxy.requests))
    landing = sum("/lake/landing" in line or "landing%2F" in line for line in proxy.requests)
    requests = {kind: kinds[kind] for kind in KINDS} | {"landing": landing, "all": kinds.total()}
    print(f"{name}: {', '.join(f'{kind} {number:,}' for kind, number in requests.items())}", flush=True)
    return requests


def _request_kind(line: str) -> str:
    """GET of a bucket's names is LIST, POST of names to delete is DELETE; else the method."""
    method, _, path = line.partition(" ")
    if method == "GET" and ("list-type=" in path or "prefix=" in path):
        return "LIST"
    return "DELETE" if method == "POST" and "?delete" in path else method


if __name__ == "__main__":
    raise SystemExit(main())
