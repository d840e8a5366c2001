"""How object storage is reached: the section `storage` of an environment, in the words of each library that goes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from oilake.conf.errors import ConfigError

AWS_CREDENTIALS = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
NO_CREDENTIALS = "org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider"
# By itself delta-rs gives up after ten tries, which may be less than three seconds; this is ten seconds at least.
# More tries with shorter pauses were tried: of a store that is gone nobody was told for minutes.
DELTA_PATIENCE = {"max_retries": "20", "backoff_config.init_backoff": "500ms"}


@dataclass(frozen=True)
class Storage:
    """The server behind s3:// URIs. Credentials come from AWS's own chain alone (environment, profile, role).

    `endpoint`: URL of a server that speaks like S3; None: AWS, or what AWS_ENDPOINT_URL names. `region`: None: what the
    chain says. `unsigned`: ask without credentials, as public buckets allow. `path_style`: the bucket stands in an
    address's path and not in its host; None: where an endpoint is named. `single_writer`: no two runs ever write at once, so
    that a store will do which does not keep them apart.
    """

    endpoint: str | None = None
    region: str | None = None
    unsigned: bool = False
    path_style: bool | None = None
    single_writer: bool = False

    @property
    def is_path_style(self) -> bool:
        """Whether the bucket stands in the path."""
        return self.endpoint is not None if self.path_style is None else self.path_style

    def arrow_arguments(self) -> dict[str, Any]:
        """The arguments of `pyarrow.fs.S3FileSystem`; empty where nothing is set."""
        arguments: dict[str, Any] = {"anonymous": True} if self.unsigned else {}
        if self.region:
            arguments["region"] = self.region
        if self.endpoint:
            arguments["endpoint_override"] = self.endpoint
        if self != Storage():
            arguments["force_virtual_addressing"] = not self.is_path_style
        return arguments

    def delta_options(self) -> dict[str, str]:
        """The storage options of delta-rs; empty where nothing is set."""
        options = {"aws_skip_signature": "true"} if self.unsigned else {}
        if self.region:
            options["aws_region"] = self.region
        if self.endpoint:
            options["aws_endpoint"] = self.endpoint
            options["allow_http"] = _flag(self.endpoint.startswith("http://"))
        if self != Storage():
            options["aws_virtual_hosted_style_request"] = _flag(not self.is_path_style)
            options |= DELTA_PATIENCE
        return options

    def boto_arguments(self) -> dict[str, Any]:
        """The arguments of `boto3.client` but for its `config`."""
        return {"endpoint_url": self.endpoint, "region_name": self.region}

    def boto_addressing(self) -> str:
        """The addressing style of botocore's `Config`."""
        return "path" if self.is_path_style else "auto"

    def spark_options(self) -> dict[str, str]:
        """Spark's `spark.hadoop.fs.s3a.*`: credentials by AWS's whole chain, of which s3a by itself asks but a part."""
        options = {"aws.credentials.provider": NO_CREDENTIALS if self.unsigned else AWS_CREDENTIALS}
        if self.region:
            options["endpoint.region"] = self.region
        if self.endpoint:
            options["endpoint"] = self.endpoint
            options["connection.ssl.enabled"] = _flag(not self.endpoint.startswith("http://"))
        if self.is_path_style:
            options["path.style.access"] = "true"
        return {f"spark.hadoop.fs.s3a.{name}": value for name, value in options.items()}


class StorageUri(str):
    """A URI (or a local path) that carries how its storage is reached, into Spark's tasks too."""

    storage: Storage

    def __new__(cls, uri: str, storage: Storage) -> StorageUri:
        """The URI as it is written."""
        storage_uri = super().__new__(cls, uri)
        storage_uri.storage = storage
        return storage_uri

    def __getnewargs__(self) -> tuple[str, Storage]:  # type: ignore[override]
        """What pickle makes it of."""
        return str(self), self.storage


def uri_storage(uri: str) -> Storage:
    """How the storage of a URI is reached; of one that does not say, by AWS's own chain."""
    return uri.storage if isinstance(uri, StorageUri) else Storage()


def plain_uri(uri: str) -> str:
    """A URI with S3 as everybody calls it: s3a:// is what Hadoop's client says."""
    return f"s3://{uri.removeprefix('s3a://')}" if uri.startswith("s3a://") else uri


def with_environment(storage: Storage, variables: Mapping[str, str]) -> Storage:
    """The storage with AWS's variables for an endpoint or region that it leaves open: not every library reads them."""
    endpoint = storage.endpoint or variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL")
    region = storage.region or variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    return replace(storage, endpoint=endpoint or None, region=region or None)


def check_storage(storage: Storage, path: str) -> None:
    """ConfigError where the endpoint is no address."""
    if storage.endpoint is not None and not storage.endpoint.startswith(("http://", "https://")):
        raise ConfigError(f"{path}: storage.endpoint must begin with http:// or https://, not be {storage.endpoint!r}")


def _flag(value: bool) -> str:
    return str(value).lower()
