"""Moves quarantined rows: stages those that pass by now and those that stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from oilake.jobs.ingesting import repairs
from oilake.jobs.ingesting.chunk_kernel import partition_rows, quarantine_rows
from oilake.jobs.quarantining.records import (
    MemberReader,
    MemberVerdict,
    MovedRows,
    ReprocessContext,
    RereadFile,
    Row,
    SortedRun,
)
from oilake.jobs.quarantining.rejudge_kernel import DUPLICATE, image_ids_of, judge_rows, member_groups, member_key
from oilake.jobs.sources.csv_parser import BadRecord
from oilake.jobs.tables.staging import Writer
from oilake.jobs.transforms.image_ids import as_numbers
from oilake.schemas import loader as schemas


def move_rows(part: RereadFile, context: ReprocessContext) -> Iterator[MovedRows]:
    """Stages what one file of `quarantine` gives: a sorted run a partition, rows of `released` and `repairs`, and the rows
    that stay."""
    yield _FileMove(part, context).run()


class _FileMove:
    """One file of `quarantine` on its way: rows waiting by partition, the writers, and the counts so far."""

    def __init__(self, part: RereadFile, context: ReprocessContext) -> None:
        self.part, self.context, self.moved = part, context, MovedRows()
        self.waiting: dict[tuple[str, ...], tuple[dict[str, str], list[pa.Table]]] = {}
        self.writers: dict[str, Writer] = {}

    def run(self) -> MovedRows:
        for start, rows in member_groups(self.part.uri):
            source = self.context.sources.get(member_key(rows[0]))
            if source is None:
                self._write_staying(rows, {n: tuple(row["reasons"]) for n, row in enumerate(rows)})
                continue
            judged = self._drop_duplicates(start, judge_rows(self.part.uri, rows, source, self.context))
            self._write_staying(rows, judged.reasons)
            self._write_released(rows, source, judged)
        self.moved.staged = [writer.close() for writer in self.writers.values()]
        self.moved.runs = [self._sorted_run(key[0], *partition_parts) for key, partition_parts in self.waiting.items()]
        return self.moved

    def _drop_duplicates(self, start: int, judged: MemberVerdict) -> MemberVerdict:
        """The verdict without the rows that lost their key."""
        lost = np.isin(judged.places + start, self.part.dropped)
        if not lost.any():
            return judged
        reasons = judged.reasons | dict.fromkeys(judged.places[lost].tolist(), (DUPLICATE,))
        stays = np.isin(judged.repaired["row"].to_numpy(), judged.places[lost], invert=True)
        repaired = judged.repaired.filter(pa.array(stays))
        return MemberVerdict(judged.kept.filter(pa.array(~lost)), judged.places[~lost], repaired, reasons)

    def _write_staying(self, rows: Sequence[Row], reasons: Mapping[int, tuple[str, ...]]) -> None:
        staying = [BadRecord(rows[n]["line"], rows[n]["raw"], reasons[n]) for n in sorted(reasons)]
        if staying:
            self.moved.reworded += sum(list(reasons[n]) != rows[n]["reasons"] for n in reasons)
            place = rows[0]["table_name"], rows[0]["file"], rows[0]["member"]
            self._write_rows("quarantine", quarantine_rows(staying, *place))

    def _write_released(self, rows: Sequence[Row], source: MemberReader, judged: MemberVerdict) -> None:
        chosen = [rows[n] for n in judged.places.tolist()]
        if not chosen:
            return
        table, subset = source.expected.member.table, source.expected.subset or ""
        for partition, part in partition_rows(judged.kept, table, self.context.release.release, subset):
            key = (table, *partition.values())
            self.waiting.setdefault(key, (partition, []))[1].append(part)
        self._write_rows("released", _released_rows(chosen, image_ids_of(judged.kept), self.context.run_id))
        if len(judged.repaired):
            lines = [rows[n]["line"] for n in judged.repaired["row"].to_pylist()]
            self._write_rows("repairs", repairs.repair_rows(judged.repaired, lines, table, *member_key(rows[0])))
        self._count_released(chosen, judged)

    def _count_released(self, chosen: Sequence[Row], judged: MemberVerdict) -> None:
        table, member = chosen[0]["table_name"], member_key(chosen[0])
        self.moved.rows[table] += len(chosen)
        self.moved.reasons.update((table, reason) for row in chosen for reason in row["reasons"])
        moved = {"rows_kept": len(chosen), "rows_quarantined": -len(chosen)}
        counts = self.moved.counts.setdefault(member, Counter())
        counts.update(moved)
        counts.update(repairs.repair_counts(judged.repaired))

    def _write_rows(self, name: str, rows: pa.Table) -> None:
        if name not in self.writers:
            partition = {"release": self.context.release.release}
            self.writers[name] = self._new_writer(schemas.table_schema(name), partition)
        self.writers[name].write(rows)

    def _new_writer(self, table: schemas.Table, partition: Mapping[str, str]) -> Writer:
        return Writer(self.context.warehouse, table, partition, self.context.run_id, self.part.number)

    def _sorted_run(self, name: str, partition: dict[str, str], parts: list[pa.Table]) -> SortedRun:
        rows = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        ids = as_numbers(image_ids_of(rows))
        order = np.argsort(ids, kind="stable")
        writer = self._new_writer(schemas.table_schema(name), partition)
        writer.write(rows.take(pa.array(order)))
        return SortedRun(writer.close(), ids[order])


def _released_rows(chosen: Sequence[Row], ids: pa.StringArray, run_id: str) -> pa.Table:
    columns = {name: [row[name] for row in chosen] for name in ("table_name", "file", "member", "line", "reasons")}
    data = {**columns, "image_id": ids, "run_id": [run_id] * len(chosen)}
    schema = schemas.arrow_schema(schemas.table_schema("released"))
    return pa.table({name: data[name] for name in schema.names}, schema=schema)
