"""Cards of an export: what they say stands in its files, and mlcroissant reads the rows by them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from oilake.jobs import cli
from tests.support.consumers import consumer_python, run_consumer
from tests.support.export_lake import KEPT_BOXES, PUBLISHED_LABELS, images
from tests.unit.exporting.conftest import Export

Card = Callable[[Path], dict[str, Any]]
READ = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(sys.argv[1])
issues = dataset.metadata.ctx.issues
plain = lambda value: value.decode() if isinstance(value, bytes) else None if value != value else value
rows = {
    name: [{key.split("/")[1]: plain(value) for key, value in row.items()} for row in dataset.records(name)]
    for name in (record_set.name for record_set in dataset.metadata.record_sets)
}
print(json.dumps({"errors": list(issues.errors), "rows": rows}, default=str))
"""


@pytest.fixture
def card(capsys: pytest.CaptureFixture[str]) -> Card:
    """Writes the cards of an export; the Croissant metadata."""

    def written(folder: Path) -> dict[str, Any]:
        assert cli.main(["card", str(folder), "--json"]) == 0
        assert str(folder / "croissant.json") in json.loads(capsys.readouterr().out)
        metadata: dict[str, Any] = json.loads((folder / "croissant.json").read_text())
        return metadata

    return written


def test_checksums_licences_and_columns_are_those_of_the_export(export: Export, out: Path, card: Card) -> None:
    export("bigquery")
    metadata = card(out)
    manifest = json.loads((out / "export.json").read_text())
    assert metadata["version"] == f"7.0.{manifest['snapshot']}"
    assert metadata["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert "verify the licence of each image yourself" in metadata["description"]
    assert "openimages2020" in metadata["citeAs"]
    assert metadata["rai:dataBiases"]
    objects = [entry for entry in metadata["distribution"] if entry["@type"] == "cr:FileObject"]
    assert {entry["contentUrl"] for entry in objects} == {str(p.relative_to(out)) for p in out.rglob("*.parquet")}
    assert all(entry["sha256"] == hashlib.sha256((out / entry["@id"]).read_bytes()).hexdigest() for entry in objects)
    for record_set in metadata["recordSet"]:
        columns = pq.read_schema(next((out / record_set["name"]).glob("*.parquet"))).names
        assert [field["source"]["extract"]["column"] for field in record_set["field"]] == columns
        assert all(field["description"] != name for field, name in zip(record_set["field"], columns, strict=True))


@pytest.mark.lengthy
@pytest.mark.parametrize("damage", ["gone", "another", "cut"])
def test_a_damaged_export_gets_no_card(
    export: Export, out: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    export("bigquery")
    file = max(out.rglob("*.parquet"))
    if damage == "gone":
        file.unlink()
    elif damage == "another":
        file.with_name("another.parquet").write_bytes(file.read_bytes())
    else:
        file.write_bytes(file.read_bytes()[:-9])
    assert cli.main(["card", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("; export again")
    assert not (out / "croissant.json").exists()


@pytest.mark.lengthy
def test_a_card_for_hugging_face_is_written_where_there_is_none(export: Export, out: Path, card: Card) -> None:
    export("bigquery")
    card(out)
    configs = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])["configs"]
    assert {config["config_name"] for config in configs} == {"images", "labels", "annotations_bbox", "dict"}
    assert all(list(out.glob(files["path"])) for config in configs for files in config["data_files"])
    export("huggingface")
    before = (out / "README.md").read_text()
    (record_set,) = card(out)["recordSet"]
    assert (out / "README.md").read_text() == before
    names = [field["name"] for field in record_set["field"]]
    assert "data/image_id" in names
    assert "data/objects" not in names, "nested"
    export("bigquery")
    assert not (out / "croissant.json").exists(), "an export takes the place of the one before, its cards too"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "export.json: no such file; name the folder of an export"),
        ({"export.json": "[1"}, "is no manifest of an export"),
        ({"export.json": "[]"}, "is no manifest of an export"),
        ({"export.json": '{"format": "coco", "release": 7}'}, "(it names no snapshot)"),
        ({"export.json": "{}"}, "is no manifest of an export (it names no snapshot)"),
        (
            {"export.json": '{"format": "coco", "release": "v7", "snapshot": 1, "published_at": ""}'},
            "its files are not those that the export wrote",
        ),
    ],
)
def test_what_is_no_export_of_tables_is_one_sentence(
    out: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], told: str
) -> None:
    out.mkdir()
    for name, text in files.items():
        (out / name).write_text(text)
    assert cli.main(["card", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert sorted(path.name for path in out.iterdir()) == sorted(files)


def test_a_damaged_file_is_the_stores_fault(export: Export, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export("bigquery")
    damaged = next((out / "images").glob("*.parquet"))
    damaged.write_bytes(b"PAR1 no more")
    assert cli.main(["card", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{damaged}: cannot be read" in line
    assert not (out / "croissant.json").exists()


@pytest.mark.slow
def test_mlcroissant_reads_the_rows(export: Export, out: Path, card: Card) -> None:
    python = consumer_python("croissant", "mlcroissant[parquet]==1.1.1")
    export("bigquery")
    card(out)
    read = json.loads(run_consumer(python, READ, str(out / "croissant.json")))
    assert read["errors"] == []
    rows = read["rows"]
    for name, expected in (("images", images()), ("labels", PUBLISHED_LABELS), ("annotations_bbox", KEPT_BOXES)):
        assert sorted(row["image_id"] for row in rows[name]) == sorted(row["image_id"] for row in expected)
    edges = ("x_min", "x_max", "y_min", "y_max")
    boxes = sorted([row["label_name"], *(row[edge] for edge in edges)] for row in rows["annotations_bbox"])
    assert boxes == sorted([row["mid"], *(row[edge] for edge in edges)] for row in KEPT_BOXES)
    assert len(rows["dict"]) == 7
