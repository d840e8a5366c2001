"""Looks at every file of some slices once: what the values of their columns are like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.tables.targets import CheckTarget, TableFile
from oilake.jobs.validation import file_metrics
from oilake.quality.metrics import Metrics, MetricsCollector
from oilake.quality.profiler import ColumnProfile, Profiler
from oilake.quality.suite_proposal import ProfiledSlice

Tallies = list[tuple[dict[str, str | None], Metrics]]


def profile_targets(
    session: StartSession, targets: Sequence[CheckTarget], key: Sequence[str], most: int
) -> tuple[list[ProfiledSlice], list[Tallies]]:
    """(what was seen of each slice, the tallies of its files), the rows of each file followed in the order of `key`."""
    work = partial(_profile_file, schema=profiled_schema(targets[0]), key=key, most=most)
    profiles: list[dict[str, ColumnProfile]] = [{} for _ in targets]
    tallies: list[Tallies] = [[] for _ in targets]
    for n, file, collected, tally in file_metrics.run_on_files(session, targets, work):
        for column, column_profile in collected.items():
            profiles[n].setdefault(column, ColumnProfile()).add(column_profile, most)
        tallies[n].append((file.partition, tally))
    rows = [sum(tally.rows for _, tally in collected) for collected in tallies]
    return [ProfiledSlice(_slice_label(t), r, s) for t, r, s in zip(targets, rows, profiles, strict=True)], tallies


def _profile_file(
    item: tuple[int, TableFile], schema: pa.Schema, key: Sequence[str], most: int
) -> Iterator[tuple[int, TableFile, dict[str, ColumnProfile], Metrics]]:
    n, file = item
    surveyor, auditor = Profiler(schema.names, file.partition, most), MetricsCollector([], file.partition, key)
    stored = pa.schema([column for column in schema if column.name not in file.partition])
    try:
        for rows in file_metrics.read_batches(file, stored):
            surveyor.add(rows)
            auditor.add(rows)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{file.uri}: cannot be read ({error_line(error)}); `oilake check` lists all such files"
        ) from None
    yield n, file, surveyor.seen, auditor.tally


def profiled_schema(target: CheckTarget) -> pa.Schema:
    """All columns but bytes, of which a batch could fill the memory."""
    return pa.schema([column for column in target.schema if not is_bytes_type(column.type)])


def is_bytes_type(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _slice_label(target: CheckTarget) -> str:
    """The slice in the words of a description."""
    if target.release is None:
        return f"version {target.version}"
    return f"{target.release} since {target.since}" if target.since else target.release
