"""The ground truth: published boxes without those that corrections leave out, and verified labels, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.errors import ConfigError
from oilake.jobs.evaluating.evaluated_classes import EvaluatedClasses
from oilake.jobs.tables.dropped_boxes import read_dropped_boxes
from oilake.jobs.tables.row_batches import CandidateFile, candidate_files, read_batches, row_schema
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import image_ids
from oilake.jobs.transforms.box_changes import COORDINATES
from oilake.jobs.transforms.dropped_boxes import DroppedBox, are_kept

POSITIVE, NEGATIVE = "positive", "negative"
BOX_SCHEMA = pa.schema(
    [("image", pa.uint64()), ("code", pa.int64()), ("is_group_of", pa.bool_())]
    + [(name, pa.float64()) for name in COORDINATES]
)
MASK_SCHEMA = pa.schema(
    [("image", pa.uint64()), ("code", pa.int64()), ("mask_path", pa.string())]
    + [(name, pa.float64()) for name in COORDINATES]
)
LABEL_SCHEMA = pa.schema([("image", pa.uint64()), ("code", pa.int64()), ("is_positive", pa.bool_())])


@dataclass(frozen=True)
class PublishedTruth:
    """What a pinned release says of one subset. ConfigError where that is nothing, StoreError where it cannot be read."""

    warehouse: Warehouse
    pin: Snapshot
    subset: str

    @property
    def values(self) -> dict[str, str]:
        """The columns that all rows of the subset share."""
        return {"release": self.pin.release, "subset": self.subset}

    def files(self, table: str) -> list[CandidateFile]:
        """Return the files of a table that hold rows of the subset."""
        files = candidate_files(self.warehouse, table, self.pin.release, self.values)
        if not files:
            raise ConfigError(
                f"{self.warehouse}: {table} of {self.pin.release} has no row of {self.subset}; ingest it, or name another "
                "--subset"
            )
        return files

    def count_rows(self, *tables: str) -> int:
        """Return how many rows tables have in the files of the subset, as far as their writers said."""
        return sum(file.rows or 0 for table in tables for file in self.files(table))

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the subset, image IDs as unsigned numbers in the column `image`."""
        schema = pa.schema([row_schema(table).field(name) for name in ("image_id", *columns)])
        for batch in read_batches(self.warehouse, table, self.files(table), schema, self.values):
            images = pa.array(image_ids.as_numbers(batch.column("image_id")), pa.uint64())
            yield batch.drop_columns(["image_id"]).append_column("image", images)

    def boxes(self, classes: EvaluatedClasses) -> Iterator[pa.RecordBatch]:
        """Yield the boxes of the evaluated classes as BOX_SCHEMA; where nothing is known of a group, it is none."""
        dropped = self._dropped_boxes()
        for batch in self.rows("boxes", ["mid", "is_group_of", *COORDINATES]):
            images = batch.column("image").to_numpy()
            kept = batch.filter(pa.array(are_kept(images, batch, dropped))) if dropped else batch
            coded = classes.coded_rows(kept)
            flags = pc.fill_null(coded.column("is_group_of"), False)
            yield coded.set_column(coded.schema.get_field_index("is_group_of"), "is_group_of", flags).select(
                BOX_SCHEMA.names
            )

    def masks(self, classes: EvaluatedClasses) -> Iterator[pa.RecordBatch]:
        """Yield the masks of the evaluated classes as MASK_SCHEMA."""
        for batch in self.rows("masks", ["mid", "mask_path", *COORDINATES]):
            yield classes.coded_rows(batch).select(MASK_SCHEMA.names)

    def labels(self, classes: EvaluatedClasses) -> Iterator[pa.RecordBatch]:
        """Yield the verified labels of the evaluated classes as LABEL_SCHEMA."""
        for batch in self.verified_labels():
            yield classes.coded_rows(batch).select(LABEL_SCHEMA.names)

    def verified_labels(self) -> Iterator[pa.RecordBatch]:
        """Yield `image`, `mid` and `is_positive` of what is decided of the subset; what is unverified says nothing."""
        for batch in self.rows("image_labels", ["mid", "verdict"]):
            decided = batch.filter(pc.is_in(batch.column("verdict"), pa.array([POSITIVE, NEGATIVE])))
            is_positive = pc.equal(decided.column("verdict"), POSITIVE)
            yield decided.append_column("is_positive", is_positive).drop_columns(["verdict"])

    def _dropped_boxes(self) -> frozenset[DroppedBox]:
        return read_dropped_boxes(self.warehouse, self.pin).get(self.subset, frozenset())
