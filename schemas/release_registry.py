"""The release registry as jobs load it: what its files say of tables is held against the declarations of the tables."""

from __future__ import annotations

from oilake.conf import registry
from oilake.conf.errors import ConfigError
from oilake.conf.registry import DeclaredRelease, Member, Release
from oilake.conf.showing import brief_value
from oilake.schemas.loader import published_tables, row_tables, table_schema


def load_releases(folder: str | None = None) -> dict[str, Release]:
    """Load every release of a registry folder (the packaged one unless given), by name, in the order of their numbers.

    ConfigError names the file and the key that does not fit.
    """
    return registry.load_releases(folder, check_tables)


def find_release(name: str, folder: str | None = None) -> Release:
    """Find the release called `name`; ConfigError lists the known ones when there is none."""
    return registry.find_release(name, folder, check_tables)


def check_tables(declared: DeclaredRelease) -> None:
    """Refuse columns and files that no table declares: ConfigError names the release's file and the key."""
    for name, columns in declared.release.columns.items():
        _check_columns(name, set(columns.values()), declared.path)
    for where, file in declared.own_files():
        for m, member in enumerate(file.members):
            _check_format(member, f"{where}.members[{m}]")


def _check_columns(table: str, columns: set[str], path: str) -> None:
    if table not in row_tables():
        raise ConfigError(f"{path}: columns.{table}: no table has such files; known: {', '.join(row_tables())}")
    declared = table_schema(table).file_columns()
    if missing := {name for name, presence in declared.items() if presence == "required"} - columns:
        raise ConfigError(f"{path}: columns.{table} lacks {', '.join(sorted(missing))}")
    if unknown := columns - declared.keys():
        raise ConfigError(f"{path}: columns.{table} has the unknown {', '.join(sorted(unknown))}")


def _check_format(member: Member, where: str) -> None:
    """Refuse a member of an unknown table, or in a format that its table's files do not have."""
    formats = {table.table: table.published.formats for table in published_tables() if table.published}
    if member.table not in formats:
        raise ConfigError(f"{where}.table must be one of {', '.join(formats)}, not {brief_value(member.table)}")
    if member.format not in formats[member.table]:
        fitting = ", ".join(table for table, declared in formats.items() if member.format in declared)
        raise ConfigError(
            f"{where}.format: {member.format!r} is no format of {member.table}; {member.format} is that of "
            f"{fitting or 'no table'}"
        )
