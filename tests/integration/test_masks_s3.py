"""Zips of masks on a real S3 server: read by ranges, as they lie there, and told as those of a folder are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from oilake.conf.mask_rules import load_mask_rules
from oilake.conf.storage import Storage, StorageUri
from oilake.jobs.masking.mask_kernel import MaskContext, MaskSplit, check_masks
from oilake.jobs.runtime.filesystem import file_state
from oilake.jobs.tables.staging import read_staged
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import counting_proxy, s3_server
from tests.support.mask_zips import flip_byte, mask_name, mask_row, png, square, write_rows, write_zip

BUCKET, KEY = "open-images", "landing/v5/test-masks/test-masks-a.zip"
MASKS = 400


def staged_rows(context: MaskContext, uri: str, parts: int) -> list[dict[str, Any]]:
    splits = [MaskSplit("test", "a", "v5/test-masks/test-masks-a.zip", uri, part, parts) for part in range(parts)]
    staged = [file for split in splits for outcome in check_masks(split, context) for file in outcome.staged]
    return [row for file in staged for row in read_staged(context.warehouse, file).to_pylist()]


def test_zips_on_s3_are_read_by_ranges(tmp_path: Path):
    names = [f"{n:08x}" for n in range(MASKS)]
    path = write_zip(tmp_path / "a.zip", [(mask_name(name), png(square())) for name in names[1:]] + [("x.png", b"")])
    flip_byte(path, mask_name(names[7]))
    rows = write_rows(tmp_path / "rows.parquet", [mask_row(name) for name in names])
    context = MaskContext(Warehouse.at(str(tmp_path / "lake")), "v5", "run", load_mask_rules(), {"test": (rows,)})
    with (
        s3_server.running_or_skip(tmp_path / "buckets") as endpoint,
        counting_proxy.running(endpoint) as proxy,
    ):
        config = Config(signature_version=UNSIGNED)
        client = boto3.client("s3", endpoint_url=proxy.endpoint, region_name="us-east-1", config=config)
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key=KEY, Body=path.read_bytes())
        uri = StorageUri(f"s3://{BUCKET}/{KEY}", Storage(endpoint=proxy.endpoint, region="us-east-1", unsigned=True))
        before = len(proxy.requests)
        on_s3 = staged_rows(context, uri, 2)
        requests = len(proxy.requests) - before
        state, absent = file_state(uri), file_state(StorageUri(f"{uri}x", uri.storage))
    assert on_s3 == staged_rows(context, str(path), 2)
    assert [row["reason"] for row in on_s3 if row["status"] != "verified"] == [
        "not_in_archive",
        "crc_mismatch",
        "unlisted",
    ]
    assert state is not None
    assert (state.bytes, absent) == (path.stat().st_size, None)
    assert requests < MASKS / 10
