"""What ends a task is told in one sentence: the file, the cause, the remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from oilake.conf.errors import DataQualityError, InputError, OilakeError, StoreError
from oilake.jobs.quarantining.records import ReprocessContext
from oilake.jobs.quarantining.rejudge_kernel import preview_file
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.scanning.merge_scan import Side, aligned_chunks, row_groups
from oilake.jobs.tables.warehouse import Warehouse


@dataclass(frozen=True)
class Item:
    uri: str = "lake/labels/part-1.parquet"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "lake: cannot be written ([Errno 28] No space left on device); free or mend the store, then run again",
        ),
        (
            OSError("Error writing bytes to file"),
            "lake: cannot be written (Error writing bytes to file); free or mend the store, then run again",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "lake/images/part-2.parquet"),
            "lake/images/part-2.parquet: failed during v3: reading ([Errno 13] Permission denied: "
            "'lake/images/part-2.parquet'); check the place and its rights, then run again",
        ),
        (
            RecursionError("maximum recursion depth exceeded"),
            "lake/labels/part-1.parquet: failed during v3: reading (RecursionError: maximum recursion depth exceeded); "
            "OILAKE_DEBUG=1 tells more, please report it",
        ),
        (
            pa.ArrowInvalid("Couldn't\ndeserialize\x1b[0m thrift"),
            "lake/labels/part-1.parquet: failed during v3: reading (ArrowInvalid: Couldn't deserialize thrift); "
            "OILAKE_DEBUG=1 tells more, please report it",
        ),
        (InputError("a.tar.gz: is cut off; fetch it again"), "a.tar.gz: is cut off; fetch it again"),
        (
            StoreError("part-2.parquet: cannot be read (x); publish it again"),
            "part-2.parquet: cannot be read (x); publish it again",
        ),
    ],
)
def test_each_error_of_a_task_is_one_sentence(error: Exception, sentence: str):
    def work(item: Item) -> Iterator[int]:
        raise error
        yield 0

    (answer,) = spark_tasks._run_item(Item(), work, "lake", "v3: reading")
    assert answer.error is not None
    assert answer.error.sentence == sentence


@pytest.mark.parametrize("kind", [InputError, DataQualityError, StoreError])
def test_an_error_of_ours_keeps_its_kind_and_exit_code(kind: type[OilakeError]):
    assert spark_tasks.ERROR_KINDS[kind.__name__] is kind


def damaged(folder: Path) -> str:
    path = folder / "part-1.parquet"
    folder.mkdir(parents=True)
    path.write_bytes(b"PAR1 this is no Parquet file PAR1")
    return str(path)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_damaged_or_vanished_file_is_named_with_the_remedy(tmp_path: Path, is_there: bool):
    folder = tmp_path / "labels" / "release=v3" / "subset=train"
    path = damaged(folder) if is_there else str(folder / "gone.parquet")
    readers = (
        lambda: row_groups(path),
        lambda: next(aligned_chunks({"a": Side((path,), ("mid",))}, 0, 1 << 64, 1)),
        lambda: preview_file(path, ReprocessContext(None, Warehouse.at("lake"), "run", 100, {})),  # type: ignore[arg-type]
    )
    for read in readers:
        with pytest.raises(
            StoreError, match=r"cannot be read .*; check the disk, or run `oilake ingest --release v3 --force`"
        ) as raised:
            read()
        assert str(raised.value).startswith(path)
        assert "\n" not in str(raised.value)
