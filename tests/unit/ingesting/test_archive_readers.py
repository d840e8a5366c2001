"""How many readers inflate one archive."""

from __future__ import annotations

from dataclasses import replace

from oilake.jobs.ingesting.chunk_reports import needed_readers
from oilake.jobs.sources.splits import Split

ARCHIVE = Split("labels.tar.gz", "labels.tar.gz", "tar.gz", chunk=1, shares=8)
PLAIN = Split("labels.csv", "labels.csv", "plain", chunk=1, shares=8, stop=100)


def shared(split: Split) -> list[Split]:
    return [replace(split, share=n) for n in range(split.shares)]


def test_an_archive_is_inflated_by_no_more_readers_than_cores_and_every_chunk_has_one():
    assert [(split.share, split.shares) for split in needed_readers(shared(ARCHIVE), 2)] == [(0, 2), (1, 2)]


def test_an_archive_keeps_its_readers_where_there_are_cores_for_them():
    assert needed_readers(shared(ARCHIVE), 16) == shared(ARCHIVE)


def test_ranges_of_a_plain_file_are_read_each_whatever_the_cores():
    assert needed_readers(shared(PLAIN), 2) == shared(PLAIN)
