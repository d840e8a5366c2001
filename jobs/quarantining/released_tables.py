"""Whose quarantined rows can be released: tables sorted by image; of a small list the file is soon read again, and whole."""

from __future__ import annotations

from oilake.schemas import loader as schemas

TABLES = tuple(name for name in schemas.row_tables() if schemas.table_schema(name).sort_by)
