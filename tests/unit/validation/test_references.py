"""Rows without a partner: what reading files may say in place of a query, and that it says so only where it is true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.tables import suite_properties
from oilake.jobs.tables.targets import CheckTarget, TableFile
from oilake.jobs.validation import foreign_keys
from oilake.jobs.validation.foreign_keys import ForeignKeyProbe, Reference
from oilake.quality import scopes, suites
from oilake.quality.compiled_queries import ForeignKey, orphans_query
from oilake.quality.suites import Expectation, ExpectationMeta
from oilake.schemas import loader as schemas

IMAGE, CLASS = ForeignKey(("image_id",), "images", ("image_id",)), ForeignKey(("mid",), "classes", ("mid",))
DECLARED = {
    ("labels", "label_of_unknown_image"): IMAGE,
    ("labels", "label_of_unknown_class"): CLASS,
    ("boxes", "box_on_unknown_image"): replace(IMAGE, counted_by=("subset", "image_id", "mid")),
    ("masks", "mask_on_unknown_image"): ForeignKey(
        ("image_id",), "images", ("image_id",), ("subset", "image_id", "mid")
    ),
    ("relationships", "relationship_on_unknown_image"): ForeignKey(
        ("image_id",), "images", ("image_id",), ("subset", "image_id")
    ),
    ("points", "point_on_unknown_image"): ForeignKey(("image_id",), "images", ("image_id",), ("subset", "image_id")),
    ("narratives", "narrative_on_unknown_image"): ForeignKey(
        ("image_id",), "images", ("image_id",), ("subset", "image_id")
    ),
    ("points", "point_of_unknown_class"): ForeignKey(("mid",), "classes", ("mid",)),
}
PARTNER = "WHERE NOT EXISTS (SELECT 1 FROM images i WHERE i.image_id = l.image_id)"
WRITTEN = f"SELECT l.image_id, count(*) AS labels FROM {{batch}} l {PARTNER} GROUP BY l.image_id"
LEFT_TO_SPARK = {
    "an aggregate finds a row in no rows": f"SELECT count(*) FROM {{batch}} l {PARTNER}",
    "a second condition": WRITTEN.replace("GROUP BY", "OR l.mid = '/m/0' GROUP BY"),
    "a negation": WRITTEN.replace("NOT EXISTS", "EXISTS"),
    "another partner": WRITTEN.replace("FROM images", "FROM classes"),
    "a union": f"{WRITTEN} UNION SELECT image_id, 1 FROM images",
    "rows without a value, which refer to nothing": WRITTEN.replace("WHERE", "WHERE l.image_id IS NOT NULL AND", 1),
}


def asked(references: ForeignKey | None, query: str = WRITTEN) -> Expectation:
    kwargs = {"unexpected_rows_query": query}
    meta = ExpectationMeta("cross_table", name="q", reads=("images",), references=references)
    return Expectation(scopes.QUERY, kwargs, "warning", "d", meta)


def target(name: str, partition_by: tuple[str, ...] = (), **columns: pa.Field) -> CheckTarget:
    schema = pa.schema([column.with_name(key) for key, column in columns.items()])
    return CheckTarget(name, "nowhere", 0, suites.Suite(name, ()), schema, "{}", partition_by)


TEXT, MAYBE, WHOLE = pa.field("", pa.string(), False), pa.field("", pa.string()), pa.field("", pa.int64(), False)
LABELS, IMAGES = target("labels", image_id=TEXT, subset=TEXT), target("images", image_id=TEXT, subset=TEXT)


def test_the_foreign_keys_of_the_tables_are_declared_once():
    every = [(table, e) for table in schemas.table_names() for e in suites.load_suite(table).expectations]
    assert {(table, e.name): e.meta.references for table, e in every if e.meta.references} == DECLARED


@pytest.mark.parametrize("place", DECLARED)
def test_the_tables_as_they_are_made_are_followed(warehouse: str, place: tuple[str, str]):
    """What Delta says of their columns fits the query that their suite carries."""
    table, name = place
    opened = {one: DeltaTable(join_uri(warehouse, one)) for one in (table, DECLARED[place].table)}
    mine, other = (
        replace(target(one), schema=pa.schema(delta.schema().to_arrow()), suite=suite_properties.carried_suite(delta))
        for one, delta in opened.items()
    )
    (expectation,) = [one for one in mine.suite.expectations if one.name == name]
    assert foreign_keys.provable_reference(expectation, mine, other) == Reference(
        name, DECLARED[place].columns[0], DECLARED[place].their_columns[0], []
    )


@pytest.mark.parametrize("why", LEFT_TO_SPARK)
def test_a_query_that_its_foreign_key_does_not_stand_for_is_left_to_spark(why: str):
    assert foreign_keys.provable_reference(asked(IMAGE), LABELS, IMAGES) == Reference("q", "image_id", "image_id", [])
    assert foreign_keys.provable_reference(asked(IMAGE, LEFT_TO_SPARK[why]), LABELS, IMAGES) is None


def test_what_the_files_of_one_column_cannot_show_is_left_to_spark():
    both = ForeignKey(("image_id", "subset"), "images", ("image_id", "subset"))
    assert foreign_keys.provable_reference(asked(both, orphans_query(both, "labels", ())), LABELS, IMAGES) is None
    assert foreign_keys.provable_reference(asked(None), LABELS, IMAGES) is None
    for held in (target("labels", image_id=WHOLE), target("labels", ("image_id",), image_id=TEXT), target("labels")):
        assert foreign_keys.provable_reference(asked(IMAGE), held, IMAGES) is None


def test_a_row_without_a_value_refers_to_nothing(spark: SparkSession):
    """Where the column may be NULL the query says so; both keys of a pair count, and a table may refer to itself."""
    key = ForeignKey(("mid", "subset"), "many", ("mid", "subset"), counted_by=("subset",))
    rows = spark.createDataFrame(
        [("a", "x"), ("b", "x"), ("b", None), (None, "x"), ("c", "y")], "mid string, subset string"
    )
    rows.createOrReplaceTempView("batch_of_many")
    rows.where("mid = 'a'").createOrReplaceTempView("many")
    query = orphans_query(key, "many", ["mid", "subset"]).format(batch="batch_of_many")
    assert sorted(map(tuple, spark.sql(query).collect())) == [("x", 1), ("y", 1)]


def table(folder: Path, *files: list[str | None], column: str = "id") -> list[TableFile]:
    folder.mkdir(exist_ok=True)
    found = []
    for n, values in enumerate(files):
        path = folder / f"{n}.parquet"
        pq.write_table(pa.table({"other": [n] * len(values), column: pa.array(values, pa.string())}), path)
        found.append(TableFile(str(path), {}, path.stat().st_size))
    return found


def shown(files: list[TableFile], *batches: Any) -> bool:
    follower = ForeignKeyProbe(Reference("q", "mine", "id", files), {"subset": "test"})
    for batch in batches:
        follower.add(pa.chunked_array([batch]))
    follower.look_up()
    return follower.is_shown


def hexes(*numbers: int) -> list[str | None]:
    return [f"{number:016x}" for number in numbers]


def test_every_value_must_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """IDs as numbers and other texts alike, in any order, over several files and batches."""
    there = table(tmp_path, hexes(1, 2, 2**64 - 1), hexes(7, 5), [])
    assert shown(there, pa.array(hexes(7, 7, 1)), pa.array(hexes(2**64 - 1, 2)))
    assert not shown(there, pa.array(hexes(7, 7, 1)), pa.array(hexes(3)))
    assert not shown(there, pa.array(hexes(2**64 - 2)))
    assert not shown(there, pa.array(["banana"]))
    assert not shown([], pa.array(hexes(1)))
    assert shown([])
    assert not shown(there, pa.array([*hexes(1), None]))
    texts = table(tmp_path / "texts", ["/m/0a", None], ["/m/0c"])
    coded = pa.array(["/m/0c", "/m/0a"]).dictionary_encode()
    assert shown(texts, coded, coded.slice(1))
    assert not shown(texts, pa.array(["/m/0b"]).dictionary_encode())
    assert not shown(texts, pa.array([None], pa.string()).dictionary_encode())
    monkeypatch.setattr(foreign_keys, "HELD_VALUES", 1)
    assert shown(there, pa.array(hexes(7, 7, 1)), pa.array(hexes(2)), pa.array(hexes(5)))
    assert not shown(there, pa.array(hexes(3)), pa.array(hexes(7)), pa.array(hexes(1)))


def test_what_cannot_be_read_shows_nothing(tmp_path: Path):
    there = table(tmp_path, hexes(1))
    assert shown(there, pa.array(hexes(1)))
    assert not shown(table(tmp_path, hexes(1), column="another"), pa.array(hexes(1)))
    Path(there[0].uri).write_bytes(b"PAR1")
    assert not shown(there, pa.array(hexes(1)))
    Path(there[0].uri).unlink()
    assert not shown(there, pa.array(hexes(1)))


IDS = st.lists(st.sampled_from([*hexes(*range(6)), "x", None]), max_size=8)


@given(ours=st.lists(IDS, max_size=3), theirs=st.lists(IDS, max_size=3))
def test_it_is_shown_where_no_row_lacks_a_partner_and_nowhere_else(
    tmp_path_factory: pytest.TempPathFactory, ours: list[list[str | None]], theirs: list[list[str | None]]
):
    known = {value for file in theirs for value in file if value is not None}
    lacking = [value for batch in ours for value in batch if value not in known]
    files = table(tmp_path_factory.mktemp("their"), *theirs)
    assert shown(files, *(pa.array(batch, pa.string()) for batch in ours)) == (not lacking)
