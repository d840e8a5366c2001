"""Published rows without Spark: as datasets and as views of an engine that reaches nothing else; and what docs show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

import oilake
from oilake.conf.errors import ConfigError, StoreError
from tests.support import view_lake
from tests.support.doc_examples import READING, VERDICTS_OF_DOGS, reading_examples, run_example
from tests.support.releases import CAT, DOG, image_id

pytestmark = pytest.mark.lengthy

REFUSED = {
    "a release that is not there": ("SELECT * FROM v9.labels", "release 'v9' is not published here (published: v2, v3, v5)"),
    "a table that no release has": ("FROM v2.label_changes", "run `oilake changes --from R --to v2` first"),
    "a table that is none": ("SELECT * FROM v3.secrets", "does not exist"),
    "a file": ("SELECT * FROM '{file}'", "the query cannot be answered"),
    "a file by a function": ("SELECT * FROM read_text('{file}')", "the query cannot be answered"),
    "a variable of this process": ("SELECT * FROM secret", "does not exist"),
    "writing": ("COPY (SELECT 1) TO '{file}'", "the query is COPY; ask one SELECT"),
    "a setting": ("SET enable_external_access = true", "the query is SET; ask one SELECT"),
    "two statements": ("SELECT 1; SELECT 2", "the query is SELECT, SELECT; ask one SELECT"),
    "nothing": ("", "the query is empty"),
    "half a query": ("SELECT FROM WHERE", "syntax error"),
    "an unknown column": ("SELECT colour FROM v3.images", '"colour" not found'),
}  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    return view_lake.fill(view_lake.make_tables(str(tmp_path_factory.mktemp("views") / "lake")))


def asked(lake: str, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    return oilake.sql(query, values, warehouse=lake).fetchall()


def sorted_column(rows: Sequence[dict[str, Any]], column: str) -> list[Any]:
    return sorted(row[column] for row in rows)


def test_a_dataset_holds_the_rows_of_a_release_or_of_all(lake: str) -> None:
    rows = oilake.scan("image_labels", release="v3", warehouse=lake).to_table().to_pylist()
    expected = view_lake.labels_of("v3", 130)
    assert sorted_column(rows, "image_id") == sorted_column(expected, "image_id")
    assert {row["release"] for row in rows} == {"v3"}
    assert {row["subset"] for row in rows} == {"train", "validation"}
    every = oilake.scan("image_labels", warehouse=lake)
    assert every.count_rows() == len(expected) + len(view_lake.labels_of("v2", 60))
    assert oilake.scan("image_changes", "v3", lake, since="v2").count_rows() == 70
    with pytest.raises(ConfigError, match="run `oilake changes --from v1 --to v3` first"):
        oilake.scan("image_changes", "v3", lake, since="v1")
    assert oilake.scan("blob_checks", "v3", lake).count_rows() == 3


def test_a_release_of_a_view_is_its_schema(lake: str) -> None:
    assert asked(lake, "SELECT count(*) FROM v2.images") == [(60,)]
    assert asked(lake, 'SELECT count(*) FROM memory."V3".Images AS i') == [(140,)]
    assert asked(lake, "SELECT release, count(*) FROM images GROUP BY ALL ORDER BY ALL") == [
        ("v2", 60), ("v3", 140), ("v5", 3),
    ]  # fmt: skip
    joined = "WITH late AS (FROM v3.images) SELECT count(*) FROM late ANTI JOIN v2.images USING (image_id)"
    assert asked(lake, joined) == [(80,)]
    assert asked(lake, "WITH boxes AS (SELECT 1 AS n) SELECT n FROM boxes") == [(1,)]
    assert len(asked(lake, "DESCRIBE v3.boxes")) == 16
    assert asked(lake, "SELECT change, count(*) FROM v3.image_changes GROUP BY 1") == [("added", 70)]
    assert asked(lake, "SELECT status FROM blob_checks ORDER BY 1") == [("missing",), ("unexpected",), ("verified",)]
    assert asked(lake, "SELECT points[1].x FROM (SELECT clicks AS points FROM v5.masks)") == [(0.2,)]


def test_values_are_bound(lake: str) -> None:
    query = "SELECT count(*) FROM v3.image_labels WHERE mid = {} AND subset = {}"
    assert asked(lake, query.format("?", "?"), [DOG, "validation"]) == [(10,)]
    assert asked(lake, query.format("$mid", "$subset"), {"mid": CAT, "subset": "train"}) == [(33,)]


def test_an_answer_outlives_the_call_that_asked(lake: str) -> None:
    relation = oilake.sql("SELECT image_id FROM v3.box_changes", warehouse=lake)
    assert relation.filter("image_id IS NOT NULL").fetchall() == [(image_id(2),)]
    with pytest.raises(duckdb.Error):
        relation.query("answer", f"SELECT * FROM read_text('{READING}')").fetchall()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_question_about_published_rows_is_one_sentence(lake: str, tmp_path: Path, name: str) -> None:
    secret = oilake.scan("images", warehouse=lake)
    query, words = REFUSED[name]
    (tmp_path / "secret.txt").write_text(f"a secret of {secret}")
    with pytest.raises(ConfigError) as error:
        asked(lake, query.format(file=tmp_path / "secret.txt"))
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert (tmp_path / "secret.txt").read_text().startswith("a secret")


def test_a_query_that_is_no_text_is_one_sentence(lake: str) -> None:
    with pytest.raises(ConfigError, match="the query must be a text with one SELECT, not int"):
        oilake.sql(5, warehouse=lake)  # type: ignore[arg-type]


def test_rows_that_are_gone_are_told(tmp_path: Path) -> None:
    place = view_lake.fill(view_lake.make_tables(str(tmp_path / "lake")))
    next((tmp_path / "lake" / "boxes").rglob("*.parquet")).unlink()
    with pytest.raises(StoreError, match="run `oilake ingest --release v3` to make them again"):
        asked(place, "SELECT * FROM v3.boxes")


@pytest.mark.parametrize("damage", ["cut", "garbled", "no footer", "gone"])
@pytest.mark.parametrize("table", ["boxes", "blob_checks"])
def test_rows_that_cannot_be_read_are_one_sentence(tmp_path: Path, table: str, damage: str) -> None:
    place = view_lake.fill(view_lake.make_tables(str(tmp_path / "lake")))
    for file in (tmp_path / "lake" / table).rglob("*.parquet"):
        whole = file.read_bytes()
        file.write_bytes({"cut": whole[:-9], "garbled": b"PAR1 no more"}.get(damage, whole[:-4] + b"xxxx"))
        if damage == "gone":
            file.unlink()
    for read in (
        lambda: asked(place, f"SELECT * FROM {table}"),
        lambda: oilake.scan(table, warehouse=place).to_table(),
    ):
        with pytest.raises(StoreError) as error:
            read()
        assert len(str(error.value).splitlines()) == 1
        assert ("run `oilake ingest --release v" if table == "boxes" else "restore it from a copy") in str(error.value)


def test_neither_the_package_nor_these_doors_import_spark(lake: str) -> None:
    script = (
        "import sys, oilake; assert not {'pyarrow', 'duckdb', 'pandas', 'pyspark'} & set(sys.modules), 'dear import'\n"
        f"print(oilake.sql('SELECT count(*) FROM v2.images', warehouse={lake!r}).fetchall())\n"
        f"print(oilake.scan('images', 'v2', {lake!r}).count_rows())\n"
        "assert 'pyspark' not in sys.modules, 'Spark'"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[(60,)]\n60\n"), done.stderr


def test_the_examples_of_docs_give_what_the_tables_hold(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OILAKE_WAREHOUSE", lake)
    examples = [text for text in reading_examples() if "oilake.read(" not in text]
    assert [run_example(text) for text in examples] == [
        [("train", 130), ("validation", 10)],
        [],
        VERDICTS_OF_DOGS, VERDICTS_OF_DOGS, VERDICTS_OF_DOGS,
        ["v2", "v3"],
    ]  # fmt: skip
