"""usage: python -m bench.ours_download WAREHOUSE OUT SIDE TASKS CONNECTIONS MIRROR; prints seconds, start and images"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from oilake.conf import placeholders, settings
from oilake.jobs.blobs.resize import Resize
from oilake.jobs.download import download
from oilake.jobs.downloading.request import DownloadRequest
from oilake.jobs.downloading.selection import ImageSelection


def main() -> None:
    warehouse, out, side, tasks, connections, mirror = sys.argv[1:7]
    found = replace(settings.environment_settings("local", {"warehouse": warehouse}), master=f"local[{tasks}]")
    limits = replace(found.download, requests_per_second=None, connections=int(connections))
    resize = Resize(int(side)) if int(side) else None
    order = DownloadRequest(
        "v3",
        "bench",
        out,
        "original",
        None,
        mirror,
        True,
        resize,
        found.fetch,
        found.storage,
        limits,
        placeholders.load_placeholders(),
    )
    done = download(found, order, ImageSelection(subsets=("train",)))
    images = len(list(Path(out, "train").glob("[0-9a-f]*.jpg")))
    print(json.dumps({"seconds": done.seconds, "start": done.start_seconds, "images": images}))


if __name__ == "__main__":
    main()
