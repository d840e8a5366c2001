"""What a reprocessing of quarantined rows hands on: what it reads, what it judges and what became of each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.sources.csv_parser import Header
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse

MemberKey = tuple[str, str]
Row = dict[str, Any]
Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MemberReader:
    """A member whose rows are in quarantine: what the registry says of it, its header, and its place among all members."""

    expected: ExpectedMember
    header: Header
    place: int


@dataclass(frozen=True)
class ReprocessContext:
    """What every reading knows; `sources`: by (file, member), those of `images`, `labels` and `boxes`."""

    release: Release
    warehouse: Warehouse
    run_id: str
    field_limit: int
    sources: Mapping[MemberKey, MemberReader]


@dataclass(frozen=True)
class MemberVerdict:
    """Rows of one member: `kept` those that pass, in the table's columns, with `places` (which they are); `repaired`: what
    was repaired in them, `row` being their place; `reasons` of the others by place."""

    kept: pa.Table
    places: Places
    repaired: pa.Table
    reasons: dict[int, tuple[str, ...]]


@dataclass
class FilePreview:
    """One file of `quarantine`: its rows, those that pass, those that stay with other reasons, those that nobody can judge
    here, by table.

    Of the rows that pass in tables of one row an image, each of shape (rows,): their `tables`, image `ids`, `order` (place
    of the member, line), `places` in the file, and whether they stood there as duplicates alone (`were_duplicates`).
    """

    uri: str
    rows: int = 0
    passing: int = 0
    reworded: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    tables: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    order: list[tuple[int, int]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    were_duplicates: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class RereadFile:
    """One file of `quarantine` to be read again; `dropped`: places of images that pass but lost their key to another row."""

    uri: str
    number: int
    dropped: Places


@dataclass(frozen=True)
class SortedRun:
    """Released rows of one partition, sorted by image; `ids`: their image IDs, ascending."""

    staged: StagedFile
    ids: Numbers


@dataclass
class MovedRows:
    """What became of one file of `quarantine`: released rows, those that stay, and the counts.

    `reasons`: released rows by (table, reason); `counts`: by member, what is added to columns of `release_files`.
    """

    runs: list[SortedRun] = field(default_factory=list)
    staged: list[StagedFile] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    reworded: int = 0
    counts: dict[MemberKey, Counter[str]] = field(default_factory=dict)
