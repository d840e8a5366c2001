"""What is said of rows that cannot be read names the command that makes them again, as it is to be typed."""

from __future__ import annotations

import pytest

from oilake.jobs.tables.repair_commands import remake_command, slice_command, unreadable_rows_error

PLACES = {
    "a file of a release": (
        "lake/labels/release=v3/subset=train/origin=human/part-0.parquet",
        "ingest --release v3 --force",
    ),
    "on S3": ("s3://bucket/my/lake/image_labels/release=v7/subset=test/a.parquet", "reconcile --release v7 --force"),
    "of a comparison": (
        "lake/box_changes/from_release=v2/to_release=v3/a.parquet",
        "changes --from v2 --to v3 --force",
    ),
    "of rows that were released": ("lake/released/release=v1/a.parquet", "ingest --release v1 --force"),
    "the folder of a table": ("lake/release_figures", "figures --release R --force"),
    "of no table": ("somewhere/part-0.parquet", "ingest --release R --force"),
}


@pytest.mark.parametrize("name", PLACES)
def test_the_remedy_is_of_the_table_and_its_release(name: str):
    path, command = PLACES[name]
    sentence = str(unreadable_rows_error(path, OSError("damaged")))
    assert sentence == f"{path}: cannot be read (damaged); check the disk, or run `oilake {command}`"


def test_what_no_job_makes_again_is_restored():
    sentence = str(unreadable_rows_error("lake/job_runs/part-0.parquet", OSError("damaged")))
    assert sentence.endswith("; restore it from a copy")


def test_a_command_makes_what_is_not_published_yet_or_makes_it_again():
    assert slice_command("released", "v3") == "`oilake quarantine release --release v3`"
    assert remake_command("released", "v3") == "`oilake ingest --release v3`"
    assert slice_command("images", None) == "`oilake ingest --release R`"
    assert slice_command("label_changes", "v3") == "`oilake changes --from R --to v3`"
