"""A listing in waves: each blob beside the image it is named after and what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from jobs.blobs import names
from jobs.blobs.facts import Blob
from jobs.blobs.locations import Location
from jobs.blobs.reading import Method
from jobs.verifying import known
from jobs.verifying.expected import SUBSETS, Expected
from jobs.verifying.known import Known, Row
from jobs.verifying.task import Entry

WAVE_BLOBS = 50_000
WAVE_BYTES = 4 << 30
BATCH = 5_000
OVERHEAD = 1 << 16  # opening a blob costs about as much as hashing so many bytes


@dataclass
class Matcher:
    """Matches blobs of one location. `passed_over`: blobs of images that are not asked for."""

    location: Location
    method: Method
    expected: Expected
    known: Known
    force: bool
    passed_over: int = 0

    def waves(self, blobs: Iterable[Blob], cores: int) -> Iterator[list[Entry]]:
        """Entries enough to keep the cores busy for some seconds; a compressed archive is one wave, since each wave
        unpacks all of it."""
        found: list[Entry] = []
        size, blobs = 0, iter(blobs)
        while batch := list(islice(blobs, BATCH)):
            entries = self._match(batch)
            found += entries
            size += sum(entry.blob.size for entry in entries if entry.is_read)
            is_full = len(found) >= WAVE_BLOBS * cores // 2 or size >= WAVE_BYTES * cores // 2
            if is_full and self.location.kind != "tar.gz":
                yield found
                found, size = [], 0
        if found:
            yield found

    def _match(self, blobs: Sequence[Blob]) -> list[Entry]:
        named = [names.image(blob.key) for blob in blobs]
        ids = pa.array([one[0] for one in named if one], pa.string())
        places = iter(self.expected.places(ids).tolist())
        found = [next(places) if one else -1 for one in named]
        rows = [None] * len(blobs) if self.force else self.known.find([blob.key for blob in blobs])
        return [
            entry
            for blob, one, place, row in zip(blobs, named, found, rows, strict=True)
            if (entry := self._entry(blob, one, place, row)) is not None
        ]

    def _entry(self, blob: Blob, named: tuple[str, str | None] | None, place: int, row: Row | None) -> Entry | None:
        """None where the image is not asked for."""
        if place < 0 or named is None:
            return self._unexpected(
                blob, "no image of the release has this ID" if named else "named after no image", row
            )
        subset = SUBSETS[self.expected.subsets[place]]
        if named[1] not in (None, subset):
            return self._unexpected(blob, f"its image is of {subset}", row)
        if not self.expected.chosen[place]:
            self.passed_over += 1
            return None
        if self.location.is_archive and self.expected.seen[place]:
            twice = blob._replace(key=f"{blob.key}@{blob.start}")
            return self._unexpected(twice, "the archive holds this image twice", None)
        self.expected.seen[place] = True
        wanted = self.expected.image(place)
        return Entry(blob, wanted, None, row if known.still_holds(row, blob, self.method) else None)

    def _unexpected(self, blob: Blob, note: str, row: Row | None) -> Entry | None:
        if not self.expected.is_all_chosen:
            self.passed_over += 1
            return None
        return Entry(blob, None, note, row)


def deal(entries: Sequence[Entry], tasks: int, method: Method) -> list[list[Entry]]:
    """The entries of each task, about as much work each, in the order in which they lie."""
    costs = [OVERHEAD + entry.blob.size if entry.is_read and method == "full" else 1 for entry in entries]
    shares: list[list[int]] = [[] for _ in range(tasks)]
    loads = [0] * tasks
    for n in sorted(range(len(entries)), key=lambda n: -costs[n]):
        least = loads.index(min(loads))
        shares[least].append(n)
        loads[least] += costs[n]
    return [[entries[n] for n in sorted(share)] for share in shares if share]
