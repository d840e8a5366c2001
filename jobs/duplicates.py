"""Finds photos that stand in a release under several IDs, above all in several subsets: leakage from train to test."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from oilake.conf.errors import StoreError
from oilake.conf.settings import Settings
from oilake.jobs.pipeline.derived_job import DerivedTask, run_local_job
from oilake.jobs.querying.published_dataset import open_dataset
from oilake.jobs.runtime import options
from oilake.jobs.runtime.locked_duckdb import locked_settings
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables import publish
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import INGEST, Snapshot, require_snapshot
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.tables.where_conditions import duckdb_sentence
from oilake.schemas import loader as schemas

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

DUPLICATES = "duplicates"
MEMORY, THREADS, BATCH = "2GB", 2, 65_536
# MD5s stand in memory as numbers first, of which few are alike: nine million images take half of it.
DUPLICATE_ROWS = """
    WITH numbers AS MATERIALIZED (
        SELECT hash(original_md5) AS number FROM images WHERE original_md5 IS NOT NULL GROUP BY number HAVING count(*) > 1
    ), alike AS MATERIALIZED (
        SELECT original_md5, image_id, subset FROM images
        WHERE original_md5 IS NOT NULL AND hash(original_md5) IN (SELECT number FROM numbers)
    ), photos AS (
        SELECT original_md5, count(*)::INTEGER AS copies, list_sort(list(DISTINCT subset)) AS subsets
        FROM alike GROUP BY original_md5 HAVING count(*) > 1
    )
    SELECT original_md5, image_id, subset, copies, subsets, len(subsets) > 1 AS is_across_subsets
    FROM alike JOIN photos USING (original_md5) ORDER BY original_md5, image_id
"""


@dataclass
class Leakage:
    """One release: images that share their MD5 with another, distinct such photos, and those in several subsets.

    `by_subsets`: photos by the subsets they stand in, such as "test, train".
    """

    release: str
    changed: bool
    images: int = 0
    photos: int = 0
    across_subsets: int = 0
    by_subsets: dict[str, int] = field(default_factory=dict)

    def as_text(self) -> str:
        """The counts in one line for a person."""
        subset_counts = ", ".join(f"{photos:,} in {subsets}" for subsets, photos in self.by_subsets.items())
        return (
            f"{self.release}: {self.images:,} images share their MD5 with another: {self.photos:,} photos, "
            f"{self.across_subsets:,} of them in several subsets" + (f" ({subset_counts})" if subset_counts else "")
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release_job(parser, "look through", "warehouse")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    outcome = duplicates(options.load_settings(arguments), arguments.release, arguments.force)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def duplicates(settings: Settings, release: str, force: bool = False) -> Leakage:
    """Publishes `duplicate_images` of an ingested release, without Spark; does nothing when it was made of the same images.

    StoreError where images cannot be read, or more share their MD5 than fit into memory.
    """
    warehouse = publish.settled_warehouse(settings)
    snapshot = require_snapshot(warehouse, release)
    inputs = {"images": str(snapshot.table_versions["images"])}
    depends_on = ((release, INGEST, snapshot.fingerprints[INGEST]),)
    # No image stands in `images` twice, so none does in what is chosen of them.
    task = DerivedTask(
        DUPLICATES, snapshot, inputs, depends_on, reads=((snapshot, "images"),), unique=("duplicate_images",)
    )

    def stage_duplicates(run_id: str) -> tuple[Sequence[StagedFile], bool]:
        table = schemas.table_schema("duplicate_images")
        writer = Writer(warehouse, table, {"release": release}, run_id, 0)
        try:
            for batch in duplicate_rows(open_dataset(warehouse, "images", release)):
                writer.write(pa.Table.from_batches([batch]).cast(schemas.arrow_schema(table)))
        except duckdb.Error as error:
            raise StoreError(
                f"{warehouse.table_uri('images')}: the images of {release} cannot be compared ({duckdb_sentence(error)}); "
                f"`oilake check images --release {release}` tells what is wrong with them"
            ) from None
        file = writer.close_filled()
        return [file] if file else [], True

    done = run_local_job(settings, task, stage_duplicates, force)
    return count_leakage(warehouse, done.pin, changed=done.changed)


def duplicate_rows(images: Dataset | pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield the rows of `duplicate_images` from those of `images` of one release, sorted by MD5 and ID; an image without MD5
    has no duplicate. DuckDB's own error where they do not fit into MEMORY."""
    with duckdb.connect(":memory:", config=locked_settings(MEMORY, THREADS)) as connection:
        connection.register("images", images)
        yield from connection.sql(DUPLICATE_ROWS).to_arrow_reader(BATCH)


def count_leakage(warehouse: Warehouse, pin: Snapshot, changed: bool = False) -> Leakage:
    """The counts of the published `duplicate_images`."""
    rows = small_rows(warehouse, "duplicate_images", pin, ["original_md5", "subsets"])
    photos = {row["original_md5"]: ", ".join(row["subsets"]) for row in rows}
    by_subsets = {subsets: list(photos.values()).count(subsets) for subsets in sorted(set(photos.values()))}
    across = sum(count for subsets, count in by_subsets.items() if "," in subsets)
    return Leakage(pin.release, changed, len(rows), len(photos), across, by_subsets)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("duplicates", __doc__, add_arguments, run))
