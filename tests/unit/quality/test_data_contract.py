"""Contracts tell what schemas/ and quality/ say, their questions find rows that break them, and datacontract takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import oilake
from oilake.conf.errors import StoreError
from oilake.jobs import cli
from oilake.jobs.contract import write_contracts
from oilake.quality.data_contract import table_contract
from oilake.quality.suites import load_suite
from oilake.schemas import loader as schemas
from tests.support import view_lake
from tests.support.consumers import consumer_python, run_consumer
from tests.support.releases import DOG

LINT = """
import sys
from datacontract.data_contract import DataContract
for file in sys.argv[1:]:
    run = DataContract(data_contract_file=file).lint()
    print(run.result.value, [check.reason for check in run.checks])
"""
INVERTED = {"x_min": 0.9, "x_max": 0.1}


def contract_schema(table: str) -> dict[str, Any]:
    schema: dict[str, Any] = table_contract(table, "as it is")["schema"][0]
    return schema


@pytest.mark.parametrize("name", schemas.table_names())
def test_a_contract_tells_all_columns_and_promises(name: str) -> None:
    table, suite, schema = schemas.table_schema(name), load_suite(name), contract_schema(name)
    columns = {entry["name"]: entry for entry in schema["properties"]}
    assert list(columns) == [column.name for column in table.columns]
    assert [n for n, entry in columns.items() if entry["required"]] == [c.name for c in table.columns if not c.nullable]
    assert {name for name, entry in columns.items() if entry.get("primaryKey")} == set(table.key)
    assert {name for name, entry in columns.items() if entry.get("partitioned")} == set(table.partition_by)
    promised = [entry["name"] for entry in schema.get("quality", [])]
    left = [e for e in suite.expectations if e.name not in promised]
    assert all(columns[e.columns[0]]["required"] for e in left), "what is not told is that a column is required"
    assert all(entry["name"] in {e.name for e in suite.expectations} for entry in schema.get("quality", []))


def test_nested_types_keys_and_references_are_told() -> None:
    points = next(c for c in contract_schema("boxes")["properties"] if c["name"] == "extreme_points")
    fields = [{"name": name, "logicalType": "number"} for name in ("x", "y")]
    assert (points["logicalType"], points["items"]) == ("array", {"logicalType": "object", "properties": fields})
    assert contract_schema("boxes")["relationships"] == [{"from": "boxes.image_id", "to": "images.image_id"}]
    unique = [entry for entry in contract_schema("images")["quality"] if entry["type"] == "library"]
    assert [entry["arguments"] for entry in unique][:1] == [{"properties": ["release", "image_id"]}]


@pytest.mark.lengthy
def test_a_question_in_sql_counts_the_rows_that_break_a_promise(tmp_path: Path) -> None:
    place = view_lake.make_tables(str(tmp_path / "lake"))
    boxes = [view_lake.box("v3", 0, DOG), view_lake.box("v3", 1, DOG, **INVERTED)]
    view_lake.publish_rows(place, "v3", "ingest", {"boxes": boxes})
    asked = {e["name"]: e for e in contract_schema("boxes")["quality"] if e["type"] == "sql"}
    counts = {
        name: oilake.sql(entry["query"], warehouse=place).fetchall()[0][0]
        for name, entry in asked.items()
        if "regexp_like" not in entry["query"]
    }
    broken = {name for name, count in counts.items() if count}
    assert broken == {"x_max_x_min_pair_values_a_to_be_greater_than_b", "box_without_width"}
    assert len(counts) > 10


def test_the_command_writes_a_file_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["contract", "boxes", "images", "--out", str(tmp_path / "out"), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)
    assert [Path(file).name for file in files] == ["boxes.odcs.yaml", "images.odcs.yaml"]
    contract = yaml.safe_load(Path(files[0]).read_text())
    assert (contract["apiVersion"], contract["version"]) == ("v3.1.0", f"{load_suite('boxes').version}.0.0")
    assert "verify the licence of each image yourself" in contract["description"]["limitations"]


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("colours",), "unknown table 'colours'"),
        (("--out", "{file}"), "is a file; --out must name"),
        (("--out", "{file}/out"), "contracts cannot be written"),
        (("--out", "{folder}"), "holds thesis.txt, which is no contract"),
        (("--out", "s3://bucket/x"), "folder of this machine"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").touch()
    out = () if "--out" in words else ("--out", str(tmp_path / "out"))
    places = {"file": tmp_path / "file", "folder": tmp_path / "folder"}
    assert cli.main(["contract", *(word.format(**places) for word in words), *out]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not (tmp_path / "out").exists()


def test_contracts_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    write_contracts(["boxes"], out)
    before, write = (out / "boxes.odcs.yaml").read_text(), Path.write_text

    def fill_disk(self: Path, *words: Any, **named: Any) -> int:
        if self.name.startswith("images"):
            raise OSError(28, "No space left on device")
        return write(self, f"new {words[0]}", **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", fill_disk)
        with pytest.raises(StoreError, match="contracts cannot be written"):
            write_contracts(["boxes", "images"], out)
    assert (out / "boxes.odcs.yaml").read_text() == before
    write_contracts(["images"], out)
    assert sorted(path.name for path in out.iterdir()) == ["boxes.odcs.yaml", "images.odcs.yaml"]
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.slow
def test_datacontract_takes_every_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python = consumer_python("contract", "datacontract-cli==1.2.8")
    assert cli.main(["contract", "--out", str(tmp_path), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)
    broken = tmp_path / "broken.yaml"
    broken.write_text(Path(files[0]).read_text().replace("apiVersion: v3.1.0", "apiVersion: v3.1.0\ncolour: red"))
    *results, refused = run_consumer(python, LINT, *files, str(broken)).splitlines()
    assert len(results) == len(schemas.table_names())
    assert all(result.startswith("passed") for result in results), results
    assert not refused.startswith("passed")
