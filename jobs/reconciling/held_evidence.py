"""What a release holds that can contradict each other: its files by table and subset, and what they suffice for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oilake.conf.contradiction_rules import ContradictionRules
from oilake.conf.registry import SUBSETS
from oilake.jobs.scanning import key_ranges
from oilake.jobs.scanning.key_ranges import KeyRange
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables.slice_files import PublishedFile, published_files, rows_by_partition, small_rows
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.contradiction_rows import IMAGES
from oilake.jobs.transforms.contradictions import COLUMNS

# Small tables that are read whole.
LISTS = ("classes", "hierarchy")
PEOPLE = {"human": "human labels", "crowdsource": "crowdsource labels"}

MissingEvidence = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class ReleaseEvidence:
    """`files`: the published files of each table of rows that the release has, those without rows left out; `lists`: what it
    has of classes and hierarchy; `people`: (subset, what one origin of people said there)."""

    snapshot: Snapshot
    files: dict[str, list[PublishedFile]]
    lists: frozenset[str]
    people: frozenset[tuple[str, str]]

    def read_tables(self) -> tuple[tuple[Snapshot, str], ...]:
        """The tables whose rows are needed."""
        return tuple((self.snapshot, table) for table in self.read_versions())

    def read_versions(self) -> dict[str, str]:
        """The version of each table that is read."""
        published = self.snapshot.table_versions
        return {table: str(published[table]) for table in (*COLUMNS, *LISTS) if table in published}

    def judged_subsets(self) -> list[str]:
        """The subsets of which there are rows beside image lists."""
        held = {file.partition["subset"] for table, files in self.files.items() if table != IMAGES for file in files}
        return [subset for subset in SUBSETS if subset in held]

    def held_in(self, subset: str) -> frozenset[str]:
        """What a subset holds, in the words of conf/contradictions.yaml."""
        tables = {
            table for table, files in self.files.items() if any(file.partition["subset"] == subset for file in files)
        }
        people = {name for judged, name in self.people if judged == subset}
        return frozenset(tables | people | self.lists | ({"verdicts"} if people else set()))

    def missing_evidence(self, rules: ContradictionRules) -> MissingEvidence:
        """What each subset lacks to be judged, by kind and subset."""
        missing: MissingEvidence = {}
        for kind, rule in rules.kinds.items():
            for subset in self.judged_subsets():
                if subset in rule.subsets and (names := rule.missing_evidence(self.held_in(subset))):
                    missing.setdefault(kind, {})[subset] = names
        return missing

    def judged_kinds(self, rules: ContradictionRules) -> dict[str, frozenset[str]]:
        """The kinds that are judged in each subset."""
        held = {subset: self.held_in(subset) for subset in self.judged_subsets()}
        return {
            subset: frozenset(
                kind
                for kind, rule in rules.kinds.items()
                if subset in rule.subsets and not rule.missing_evidence(held[subset])
            )
            for subset in held
        }

    def annotation_rows(self) -> int:
        """The rows of all tables but image lists."""
        return sum(file.rows for table, files in self.files.items() if table != IMAGES for file in files)

    def plan_tasks(self, cores: int) -> list[list[KeyRange]]:
        """The spans of every subset, shared out over the cores; image lists stand beside them whatever their subset."""
        spans: list[KeyRange] = []
        for subset in self.judged_subsets():
            sides = {
                table: Side(tuple(_uris_of(files, None if table == IMAGES else subset)), COLUMNS[table])
                for table, files in self.files.items()
            }
            spans += key_ranges.plan_key_ranges(
                subset, {name: side for name, side in sides.items() if side.files}, cores
            )
        return key_ranges.balance_by_rows(spans, cores)


def _uris_of(files: Sequence[PublishedFile], subset: str | None) -> list[str]:
    return [file.uri for file in files if subset in (None, file.partition["subset"])]


def read_evidence(warehouse: Warehouse, snapshot: Snapshot) -> ReleaseEvidence:
    """Read what a release holds, from the Delta log and its class lists."""
    published = {
        table: [file for file in published_files(warehouse, table, snapshot) if file.rows]
        for table in COLUMNS
        if table in snapshot.table_versions
    }
    people = {
        (partition["subset"], PEOPLE[partition["origin"]])
        for partition, rows in rows_by_partition(warehouse, "labels", snapshot)
        if rows and partition["origin"] in PEOPLE
    }
    return ReleaseEvidence(
        snapshot,
        {table: files for table, files in published.items() if files},
        _held_lists(warehouse, snapshot),
        frozenset(people),
    )


def _held_lists(warehouse: Warehouse, snapshot: Snapshot) -> frozenset[str]:
    """Which of class lists and hierarchy there are; box classes are a list of their own."""
    held = {table for table in LISTS if any(rows for _, rows in rows_by_partition(warehouse, table, snapshot))}
    if any(row["is_boxable"] for row in small_rows(warehouse, "classes", snapshot, ["is_boxable"])):
        held.add("box classes")
    return frozenset(held)
