"""`oilake view` as a process of its own, over the small warehouse with a picture and a mask, or over any other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import mask_zips, view_lake
from tests.support.releases import DOG, image_id
from tests.unit.viewing.test_masks import NAME as MASK
from tests.unit.viewing.test_masks import zip_place
from tests.unit.viewing.test_pictures import jpeg

FIRST = image_id(0)
# Every kind of page.
PAGES = (
    "/", "/classes", f"/browse?release=v3&mid={DOG}", "/browse?release=v3&subset=validation", "/changes?release=v3",
    f"/selection?release=v3&mid={DOG}", f"/image/{FIRST}?release=v3", f"/image/{FIRST}?release=v5",
    f"/image/{image_id(1)}?release=v3", f"/image/{image_id(2)}?release=v3", f"/image/{FIRST}/compare?left=v3&right=v5",
    f"/image/{FIRST}/history",
)  # fmt: skip


@contextmanager
def serve_viewer(place: str, *flags: str) -> Iterator[str]:
    """Where the viewer of a warehouse answers, without a slash at the end; interrupted with the block, it ends well."""
    command = [sys.executable, "-m", "oilake.jobs.view", "--warehouse", place, "--port", "0", *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"Viewer: (http://127\.0\.0\.1:\d+)/\n", line)
    assert match, (line, process.stderr.read() if process.stderr else "")
    yield match[1]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


@contextmanager
def serve_view_lake(folder: Path) -> Iterator[str]:
    """The same of `view_lake`, with a picture of its first image, and its mask of V5: the upper left quarter."""
    place = view_lake.fill(view_lake.make_tables(str(folder / "lake")))
    (folder / "photos" / "train").mkdir(parents=True)
    (folder / "photos" / "train" / f"{FIRST}.jpg").write_bytes(jpeg())
    top_left = mask_zips.png(mask_zips.square(0, 50, 0, 50))
    mask_zips.write_zip(zip_place(folder / "landing"), [(MASK, top_left)])
    with serve_viewer(place, "--blobs", str(folder / "photos"), "--landing", str(folder / "landing")) as address:
        yield address
