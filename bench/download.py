"""usage: python -m bench.download [--images 4000] [--side 256] [--rounds 3] [--out data/bench/download]

Us and img2dataset in turn, from the same local server, in as many processes and over as many connections, to files that
are resized alike (--side 0: as they are). img2dataset gets an environment of its own, made at the first run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.options import rounds_parser
from bench.peer_environment import peer_python
from bench.photo_server import DIFFERENT, photo
from oilake.jobs import cli
from tests.support.releases import IMAGE_HEADER, TAG, land, lines

PEER = "img2dataset==1.47.0"
TASKS, CONNECTIONS = 2, 16
WIDTH, HEIGHT = 1024, 768


def main() -> int:
    parser = rounds_parser("bench.download", __doc__, out="data/bench/download")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--side", type=int, default=256)
    given = parser.parse_args()
    out = given.out.absolute()
    peer = peer_python(out / "img2dataset", PEER)
    warehouse = _warehouse(out, given.images)
    found: dict[str, list[float]] = {"ours": [], "img2dataset": []}
    with _server() as url:
        urls = out / "urls.txt"
        urls.write_text("".join(f"{url}/h/{n}.jpg\n" for n in range(given.images)))
        for n in range(given.rounds):
            for name in found:
                target = out / "blobs"
                shutil.rmtree(target, ignore_errors=True)
                call = [
                    sys.executable,
                    "-m",
                    "bench.ours_download",
                    warehouse,
                    target,
                    given.side,
                    TASKS,
                    CONNECTIONS,
                    url,
                ]
                if name != "ours":
                    threads = TASKS * CONNECTIONS
                    call = [peer, "bench/img2dataset_peer.py", urls, target, given.side, TASKS, threads]
                    target.mkdir(parents=True)
                told = _run([str(word) for word in call])
                if told["images"] != given.images:
                    raise SystemExit(f"{name}: {told['images']} of {given.images} images came")
                found[name].append(given.images / told["seconds"])
                start = f", and {told['start']:.1f} s for Spark's start" if "start" in told else ""
                print(f"{n + 1}/{given.rounds} {name}: {found[name][-1]:,.0f} images/s{start}", flush=True)
    for name, rates in found.items():
        print(f"{name:<12}{statistics.median(rates):8,.0f} images/s ({min(rates):,.0f} to {max(rates):,.0f})")
    ratios = [ours / theirs for ours, theirs in zip(*found.values(), strict=True)]
    print(f"rate over img2dataset's: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return 0


def _run(call: list[str]) -> dict[str, float]:
    done = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"})
    if done.returncode:
        raise SystemExit(f"{call}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@contextmanager
def _server() -> Iterator[str]:
    call = [sys.executable, "-m", "bench.photo_server", str(WIDTH), str(HEIGHT)]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def _warehouse(out: Path, count: int) -> str:
    """A warehouse with a release of so many images whose sizes and MD5s are the server's."""
    warehouse = out / f"warehouse-{count}"
    if not (warehouse / "snapshots").is_dir():
        data = [photo(n, WIDTH, HEIGHT) for n in range(DIFFERENT)]
        known = [f"{len(one)},{base64.b64encode(hashlib.md5(one).digest()).decode()}" for one in data]
        rows = [f"1{n:015x},train,https://h/{n}.jpg,,,,,,{known[n % DIFFERENT]}," for n in range(count)]
        landing = land(out / f"landing-{count}", {f"{TAG}/train/images.csv": lines(IMAGE_HEADER, *rows)})
        if cli.main(["ingest", "--release", "v3", "--landing", str(landing), "--warehouse", str(warehouse)]):
            raise SystemExit("the release was not ingested")
    return str(warehouse)


if __name__ == "__main__":
    raise SystemExit(main())
