"""usage: python -m bench.ours_export FORMAT LANDING OUT: our export of V7's boxable images; prints its counts as JSON.

The command as a person types it, in a process of its own; the warehouse stands beside the landing area. Choice, licence,
attribution and manifest are part of the work.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from bench.options import OILAKE
from bench.published_rows import SIZES

WAREHOUSE = "warehouse"
IN_PIXELS = ("coco",)


def main(name: str, landing: Path, out: Path) -> int:
    started = time.monotonic()
    words = ["export", name, "--release", "v7", "--where", "is_boxable", "--out", str(out / "export"), "--json"]
    words += ["--warehouse", str(landing.parent / WAREHOUSE), "--registry", str(landing / "registry")]
    words += ["--sizes", str(landing / SIZES)] if name in IN_PIXELS else []
    done = subprocess.run([OILAKE, *words], stdout=subprocess.PIPE, text=True)
    if not done.returncode:
        print(json.dumps({**json.loads(done.stdout), "seconds": time.monotonic() - started}))
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
