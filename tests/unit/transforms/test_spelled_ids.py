"""One text is read as a column of it is, however it spells an image ID or a MID."""

from __future__ import annotations

import pyarrow as pa
import pytest

from oilake.jobs.transforms import image_ids, mids
from oilake.jobs.transforms.spelled_ids import spelled_image_id, spelled_mid

IMAGE_IDS = (
    "000a1249af2bc5f0", "000A1249AF2BC5F0", "a1249af2bc5f0", "0xA1249AF2BC5F0", "0X1", "0x123456789", "123",
    "106528377697029", "1234567890123456", "12345678901234567", "0x", "dog", "", "a1249af2bc5f0\n", "ａ1",
)  # fmt: skip
MIDS = (
    "/m/0bt9lr", "/M/0BT9LR", "m.0bt9lr", "m/0bt9lr", "kg:/m/0bt9lr", "KG:/g/11b6", "http://rdf.freebase.com/ns/m.0bt9lr",
    "https://rdf.freebase.com/ns/g.1", "/g/a_b", "/x/0bt9lr", "/m/", "/m/0bt9lr/", "Dog", "", "/m/0bt9lr\n", "ｍ.0bt9lr",
)  # fmt: skip


@pytest.mark.parametrize("text", IMAGE_IDS)
def test_an_image_id_is_what_a_column_makes_of_it(text: str) -> None:
    column = image_ids.normalize(pa.array([text]))[0]
    is_canonical = column.null_count == 0 and bool(image_ids.are_canonical(column)[0])
    assert spelled_image_id(text) == (column[0].as_py() if is_canonical else None)


@pytest.mark.parametrize("text", MIDS)
def test_a_mid_is_what_a_column_makes_of_it(text: str) -> None:
    spelled = mids.normalize(pa.array([text]))[0][0].as_py()
    assert spelled_mid(text) == (spelled if spelled.startswith(("/m/", "/g/")) and spelled_mid(spelled) else None)
