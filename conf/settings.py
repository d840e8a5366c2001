"""Where the lake lives and how Spark runs: one YAML an environment, overridden by OILAKE_* variables, then by flags."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from oilake.conf.errors import ConfigError
from oilake.conf.places import printable_text, refuse_odd_folder, refuse_odd_warehouse
from oilake.conf.storage import Storage, StorageUri, check_storage, plain_uri, with_environment
from oilake.conf.yaml_loader import build_dataclass, load_yaml

LARGEST_BLOCK = 1 << 40
MOST_AT_ONCE = 1 << 16
Size = Annotated[int, Field(ge=1, le=LARGEST_BLOCK)]
Count = Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
MOVED_KEYS = {"s3_endpoint": "endpoint", "s3_unsigned": "unsigned"}
ENVIRONMENTS = ("local", "cluster")
VARIABLES = {
    "OILAKE_WAREHOUSE": "warehouse",
    "OILAKE_LANDING": "landing",
    "OILAKE_REGISTRY": "registry",
    "OILAKE_JARS": "jars",
    "OILAKE_MASTER": "master",
    "OILAKE_METRICS": "metrics",
}


@dataclass(frozen=True)
class Limits:
    """Bounds of a run.

    `max_share`: share of a file's rows that may go to quarantine before nothing is published. `field_bytes`: longest
    field. `block_bytes`: text parsed at once. `chunk_bytes`: text behind one staged file of a partition.
    `readers`: shares of one large file; of an archive no more than cores, for each share inflates all of it.
    `large_bytes`: what counts as large.
    """

    max_share: Annotated[float, Field(ge=0, le=1)]
    field_bytes: Size
    block_bytes: Size
    chunk_bytes: Size
    readers: Size
    large_bytes: Size


@dataclass(frozen=True)
class FetchSettings:
    """How files are fetched.

    `connections`: files at once. `tries`: tries in succession that bring nothing new. `backoff_seconds`: wait after the
    first failed try, doubled each time. `wait_limit_seconds`: longest wait, also when the server asks for more.
    `timeout_seconds`: longest silence. `least_bytes_per_second`: a slower connection is broken off and tried again.
    """

    connections: Count = 4
    tries: Count = 6
    backoff_seconds: Seconds = 1.0
    wait_limit_seconds: Seconds = 120.0
    timeout_seconds: Positive = 30.0
    least_bytes_per_second: Annotated[int, Field(ge=0)] = 1024


@dataclass(frozen=True)
class DownloadSettings:
    """How images are downloaded; tries, waits and timeouts are those of `fetch`.

    `connections`: images at once in each task. `requests_per_second`: of all tasks together; None: no limit.
    `images_per_task`: images that one task asks for. `max_bytes`, `max_pixels`: larger images are refused.
    """

    connections: Count = 16
    requests_per_second: Positive | None = 100.0
    images_per_task: Size = 500
    max_bytes: Size = 268435456
    max_pixels: Size = 178956970


@dataclass(frozen=True)
class LineageSettings:
    """Where OpenLineage events go.

    `url`: of the receiver; None: what OPENLINEAGE_URL or OPENLINEAGE_CONFIG names, nowhere where neither is set.
    `namespace`: of the jobs; `wait_seconds`: how long a job waits at its end until its events have gone.
    """

    url: str | None = None
    namespace: str = "oilake"
    wait_seconds: Seconds = 5.0


@dataclass(frozen=True)
class Settings:
    """One environment. `registry` is the packaged one where it is absent; `jars`: folder of Delta's jars; `storage`: how all
    that is on S3 is reached, the warehouse, the landing area and blobs; `metrics`: file in which each job that is recorded
    leaves metrics, none where it is absent; `lineage`: where such jobs tell what they read and wrote."""

    warehouse: str
    landing: str
    limits: Limits
    storage: Storage = field(default_factory=Storage)
    fetch: FetchSettings = field(default_factory=FetchSettings)
    download: DownloadSettings = field(default_factory=DownloadSettings)
    master: str | None = None
    registry: str | None = None
    jars: str | None = None
    metrics: str | None = None
    lineage: LineageSettings = field(default_factory=LineageSettings)
    spark: dict[str, str] = field(default_factory=dict)

    def storage_uri(self, uri: str) -> StorageUri:
        """A path or URI with how the environment reaches its storage."""
        return StorageUri(plain_uri(uri), self.storage)


def environment_settings(environment: str | None = None, flags: Mapping[str, str | None] | None = None) -> Settings:
    """The settings of `environment` (a packaged name or a YAML file; OILAKE_ENV, else `local`), with all overrides."""
    name = environment or os.environ.get("OILAKE_ENV") or "local"
    if not name.endswith((".yaml", ".yml")) and name not in ENVIRONMENTS:
        raise ConfigError(
            f"{printable_text(name)}: no such environment; --env (or OILAKE_ENV) takes {' or '.join(ENVIRONMENTS)}, or a "
            "file that ends in .yaml"
        )
    path = files("oilake.conf") / f"{name}.yaml" if name in ENVIRONMENTS else Path(name)
    document = load_yaml(path)
    _refuse_moved_keys(document, str(path))
    settings = build_dataclass(Settings, document, str(path))
    changes = {key: os.environ[variable] for variable, key in VARIABLES.items() if os.environ.get(variable)}
    changes.update({key: value for key, value in (flags or {}).items() if value is not None})
    settings = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
    settings = dataclasses.replace(
        settings,
        warehouse=_absolute_path(settings.warehouse),
        landing=_absolute_path(settings.landing),
        storage=with_environment(settings.storage, os.environ),
    )
    refuse_odd_warehouse(settings.warehouse)
    refuse_odd_folder("landing", settings.landing)
    refuse_odd_folder("registry", settings.registry or "")
    check_storage(settings.storage, str(path))
    return settings


def _refuse_moved_keys(document: Any, path: str) -> None:
    """ConfigError where a key stands where it stood once."""
    fetch = document.get("fetch") if isinstance(document, dict) else None
    for old, new in MOVED_KEYS.items():
        if isinstance(fetch, dict) and old in fetch:
            raise ConfigError(
                f"{path}: fetch.{old} is storage.{new} now, which is for all that is on S3; move it there"
            )


def _absolute_path(path: str) -> str:
    """A URI as it is, a path from the root: Spark takes a relative one for the name of a schema."""
    return plain_uri(path) if "://" in path else str(Path(path).absolute())
