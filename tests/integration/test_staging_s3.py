"""What a staged file asks of S3: one PUT while it is small, and no empty objects in place of folders."""

from __future__ import annotations

from pathlib import Path

import boto3
import pyarrow as pa
import pytest

from oilake.conf.storage import Storage
from oilake.jobs.tables.staging import read_staged, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support import counting_proxy, publications, s3_server

PARTITION = {"release": "v3", "subset": "train"}


def test_a_small_file_is_one_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    s3_server.set_variables(monkeypatch)
    table = schemas.table_schema("images")
    with (
        s3_server.running_or_skip(tmp_path / "buckets", s3_server.SECRET) as endpoint,
        counting_proxy.running(endpoint) as proxy,
    ):
        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="lake")
        warehouse = Warehouse("s3://lake/warehouse", Storage(endpoint=proxy.endpoint, region="us-east-1"))
        values = {column.name: [publications.VALUES[column.type]] for column in table.stored()}
        rows = pa.table(values, schema=schemas.arrow_schema(table))
        staged = stage_rows(warehouse, table, PARTITION, "run1", rows)
        methods = proxy.methods()
        assert read_staged(warehouse, staged).to_pylist() == rows.to_pylist()
        keys = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").list_objects_v2(Bucket="lake")
    assert (methods["PUT"], methods.get("POST", 0)) == (1, 0)
    assert [entry["Key"] for entry in keys["Contents"]] == [f"warehouse/images/{staged.path}"]
