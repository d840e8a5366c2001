"""The classes that are evaluated, and what follows from each by the hierarchy: of a release, or of a challenge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.challenge_classes import ClassSet, MarkKind
from oilake.conf.errors import ConfigError, InputError
from oilake.conf.settings import Settings
from oilake.jobs.evaluating.code_book import UNKNOWN, rows_with_code
from oilake.jobs.runtime.filesystem import file_state, join_uri, open_stream
from oilake.jobs.sources import class_lists
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import classes, hierarchy
from oilake.jobs.transforms.class_ancestors import ClassAncestors, build_ancestors
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary, Codes, build_vocabulary

FIELD_LIMIT = 1 << 16
TREE_TABLES = ("classes", "hierarchy")


@dataclass(frozen=True)
class EvaluatedClasses:
    """`vocabulary`: all of them, by whose places they are numbered; `ancestors`: what is above each."""

    vocabulary: ClassVocabulary
    ancestors: ClassAncestors

    def __len__(self) -> int:
        return len(self.vocabulary.mids)

    @cached_property
    def names(self) -> list[str | None]:
        """The display names by number; None where none is published."""
        return [name.as_py() for name in self.vocabulary.display_names]

    def codes(self, mids: pa.Array) -> Codes:
        """Return the number of each MID, UNKNOWN where it is not evaluated; shape (n,)."""
        places = pc.fill_null(pc.index_in(mids, value_set=self.vocabulary.mids), UNKNOWN)
        return np.asarray(places.to_numpy(zero_copy_only=False).astype(np.int64))

    def coded_rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows whose `mid` is evaluated, with its number as `code`."""
        return rows_with_code(batch, self.codes(batch.column("mid")))

    def above(self, codes: Codes) -> tuple[Codes, Codes]:
        """Return (places in `codes`, their ancestors), each ancestor once."""
        return self.ancestors.implied_codes(codes, self.vocabulary)

    def below(self, codes: Codes) -> tuple[Codes, Codes]:
        """Return (places in `codes`, their descendants), each descendant once."""
        return replace(self, ancestors=ClassAncestors(self.ancestors.above, self.ancestors.below)).above(codes)


def build_classes(names: Mapping[str, str | None], nodes: Iterable[Mapping[str, Any]]) -> EvaluatedClasses:
    """Return the classes that `names` lists by MID; `nodes`: rows of `hierarchy`, whose root is nobody's ancestor."""
    unknown = {"is_trainable": None, "is_boxable": None}
    rows = [{"mid": mid, "display_name": name, **unknown} for mid, name in names.items()]
    return EvaluatedClasses(build_vocabulary(rows), build_ancestors(node for node in nodes if node["depth"]))


def release_classes(warehouse: Warehouse, pin: Snapshot) -> EvaluatedClasses:
    """Return the boxable classes of a release and those of its hierarchy; ConfigError where it has no hierarchy here."""
    if lacking := [table for table in TREE_TABLES if table not in pin.table_versions]:
        raise ConfigError(
            f"{warehouse}: {' and '.join(lacking)} of {pin.release} are not published; ingest them, or name --class-set"
        )
    listed, nodes = (small_rows(warehouse, table, pin) for table in TREE_TABLES)
    roots = {node["mid"] for node in nodes if not node["depth"]}
    described = {row["mid"]: row["name"] for row in listed}
    boxable = [row["mid"] for row in listed if row["is_boxable"]]
    in_tree = [node["mid"] for node in nodes if node["mid"]]
    return build_classes({mid: described.get(mid) for mid in [*boxable, *in_tree] if mid not in roots}, nodes)


def challenge_classes(settings: Settings, class_set: ClassSet, kind: MarkKind) -> EvaluatedClasses:
    """Return the classes of a challenge from its files in the landing area; InputError where one is missing or damaged."""
    if kind not in class_set.classes:
        raise ConfigError(f"--class-set: the set has no classes for {kind}; name another one")
    list_file, tree_file = class_set.classes[kind], class_set.hierarchies[kind]
    parsed = class_lists.parse_list(
        _landed_bytes(settings, class_set, list_file), "descriptions", FIELD_LIMIT, list_file, "either"
    )
    if parsed.bad:
        raise InputError(f"{list_file}: line {parsed.bad[0].line}: this is no MID and name; fetch the file again")
    names = {row.mid: row.display_name for row in parsed.rows if row.mid}
    root = class_lists.parse_hierarchy(_landed_bytes(settings, class_set, tree_file), tree_file)
    if hierarchy.node_form(root) is not hierarchy.BY_MID:
        raise InputError(f"{tree_file}: its nodes have no MIDs; fetch the file again")
    nodes = hierarchy.hierarchy_rows(root, classes.join_lists(names, {}), ())
    return build_classes(names, nodes.to_pylist())


def _landed_bytes(settings: Settings, class_set: ClassSet, name: str) -> bytes:
    uri = join_uri(settings.storage_uri(settings.landing), name)
    if file_state(uri) is None:
        raise InputError(f"{uri}: no such file; bring it there from {class_set.base}{name}")
    with open_stream(uri) as stream:
        return bytes(stream.read(class_lists.LARGEST_BYTES))
