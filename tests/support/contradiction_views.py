"""The raw rows of a sample as views for tests/support/contradiction_sql.py: DuckDB's own CSV reader, and csv and json."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.support import contradiction_sql, plain_sample
from tests.support.contradiction_sql import Contradiction
from tests.support.plain_sample import SUBSETS

MASKS = {"v5": dict.fromkeys(SUBSETS, "v5/{0}-annotations-object-segmentation.csv")}
RELATIONSHIPS = {
    "v4": {"train": "2019_01/train/challenge-2018-train-vrd.csv"},
    "v5": dict.fromkeys(SUBSETS[1:], "v5/{0}-annotations-vrd.csv"),
    "v6": dict.fromkeys(SUBSETS, "v6/oidv6-{0}-annotations-vrd.csv"),
}
POINTS = {"v7": {s: f"v7/oidv7-{'val' if s == 'validation' else s}-annotations-point-labels.csv" for s in SUBSETS}}
ROW_FILES = {"boxes": plain_sample.BOXES, "masks": MASKS, "relationships": RELATIONSHIPS, "points": POINTS}
BOXABLE = {
    "v4": "2018_04/class-descriptions-boxable.csv",
    "v5": "v5/class-descriptions-boxable.csv",
    "v6": "v5/class-descriptions-boxable.csv",
    "v7": "v7/oidv7-class-descriptions-boxable.csv",
}
SIDES = "CAST({0}XMin{1} AS DOUBLE) AS x_min{2}, CAST({0}XMax{1} AS DOUBLE) AS x_max{2}, " \
    "CAST({0}YMin{1} AS DOUBLE) AS y_min{2}, CAST({0}YMax{1} AS DOUBLE) AS y_max{2}"  # fmt: skip
VERDICTS = """
  SELECT image_id, mid, bool_or(says) FILTER (source = 'verification') AS human,
    bool_or(says) FILTER (source = 'crowdsource-verification') AS crowd
  FROM (SELECT ImageID AS image_id, LabelName AS mid, Source AS source, CAST(Confidence AS DOUBLE) = 1 AS says FROM {0})
  GROUP BY ALL"""
VIEWS = {
    "verdicts": VERDICTS,
    "boxes": f"SELECT ImageID AS image_id, LabelName AS mid, {SIDES.format('', '', '')} FROM {{0}}",
    "masks": f"SELECT ImageID AS image_id, LabelName AS mid, BoxID AS box_id, {SIDES.format('Box', '', '')} FROM {{0}}",
    "relationships": "SELECT ImageID AS image_id, LabelName1 AS mid_1, LabelName2 AS mid_2, "
    f"RelationshipLabel AS relationship, {SIDES.format('', 1, '_1')}, {SIDES.format('', 2, '_2')} FROM {{0}}",
    "points": "SELECT ImageId AS image_id, Label AS mid, CAST(YesVotes AS BIGINT) AS yes_votes, "
    "CAST(NoVotes AS BIGINT) AS no_votes FROM {0}",
    "images": "SELECT ImageID AS image_id FROM {0}",
}  # fmt: skip
HEADERS = {
    "boxes": "ImageID,LabelName,XMin,XMax,YMin,YMax",
    "masks": "ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax",
    "relationships": "ImageID,LabelName1,LabelName2,XMin1,XMax1,YMin1,YMax1,XMin2,XMax2,YMin2,YMax2,RelationshipLabel",
    "points": "ImageId,Label,YesVotes,NoVotes",
}


def judged_kinds(release: str, subset: str) -> list[str]:
    """The kinds that a subset of a plain release can be judged by, as docs/contradictions.md says."""
    missing = set()
    if release < "v5":
        missing |= {"mask_of_denied_class", "mask_without_box"}
    if not files_of(RELATIONSHIPS, release, subset):
        missing.add("relationship_of_denied_class")
    if release < "v7":
        missing.add("outvoted_verdict")
    if subset == "train":
        missing.add("positive_without_box")
    return [kind for kind in contradiction_sql.QUERIES if kind not in missing]


def files_of(names: dict[str, dict[str, str]], release: str, subset: str) -> list[str]:
    """The file of a table in a release, which may be that of an earlier one; none where it has none."""
    if any(name <= release and subset in files for name, files in names.items()):
        return [plain_sample.file_of(names, release, subset)]
    return []


def plain_contradictions(sample: Path, release: str) -> dict[str, Counter[Contradiction]]:
    """What contradicts what in the files of V4 or later, by subset."""
    return {subset: _of_subset(sample, release, subset) for subset in SUBSETS}


def _of_subset(sample: Path, release: str, subset: str) -> Counter[Contradiction]:
    files = {
        "verdicts": [
            f for names in (plain_sample.HUMAN, plain_sample.MACHINE) for f in files_of(names, release, subset)
        ],
        **{table: files_of(names, release, subset) for table, names in ROW_FILES.items()},
        "images": [plain_sample.IMAGES],
    }
    with duckdb.connect() as connection:
        for name, paths in files.items():
            query = VIEWS[name].format(_read_csv(sample, paths)) if paths else without_rows(name)
            connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
        with (sample / BOXABLE[release]).open(newline="") as file:
            boxable = {row[0] for row in csv.reader(file)} - {"LabelName"}
        names = {*plain_sample.class_names(sample, release), *boxable}
        listed = [{"mid": mid, "is_boxable": mid in boxable} for mid in sorted(names)]
        edges = {
            (child, above) for kind, above, child in plain_sample.edges(plain_sample.tree(sample)) if kind != "Part"
        }
        connection.register("classes", pa.Table.from_pylist(listed))
        connection.register("edges", pa.Table.from_pylist([{"child": c, "parent": p} for c, p in sorted(edges)]))
        return contradiction_sql.expected(connection, judged_kinds(release, subset))


def _read_csv(sample: Path, paths: list[str]) -> str:
    listed = ", ".join(f"'{sample / path}'" for path in paths)
    return f"read_csv([{listed}], header = true, all_varchar = true)"


def without_rows(table: str) -> str:
    """A query with the columns of a table and no row."""
    columns = ", ".join(f"NULL::VARCHAR AS {name}" for name in HEADERS[table].split(","))
    return VIEWS[table].format(f"(SELECT {columns} WHERE false)")
