"""Which images stand in a list: the IDs of files that list images, staged once, and the columns of `images` made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.fs import LocalFileSystem

from oilake.conf.registry import ExpectedMember
from oilake.jobs.runtime.filesystem import make_parent, open_filesystem
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.image_ids import as_numbers
from oilake.jobs.transforms.images import LIST_COLUMNS
from oilake.quality.row_expectations import numpy_mask

Numbers = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

TABLE = "images"
LITTLE_ENDIAN = "<u8"


@dataclass(frozen=True)
class StagedList:
    """What one `member`, by file and path, lists: its `images` IDs lie ascending at `uri`, as 64-bit numbers.

    `columns`: those of `images` that tell of its lists; `subsets`: those whose images it lists.
    """

    member: tuple[str, str]
    uri: str
    columns: tuple[str, ...]
    subsets: tuple[str, ...]
    images: int


def stage_list(
    warehouse: Warehouse,
    run_id: str,
    number: int,
    expected: ExpectedMember,
    subsets: Sequence[str],
    ids: Sequence[Numbers],
) -> StagedList:
    """The IDs that the chunks of a file gave, in any order, staged for the tasks that read images."""
    distinct = np.unique(np.concatenate([np.empty(0, np.uint64), *ids]))
    uri = warehouse.table_uri(TABLE, f"list-{run_id}-{number}.ids")
    store, path = open_filesystem(uri)
    make_parent(store, path)
    with store.open_output_stream(path, compression=None) as sink:
        sink.write(distinct.astype(LITTLE_ENDIAN).tobytes())
    return StagedList((expected.file.name, expected.path), uri, list_columns(expected), tuple(subsets), len(distinct))


def list_columns(expected: ExpectedMember) -> tuple[str, ...]:
    """The columns of `images` that tell of the lists in which a member's images stand."""
    return tuple(LIST_COLUMNS[name] for name in expected.member.image_lists)


@lru_cache(maxsize=16)
def _listed_ids(uri: str) -> Numbers:
    """The staged IDs; of a local file mapped into memory, which the tasks of a machine share."""
    store, path = open_filesystem(uri)
    if isinstance(store, LocalFileSystem) and store.get_file_info(path).size:
        return np.memmap(path, LITTLE_ENDIAN, "r")
    with store.open_input_stream(path, compression=None) as stream:
        return np.frombuffer(stream.read(), LITTLE_ENDIAN)


def mark_listed(
    rows: pa.Table, expected: ExpectedMember, lists: Sequence[StagedList], listed: Counter[tuple[str, str]]
) -> pa.Table:
    """The rows of `images` with what the lists say of them; NULL where no list of the row's subset was taken.

    `listed` counts the rows that stand in each list, by its member. All rows of a member that lists images stand there.
    """
    numbers = as_numbers(rows["image_id"].combine_chunks())
    stands_in = {column: np.full(len(rows), column in list_columns(expected)) for column in LIST_COLUMNS.values()}
    is_told = {column: mask.copy() for column, mask in stands_in.items()}
    for staged in lists:
        covered = _rows_of_subsets(rows, expected, staged.subsets)
        stands = covered & _contains(_listed_ids(staged.uri), numbers)
        listed[staged.member] += int(stands.sum())
        for column in staged.columns:
            stands_in[column] |= stands
            is_told[column] |= covered
    for column, stands in stands_in.items():
        place = rows.column_names.index(column)
        rows = rows.set_column(place, column, pa.array(stands, mask=~is_told[column]))
    return rows


def _rows_of_subsets(rows: pa.Table, expected: ExpectedMember, subsets: Sequence[str]) -> Mask:
    if "subset" not in rows.column_names:
        return np.full(len(rows), expected.subset in subsets)
    return numpy_mask(pc.is_in(rows["subset"].combine_chunks(), value_set=pa.array(subsets, pa.string())))


def _contains(ascending: Numbers, numbers: Numbers) -> Mask:
    """Which of the numbers, of shape (rows,), are among the ascending ones."""
    if not len(ascending):
        return np.zeros(len(numbers), np.bool_)
    places = np.searchsorted(ascending, numbers)
    places[places == len(ascending)] = 0
    return np.asarray(ascending[places] == numbers)
