"""Where the tables are, and how each library reaches them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyarrow import fs

from oilake.conf.settings import Settings
from oilake.conf.storage import Storage, StorageUri, uri_storage
from oilake.jobs.runtime.filesystem import is_on_s3, join_uri, open_filesystem, spark_path

if TYPE_CHECKING:
    from oilake.jobs.tables.delta_log import TableState
    from oilake.jobs.tables.snapshots import Snapshot

    # By table and version, None for the newest.
    TableStates = dict[tuple[str, int | None], TableState | None]


@dataclass(frozen=True)
class Warehouse:
    """A folder or s3:// URI that holds a table a name; it travels into Spark's tasks. In a text it is its URI.

    `pins`: the newest snapshots, by release, as a run saw them when it looked (`pin_snapshots`): what it reads by this
    warehouse does not mix with what is published meanwhile. None: each look is a new one. `states`: the tables that it has
    opened, of a run that only reads, which then opens each state once; None: each opening is a new one.
    """

    uri: str
    storage: Storage
    pins: Mapping[str, Snapshot] | None = field(default=None, compare=False)
    states: TableStates | None = field(default=None, compare=False)

    @classmethod
    def of(cls, settings: Settings) -> Warehouse:
        """The warehouse of an environment."""
        return cls(settings.warehouse, settings.storage)

    @classmethod
    def at(cls, uri: str) -> Warehouse:
        """The warehouse at a path or URI; its storage is reached as the URI says, else by AWS's own chain."""
        return cls(str(uri), uri_storage(uri))

    def __str__(self) -> str:
        """The URI."""
        return self.uri

    def table_uri(self, name: str, *parts: str) -> StorageUri:
        """The folder of a table, or what is below it."""
        return StorageUri(join_uri(self.uri, name, *parts), self.storage)

    def filesystem(self) -> tuple[fs.FileSystem, str]:
        """(pyarrow's file system, the warehouse's path in it)."""
        return open_filesystem(StorageUri(self.uri, self.storage))

    def storage_options(self) -> dict[str, str]:
        """What delta-rs takes beside a table's URI."""
        return self.storage.delta_options()

    def require_reachable(self) -> None:
        """StoreError where it is on S3 and cannot be reached, by what S3 answers; asked once."""
        if is_on_s3(self.uri):
            from oilake.jobs.transport import s3_reach  # boto3 takes a while to import, and a folder needs none of it

            s3_reach.require_reachable(self.uri, self.storage)

    def spark_path(self, name: str, *parts: str) -> str:
        """A table's folder, or what is below it, as Spark's Hadoop client calls it."""
        return spark_path(self.table_uri(name, *parts))
