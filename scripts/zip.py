"""usage: zip.py OUT PACKAGE...

The packages with their data, and what they link to, as one zip that Python imports from.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path


def main(out: Path, packages: list[str]) -> int:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in packages:
            for path in sorted(_files(package)):
                archive.write(path, path.as_posix())
    return 0


def _files(package: str) -> Iterator[Path]:
    for folder, _, names in os.walk(package, followlinks=True):
        yield from (Path(folder, name) for name in names if not name.endswith(".pyc"))


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))
