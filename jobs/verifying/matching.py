"""A listing in waves: each blob beside the image it is named after and what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import pyarrow as pa
import xxhash

from oilake.jobs.blobs import blob_keys
from oilake.jobs.blobs.locations import Location
from oilake.jobs.blobs.reader import Method
from oilake.jobs.blobs.records import Blob
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.verifying import previous_checks
from oilake.jobs.verifying.expected_images import ExpectedImages
from oilake.jobs.verifying.previous_checks import PreviousChecks, Row
from oilake.jobs.verifying.task import MatchedBlob

WAVE_BLOBS = 50_000
WAVE_BYTES = 4 << 30
BATCH = 5_000
NO_NAME = "named after no image, or no image by its ending"
NO_IMAGE = "no image of the release has this ID"
OVERHEAD = 1 << 16  # opening a blob costs about as much as hashing so many bytes


@dataclass
class Matcher:
    """Matches blobs of one location. `passed_over`: blobs of images that are not asked for; `names_seen`: hashes of the
    names in an archive so far."""

    location: Location
    method: Method
    expected: ExpectedImages
    previous: PreviousChecks
    force: bool
    passed_over: int = 0
    names_seen: set[int] = field(default_factory=set)

    @cached_property
    def _is_all_chosen(self) -> bool:
        return self.expected.is_all_chosen

    def waves(self, blobs: Iterable[Blob], cores: int) -> Iterator[list[MatchedBlob]]:
        """Entries enough to keep the cores busy for some seconds; a compressed archive is one wave, since each wave
        unpacks all of it."""
        wave: list[MatchedBlob] = []
        size, blobs = 0, iter(blobs)
        while batch := list(islice(blobs, BATCH)):
            entries = self._match_batch(batch)
            wave += entries
            size += sum(entry.blob.size for entry in entries if entry.is_read)
            is_full = len(wave) >= WAVE_BLOBS * cores // 2 or size >= WAVE_BYTES * cores // 2
            if is_full and self.location.kind != "tar.gz":
                yield wave
                wave, size = [], 0
        if wave:
            yield wave

    def _match_batch(self, listed: Sequence[Blob]) -> list[MatchedBlob]:
        blobs = [self._distinguish_repeated(blob) for blob in listed] if self.location.is_archive else listed
        named = [blob_keys.image_id_in_key(blob.key) for blob in listed]
        ids = pa.array([image_id for image_id in named if image_id], pa.string())
        places = iter(self.expected.places(ids).tolist())
        indexes = [next(places) if image_id else None for image_id in named]
        rows = [None] * len(blobs) if self.force else self.previous.find([blob.key for blob in blobs])
        entries = map(self._match_blob, blobs, indexes, rows)
        return [entry for entry in entries if entry is not None]

    def _distinguish_repeated(self, blob: Blob) -> Blob:
        """An archive may hold a name several times: all but the first get their place in it behind the name."""
        number = xxhash.xxh3_64_intdigest(blob.key.encode())
        if number in self.names_seen:
            return blob._replace(key=f"{blob.key}@{blob.start}")
        self.names_seen.add(number)
        return blob

    def _match_blob(self, blob: Blob, place: int | None, row: Row | None) -> MatchedBlob | None:
        """None where the image is not asked for. `place`: of the image that the blob is named after, None for no image ID
        and below 0 for one that the release does not have."""
        if place is None or place < 0:
            return self._match_unexpected(blob, NO_NAME if place is None else NO_IMAGE, row)
        if not self.expected.chosen[place]:
            self.passed_over += 1
            return None
        self.expected.seen[place] = True
        image = self.expected.image(place)
        folder = blob_keys.subset_in_key(blob.key)
        note = f"it lies in a folder of {folder}, its image is of {image.subset}"
        old = row if previous_checks.still_holds(row, blob, self.method) else None
        return MatchedBlob(blob, image, note if folder not in (None, image.subset) else None, old)

    def _match_unexpected(self, blob: Blob, note: str, row: Row | None) -> MatchedBlob | None:
        if not self._is_all_chosen:
            self.passed_over += 1
            if blob.problem and blob.key.endswith("/"):
                log_line(f"{self.location.uri}/{blob.key}: {blob.problem}; what lies in it is not looked at")
            return None
        return MatchedBlob(blob, None, blob.problem or note, row)


def balance_by_bytes(entries: Sequence[MatchedBlob], tasks: int, method: Method) -> list[list[MatchedBlob]]:
    """The entries of each task, about as much work each, in the order in which they lie."""
    costs = [OVERHEAD + entry.blob.size if entry.is_read and method == "full" else 1 for entry in entries]
    indexes_by_task: list[list[int]] = [[] for _ in range(tasks)]
    loads = [0] * tasks
    for index in sorted(range(len(entries)), key=lambda index: -costs[index]):
        least = loads.index(min(loads))
        indexes_by_task[least].append(index)
        loads[least] += costs[index]
    return [[entries[index] for index in sorted(indexes)] for indexes in indexes_by_task if indexes]
