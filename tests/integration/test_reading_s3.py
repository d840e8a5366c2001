"""A warehouse on S3 is scanned and asked as one in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import oilake
from tests.support import s3_server, view_lake

QUERY = "SELECT release, subset, count(*) AS images, min(image_id) AS least FROM images GROUP BY ALL ORDER BY ALL"


def test_rows_on_s3_are_those_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3_server.set_variables(monkeypatch)
    place = view_lake.fill(view_lake.make_tables(str(tmp_path / "buckets" / "lake" / "warehouse")))
    with s3_server.running_or_skip(tmp_path / "buckets", s3_server.SECRET) as endpoint:
        environment = tmp_path / "s3.yaml"
        local = yaml.safe_load((Path(oilake.__file__).parent / "conf" / "local.yaml").read_text())
        storage = {"endpoint": endpoint, "region": "us-east-1"}
        environment.write_text(yaml.safe_dump({**local, "warehouse": "s3://lake/warehouse", "storage": storage}))
        there = oilake.sql(QUERY, environment=str(environment)).fetchall()
        assert there == oilake.sql(QUERY, warehouse=place).fetchall()
        dataset = oilake.scan("image_labels", "v3", environment=str(environment))
        assert dataset.to_table().equals(oilake.scan("image_labels", "v3", place).to_table())
