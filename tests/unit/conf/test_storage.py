"""The section `storage`: what each client is told of a server, and what does not fit."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml

from oilake.conf import settings
from oilake.conf.errors import ConfigError
from oilake.conf.storage import AWS_CREDENTIALS, DELTA_PATIENCE, Storage, uri_storage
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.tables.warehouse import Warehouse

ENDPOINT = "http://127.0.0.1:9000"


def test_each_client_hears_the_same_of_a_server():
    storage = Storage(ENDPOINT, "us-east-1", unsigned=True)
    assert storage.arrow_arguments() == {
        "anonymous": True,
        "region": "us-east-1",
        "endpoint_override": ENDPOINT,
        "force_virtual_addressing": False,
    }
    assert storage.delta_options() == DELTA_PATIENCE | {
        "aws_skip_signature": "true",
        "aws_region": "us-east-1",
        "aws_endpoint": ENDPOINT,
        "allow_http": "true",
        "aws_virtual_hosted_style_request": "false",
    }
    assert storage.boto_arguments() == {"endpoint_url": ENDPOINT, "region_name": "us-east-1"}
    assert storage.boto_addressing() == "path"
    told = {name.removeprefix("spark.hadoop.fs.s3a."): value for name, value in storage.spark_options().items()}
    assert told.pop("aws.credentials.provider").endswith("AnonymousAWSCredentialsProvider")
    assert told == {
        "endpoint": ENDPOINT,
        "endpoint.region": "us-east-1",
        "connection.ssl.enabled": "false",
        "path.style.access": "true",
    }


def test_a_place_carries_how_its_storage_is_reached():
    storage = Storage(ENDPOINT)
    warehouse = pickle.loads(pickle.dumps(Warehouse("s3://lake/a/", storage)))
    below = pickle.loads(pickle.dumps(join_uri(warehouse.table_uri("images"), "x.parquet")))
    assert (below, uri_storage(below)) == ("s3://lake/a/images/x.parquet", storage)
    assert uri_storage("s3://lake/a") == Storage()
    assert warehouse.spark_path("images", "x.parquet") == "s3a://lake/a/images/x.parquet"


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_a_place_on_s3_may_be_called_as_hadoop_does(scheme: str):
    flags = {"warehouse": f"{scheme}://lake/warehouse", "landing": f"{scheme}://lake/landing"}
    chosen = settings.environment_settings("local", flags)
    assert (chosen.warehouse, chosen.landing) == ("s3://lake/warehouse", "s3://lake/landing")
    assert chosen.storage_uri(f"{scheme}://lake/copy") == "s3://lake/copy"


def test_what_awss_variables_say_reaches_every_client(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    storage = settings.environment_settings("local").storage
    assert (storage.endpoint, storage.region, storage.is_path_style) == (ENDPOINT, "eu-west-1", True)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9001")
    assert settings.environment_settings("local").storage.endpoint == "http://127.0.0.1:9001"


def test_nothing_is_said_of_storage_that_is_not_set():
    plain = settings.environment_settings("local").storage
    assert (plain.arrow_arguments(), plain.delta_options()) == ({}, {})
    assert plain.spark_options() == {"spark.hadoop.fs.s3a.aws.credentials.provider": AWS_CREDENTIALS}
    assert (plain.boto_arguments(), plain.boto_addressing()) == ({"endpoint_url": None, "region_name": None}, "auto")


@pytest.mark.parametrize(
    ("section", "key", "value", "sentence"),
    [
        ("fetch", "s3_endpoint", "http://x", "fetch.s3_endpoint is storage.endpoint now"),
        ("fetch", "s3_unsigned", True, "fetch.s3_unsigned is storage.unsigned now"),
        ("storage", "endpoint", "localhost:9000", "storage.endpoint must begin with http:// or https://"),
        ("storage", "secret", "x", "unknown key storage.secret"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, section: str, key: str, value: object, sentence: str):
    packaged = yaml.safe_load((Path(settings.__file__).parent / "local.yaml").read_text())
    packaged[section] |= {key: value}
    path = tmp_path / "old.yaml"
    path.write_text(yaml.safe_dump(packaged))
    with pytest.raises(ConfigError) as error:
        settings.environment_settings(str(path))
    assert sentence in str(error.value)
