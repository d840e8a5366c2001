"""Our command for a piece of work, as a person types it: what they wait for, Spark's start and tables made within."""

from __future__ import annotations

from pathlib import Path

from bench.options import OILAKE
from bench.table_files import RELEASES
from bench.tables import copy
from bench.work import TAG, WORK


def prepare_command(name: str, source: Path, out: Path) -> list[str]:
    """The command for the work on the files or the warehouse at `source`; what it writes lies in `out`.

    Its files are linked, its published tables copied as links, before it is started.
    """
    warehouse = ["--warehouse", str(out / "warehouse"), "--json"]
    if name == "reconcile":
        copy(source, out / "warehouse")
        return [OILAKE, "reconcile", "--release", RELEASES[-1], "--force", *warehouse]
    if name == "changes":
        copy(source, out / "warehouse")
        return [OILAKE, "changes", "--from", RELEASES[0], "--to", RELEASES[-1], "--force", *warehouse]
    link_landing(name, source, out / "landing")
    work = WORK[name]
    places = ["--landing", str(out / "landing"), "--registry", str(source / "registry"), *warehouse]
    chosen = ["--tables", ",".join(work.plain)] if work.plain else []
    return [OILAKE, "ingest", "--release", work.release, "--partial", *chosen, *places]


def link_landing(name: str, source: Path, landing: Path) -> None:
    """A landing area that holds the files of the work and nothing else, as links."""
    for path in landed_paths(name):
        link = landing / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source / path)


def landed_paths(name: str) -> list[str]:
    """The files that the work reads, below the landing area."""
    work = WORK[name]
    lists = [f"classes_{TAG}.tar.gz", "bbox_hierarchy.json"] if name == "release" else []
    plain = [file.path for files in work.plain.values() for file in files]
    return [f"{TAG}/{archive}" for archive in [*work.archives(), *lists]] + plain
