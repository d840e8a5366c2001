"""usage: python -m bench.verify [--gigabytes 4] [--rounds 5] [--out data/bench/verify]

Verify of a folder of blobs of mixed size beside `md5sum` under `xargs -P2` on the same warm files, in turn; Spark's start
stands apart.
"""

from __future__ import annotations

import base64
import hashlib
import os
import random
import shutil
import statistics
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from bench.options import rounds_parser
from oilake.conf import registry
from oilake.conf import settings as conf_settings
from oilake.jobs.ingest import ingest
from oilake.jobs.verify import verify
from oilake.jobs.verifying.selection import VerifySelection
from tests.support.releases import IMAGE_HEADER, TAG, URL, land, lines

SIZES = (20_000, 100_000, 300_000, 500_000, 1_000_000, 3_000_000, 10_000_000)
SHARES = (20, 25, 25, 15, 10, 4, 1)


def main() -> int:
    parser = rounds_parser("bench.verify", __doc__, 5, "data/bench/verify")
    parser.add_argument("--gigabytes", type=float, default=4)
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    shutil.rmtree(out, ignore_errors=True)
    total = _make(out, int(arguments.gigabytes * 1e9))
    chosen = conf_settings.environment_settings(
        "local", {"warehouse": str(out / "lake"), "landing": str(out / "landing")}
    )
    chosen = replace(chosen, master="local[2]")
    ingest(chosen, registry.find_release("v3"))
    ratios = []
    for n in range(arguments.rounds):
        theirs = _md5sum(out / "blobs")
        found = verify(chosen, "v3", str(out / "blobs"), wish=VerifySelection(force=True))
        assert found.statuses == {"verified": found.blobs}, found
        ratios.append(theirs / found.seconds)
        print(
            f"round {n + 1}: verify {found.seconds:.2f} s ({total / found.seconds / 1e9:.2f} GB/s), Spark's start "
            f"{found.start_seconds:.1f} s; md5sum -P2 {theirs:.2f} s ({total / theirs / 1e9:.2f} GB/s); "
            f"our rate over theirs {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"rate over md5sum's: median {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
    shutil.rmtree(out)
    return 0


def _make(out: Path, total: int) -> int:
    """Blobs of random bytes and the release that names them; bytes of all blobs."""
    rng, size, rows = random.Random(1), 0, []
    folder = out / "blobs" / "train"
    folder.mkdir(parents=True)
    pool = os.urandom(64 << 20)
    while size < total:
        image = f"{rng.getrandbits(64):016x}"
        length = int(rng.choices(SIZES, SHARES)[0] * rng.uniform(0.5, 1.5))
        start = rng.randrange(len(pool) - length)
        data = image.encode() + pool[start : start + length]
        (folder / f"{image}.jpg").write_bytes(data)
        size += len(data)
        md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
        url = f"{URL}/{image}"
        rows.append(f"{image},train,{url}_o.jpg,{url},{URL}/by,{URL}/ann,Ann,A dog,{len(data)},{md5},")
    others = {f"{TAG}/{subset}/images.csv": lines(IMAGE_HEADER) for subset in ("validation", "test")}
    land(out / "landing", {f"{TAG}/train/images.csv": lines(IMAGE_HEADER, *rows), **others})
    print(f"{len(rows):,} blobs, {size / 1e9:.2f} GB", flush=True)
    return size


def _md5sum(folder: Path) -> float:
    """Seconds of md5sum in two processes, some files each time; their sizes are not compared."""
    started = time.monotonic()
    command = f"find {folder} -type f -print0 | xargs -0 -P2 -n64 md5sum"
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


if __name__ == "__main__":
    raise SystemExit(main())
