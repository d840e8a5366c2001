"""The files of an export that lies in a folder or on S3, read where they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from oilake.conf.errors import StoreError, os_cause
from oilake.conf.settings import Settings
from oilake.jobs.exporting.export_folder import MANIFEST, file_paths
from oilake.jobs.exporting.stored_export import put_text, require_place, stored_place, stored_sizes
from oilake.jobs.runtime.filesystem import is_on_s3, join_uri, open_stream
from oilake.jobs.runtime.folder_swap import replace_text


@dataclass(frozen=True)
class ExportFiles:
    """`place`: a folder or an s3:// URI; `names`: of all files below it."""

    place: str
    names: frozenset[str]

    def file_uri(self, name: str) -> str:
        """Where a file is."""
        return join_uri(self.place, name)

    @cached_property
    def parquet_tables(self) -> dict[str, list[str]]:
        """The names of the Parquet files by the folder that they lie in, both sorted."""
        tables: dict[str, list[str]] = {}
        for name in sorted(self.names):
            if name.endswith(".parquet") and name.count("/") == 1:
                tables.setdefault(name.partition("/")[0], []).append(name)
        return tables

    def read_text(self, name: str) -> str:
        """The text of a file; InputError or StoreError where it cannot be read, ValueError where it is no UTF-8."""
        with open_stream(self.file_uri(name)) as stream:
            try:
                content: bytes = stream.read()
            except OSError as error:
                raise StoreError(
                    f"{self.file_uri(name)}: cannot be read ({os_cause(error)}); name the folder of an export"
                ) from None
        return content.decode()

    def write_text(self, name: str, text: str) -> None:
        """Makes a text what stands in a file, or leaves that as it was; StoreError where it cannot be written."""
        try:
            if is_on_s3(self.place):
                put_text(self.place, name, text)
            else:
                replace_text(Path(self.file_uri(name)), text)
        except OSError as error:
            raise StoreError(f"{self.file_uri(name)}: cannot be written ({os_cause(error)}); free the place") from None


def find_files(text: str, settings: Settings) -> ExportFiles:
    """The files at a place as a person names it; none where no folder of an export is. ConfigError for a URI that is no
    place on S3, StoreError where S3 cannot be reached."""
    uri = stored_place(text, "FOLDER")
    if uri is None:
        folder = Path(text)
        return ExportFiles(str(folder), frozenset(file_paths(folder) if (folder / MANIFEST).is_file() else ()))
    stored = settings.storage_uri(uri)
    require_place(stored)
    return ExportFiles(stored, frozenset(stored_sizes(stored)))
