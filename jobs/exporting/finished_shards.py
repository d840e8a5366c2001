"""The shards of an export that are whole wait beside its place: a run that was ended is gone on with, not begun anew."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from oilake.jobs.exporting.companion_files import export_manifest
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.runtime.code_version import project_version
from oilake.jobs.runtime.progress import log_line

LEDGER = "shards.jsonl"


class ImageItem(Protocol):
    """What a shard holds of one image."""

    @property
    def image_id(self) -> str:
        """The image."""


Item = TypeVar("Item", bound=ImageItem)


class ItemsAhead(Generic[Item]):
    """Items of which the next is seen before it is taken: `ahead`, None at the end. `last_image`: of the one taken last."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self.ahead = next(items, None)
        self.last_image = ""

    def take(self) -> Item:
        """Take the item that is seen ahead."""
        assert self.ahead is not None
        item = self.ahead
        self.last_image, self.ahead = item.image_id, next(self._items, None)
        return item


class FinishedShard(NamedTuple):
    """A file that is whole, by its name below the export's folder. `last_image`: those of its subset up to it are written;
    `counts`: what it holds, by noun."""

    subset: str
    name: str
    bytes: int
    last_image: str
    counts: dict[str, int]


class FinishedShards:
    """The shards of one export, in a folder with a ledger that names those that are whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards = _read_ledger(folder)

    def add(self, shard: FinishedShard) -> None:
        """Notes that a shard is whole."""
        with (self.folder / LEDGER).open("a") as ledger:
            ledger.write(f"{json.dumps(shard)}\n")
        self.shards.append(shard)

    def write_subset(
        self,
        subset: str,
        pattern: str,
        open_items: Callable[[str | None], Iterator[Item]],
        write_shard: Callable[[Path, ItemsAhead[Item]], dict[str, int]],
    ) -> Counter[str]:
        """Writes the shards of a subset that are not there yet; what all of them hold, by noun, `shards` among it.

        `pattern`: their names by `number`; `open_items` is given the image behind which it begins; `write_shard` fills one
        file and returns what it holds.
        """
        finished = [shard for shard in self.shards if shard.subset == subset]
        counts = sum((Counter(shard.counts) for shard in finished), Counter[str](shards=len(finished)))
        items = ItemsAhead(open_items(finished[-1].last_image if finished else None))
        while items.ahead is not None:
            name = pattern.format(number=counts["shards"])
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            written = write_shard(path, items)
            self.add(FinishedShard(subset, name, path.stat().st_size, items.last_image, written))
            counts += Counter(written) + Counter(shards=1)
        return counts


@contextmanager
def open_shards(export: OpenedExport, folder: Path) -> Iterator[FinishedShards]:
    """Yield the shards that a run of the same export finished, to which others are added; in the end `folder` has them all.

    They stay beside the place until `drop_shards`, so that one who is ended while the rest is written has them again.
    """
    place = export.request.place
    store = place.with_name(f"{_store_prefix(place)}{_plan_digest(export)}")
    for other in _shard_stores(place):
        if other != store:
            shutil.rmtree(other)
    store.mkdir(exist_ok=True)
    shards = FinishedShards(store)
    if shards.shards:
        log_line(f"{len(shards.shards):,} shards of an earlier run are whole; the export goes on behind them")
    try:
        yield shards
    except BaseException:
        if not shards.shards:
            shutil.rmtree(store)
        raise
    for shard in shards.shards:
        (folder / shard.name).parent.mkdir(parents=True, exist_ok=True)
        _place_file(store / shard.name, folder / shard.name)


def drop_shards(place: Path) -> None:
    """Removes the shards that wait for an export to a place, which has it now."""
    for store in _shard_stores(place):
        shutil.rmtree(store, ignore_errors=True)


def _shard_stores(place: Path) -> list[Path]:
    return [path for path in place.parent.iterdir() if path.name.startswith(_store_prefix(place))]


def _store_prefix(place: Path) -> str:
    return f".{place.name}.shards-"


def _plan_digest(export: OpenedExport) -> str:
    """What tells one export from another before anything is counted."""
    pictures = export.request.pictures and os.path.abspath(export.request.pictures)
    plan = export_manifest(export, {}) | {"pictures": pictures, "program": project_version()}
    return sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:16]


def _read_ledger(folder: Path) -> list[FinishedShard]:
    """The shards of each subset up to the first that is not there as it was; what follows a line that is none is none."""
    path = folder / LEDGER
    lines = path.read_text(errors="replace").splitlines(keepends=True) if path.is_file() else []
    shards, broken = list[FinishedShard](), set[str]()
    for line in lines:
        if (shard := _ledger_shard(line)) is None:
            break
        file = folder / shard.name
        if shard.subset in broken or not file.is_file() or file.stat().st_size != shard.bytes:
            broken.add(shard.subset)
        else:
            shards.append(shard)
    path.write_text("".join(f"{json.dumps(shard)}\n" for shard in shards))
    return shards


def _ledger_shard(line: str) -> FinishedShard | None:
    """The shard of a line; None where it was not ended, or is no such line."""
    try:
        return FinishedShard(*json.loads(line)) if line.endswith("\n") else None
    except (TypeError, ValueError):
        return None


def _place_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        source.rename(target)  # a file system without links
