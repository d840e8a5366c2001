"""What is published of a release in part is told by table and subset."""

from __future__ import annotations

from oilake.jobs.tables.held_parts import held_parts, parts_text

ROWS = [
    {"table_name": "labels", "subsets": ["validation"]},
    {"table_name": "boxes", "subsets": ["validation"]},
    {"table_name": "images", "subsets": ["train"]},
    {"table_name": "images", "subsets": ["test"]},
    {"table_name": "classes", "subsets": []},
]


def test_parts_are_joined_by_table_and_worded_by_subset():
    parts = held_parts(ROWS)
    assert parts == {"boxes": ["validation"], "classes": [], "images": ["test", "train"], "labels": ["validation"]}
    assert parts_text(parts) == "boxes and labels of validation; classes; images of test, train"


def test_files_of_an_older_version_do_not_say():
    parts = held_parts([{"table_name": None, "subsets": None}, {"table_name": "labels", "subsets": None}])
    assert parts == {"labels": []}
    assert parts_text({}) == "an older version's choice of files"
