"""Rows without a partner: what reading files may say in place of a query, and that it says so only where it is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.judging import references
from jobs.judging.references import Follower, Reference
from jobs.tables.targets import File
from quality import loader, scopes
from quality.loader import Expectation, Meta

FOLLOWED = {
    ("labels", "label_of_unknown_image"): ("image_id", "images", "image_id"),
    ("labels", "label_of_unknown_class"): ("mid", "classes", "mid"),
    ("boxes", "box_on_unknown_image"): ("image_id", "images", "image_id"),
}
PARTNER = "WHERE NOT EXISTS (SELECT 1 FROM images i WHERE i.image_id = l.image_id)"
LEFT_TO_SPARK = {
    "an aggregate finds a row in no rows": f"SELECT count(*) FROM {{batch}} l {PARTNER}",
    "a second condition": f"SELECT l.mid FROM {{batch}} l {PARTNER} OR l.mid = '/m/0'",
    "a negation": "SELECT l.mid FROM {batch} l " + PARTNER.replace("NOT EXISTS", "EXISTS"),
    "a union before": f"SELECT 1 FROM images UNION SELECT l.mid FROM {{batch}} l {PARTNER}",
    "a union after": f"SELECT l.mid FROM {{batch}} l {PARTNER} GROUP BY l.mid UNION SELECT mid FROM images",
    "another comparison": "SELECT l.mid FROM {batch} l " + PARTNER.replace("=", "<>"),
    "rows that are grouped by something else": (
        f"SELECT l.mid FROM (SELECT mid, count(*) AS n FROM {{batch}} GROUP BY mid) l {PARTNER}"
    ),
    "two tables": f"SELECT l.mid FROM {{batch}} l, images x {PARTNER}",
}


def query(text: str) -> Expectation:
    kwargs = {"unexpected_rows_query": text}
    return Expectation(scopes.QUERY, kwargs, "warning", "d", Meta("cross_table", name="q", reads=("images",)))


def test_the_queries_for_rows_without_a_partner_are_known():
    every = [(t, e) for t in ("labels", "boxes", "image_labels", "classes") for e in loader.load(t).expectations]
    found = {(table, e.name): references.names(e) for table, e in every}
    assert {place: known for place, known in found.items() if known} == FOLLOWED


@pytest.mark.parametrize("why", LEFT_TO_SPARK)
def test_a_query_of_any_other_form_is_left_to_spark(why: str):
    assert references.names(query(f"SELECT l.mid FROM {{batch}} l {PARTNER}")) == ("image_id", "images", "image_id")
    assert references.names(query(LEFT_TO_SPARK[why])) is None


def table(folder: Path, *files: list[str | None], column: str = "id") -> list[File]:
    folder.mkdir(exist_ok=True)
    found = []
    for n, values in enumerate(files):
        path = folder / f"{n}.parquet"
        pq.write_table(pa.table({"other": [n] * len(values), column: pa.array(values, pa.string())}), path)
        found.append(File(str(path), {}, path.stat().st_size))
    return found


def shown(files: list[File], *batches: Any) -> bool:
    follower = Follower(Reference("q", "mine", "id", files), {"subset": "test"})
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
    monkeypatch.setattr(references, "HELD", 1)
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
