"""usage: zip.py OUT PACKAGE...

The packages with their data as one zip that Python imports from.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path


def main(out: Path, packages: list[str]) -> int:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in packages:
            for path in sorted(Path(package).rglob("*")):
                if path.is_file() and path.suffix != ".pyc":
                    archive.write(path, path.as_posix())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))
