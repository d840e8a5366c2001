"""Lines of a file of localized narratives to columns of the table `narratives`."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms import image_ids
from oilake.jobs.transforms.nested_values import lacks_inside
from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.schemas.loader import arrow_schema, table_schema

SCHEMA = table_schema("narratives")
TYPES = {name: arrow_schema(SCHEMA).field(name).type for name in SCHEMA.file_columns()}
NESTED = ("timed_caption", "traces")


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published keys (see TYPES), each of shape (rows,); points and utterances must be whole."""
    result = NormalizedBatch({name: values for name, values in raw.items() if name not in NESTED})
    form = expected.member.ids
    result.add_image_ids(
        raw["image_id"], *image_ids.normalize(raw["image_id"], form=form), image_ids.unread_reason(form)
    )
    for name in NESTED:
        result.add(name, raw[name], lacks_inside(raw[name]), f"invalid_{name}")
    return result
