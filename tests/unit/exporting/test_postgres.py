"""PostgreSQL itself loads the export, twice, and answers the questions of the docs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from oilake.jobs.exporting.postgres_format import TABLES, copy_lines, table_columns
from tests.support import export_lake, postgres_server
from tests.support.export_lake import COMPUTER_MOUSE, KEPT_BOXES, LABELS, MOUSE
from tests.support.postgres_server import run_psql
from tests.support.releases import DOG, image_id
from tests.support.view_lake import ANIMAL
from tests.unit.exporting.conftest import Export

pytestmark = pytest.mark.lengthy

DOCS = Path(__file__).resolve().parents[3] / "docs" / "exports.md"
ROWS = {
    "classes": export_lake.classes(),
    "images": export_lake.images(),
    "image_labels": LABELS,
    "boxes": KEPT_BOXES,
}

# To the last six questions, in the order of the docs; a space stands for the tab between columns.
ANSWERS = [
    ["Cat 2 1", "Dog 2 1", "Animal 1 0"],
    [f"{DOG} {ANIMAL} 1"],
    ["train 2.00", "validation 1.00"],
    ["Cat 0 1", "Dog 1 0", "Mouse 0 0", "Mouse 0 1"],
    sorted([f"{image_id(0)} {MOUSE}", f"{image_id(1)} {COMPUTER_MOUSE}"]),
    ["Ann https://creativecommons.org/licenses/by/3.0/ 1", "Ann  1"],
]


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    if not postgres_server.is_installed():
        pytest.skip("install PostgreSQL (Debian: postgresql) to load the export by it")
    with postgres_server.running_server() as folder:
        yield folder


def load(server: Path, out: Path) -> None:
    done = run_psql(server, "-f", "load.sql", cwd=out)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "NOTICE" not in line]) == (0, [])


def rows_of(server: Path, table: str) -> list[dict[str, Any]]:
    done = run_psql(server, "-c", f"SELECT row_to_json(t) FROM open_images.{table} AS t")
    assert done.returncode == 0, done.stderr
    return [json.loads(line, parse_int=float) for line in done.stdout.splitlines()]


def sorted_rows(rows: list[dict[str, Any]], columns: list[str]) -> list[str]:
    """The rows in an order of their own; JSON tells 1 from 1.0, and a column does not."""
    plain = [{name: float(v) if type(v := row.get(name)) is int else v for name in columns} for row in rows]
    return sorted(json.dumps(row, sort_keys=True) for row in plain)


def test_postgres_holds_what_the_tables_hold_however_often_it_is_loaded(
    server: Path, export: Export, out: Path
) -> None:
    counted = export("postgres")
    for _ in range(2):
        load(server, out)
        for table in TABLES:
            columns = table_columns(table)
            assert counted[table] == len(ROWS[table])
            assert sorted_rows(rows_of(server, table), columns) == sorted_rows(ROWS[table], columns)


def test_an_export_of_less_takes_the_place_of_the_one_before(server: Path, export: Export, out: Path) -> None:
    export("postgres")
    load(server, out)
    export("postgres", "--subset", "validation")
    load(server, out)
    assert len(rows_of(server, "images")) == 1


def test_keys_comments_and_indexes_are_there(server: Path, export: Export, out: Path) -> None:
    export("postgres")
    load(server, out)
    keys = run_psql(
        server, "-c", "SELECT conname FROM pg_constraint WHERE connamespace = 'open_images'::regnamespace ORDER BY 1"
    )
    assert keys.stdout.split() == [
        "boxes_image_id_fkey", "classes_pkey", "image_labels_image_id_fkey", "image_labels_pkey", "images_pkey"
    ]  # fmt: skip
    comment = run_psql(server, "-c", "SELECT obj_description('open_images.boxes'::regclass)")
    assert comment.stdout.strip() == "Every published bounding box, row by row."
    indexes = run_psql(server, "-c", "SELECT count(*) FROM pg_indexes WHERE schemaname = 'open_images'")
    assert int(indexes.stdout) == 8


def test_the_questions_of_the_docs_are_answered(server: Path, export: Export, out: Path) -> None:
    export("postgres")
    load(server, out)
    blocks = re.findall(r"```sql\n(.*?)```", (DOCS).read_text(), re.DOTALL)
    setting, *questions = [part for part in re.split(r"(?<=;)\n", blocks[0]) if part.strip()]
    answers = [run_psql(server, "-c", setting + question) for question in questions]
    assert [answer.stderr for answer in answers] == [""] * len(questions)
    assert len(questions) == 10
    ids, classes, denied, boxless, *others = (answer.stdout.splitlines() for answer in answers)
    assert sorted(line.split("\t")[0] for line in ids) == [ROWS["images"][0]["image_id"], ROWS["images"][3]["image_id"]]
    assert sorted(classes) == ["Cat\t1", "Dog\t2", "Mouse\t1", "Mouse\t1"]
    assert [line.split("\t")[1] for line in denied] == ["/m/0bt9lr"]
    assert boxless == ["1"]
    assert others == [[line.replace(" ", "\t") for line in lines] for lines in ANSWERS]


def test_text_is_escaped_as_copy_reads_it() -> None:
    rows = pa.table({"a": ['A "b"\t\\N\nc\r\x00', None], "b": [0.1, None], "c": [True, False]})
    assert copy_lines(rows).to_pylist() == ['A "b"\\t\\\\N\\nc\\r\ufffd\t0.1\ttrue', "\\N\t\\N\tfalse"]
