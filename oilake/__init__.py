"""The Open Images lakehouse from Python: `oilake.read("labels", release="v3")` gives published rows as a Spark DataFrame.

`oilake.scan` gives them as a pyarrow dataset, `oilake.sql` asks a DuckDB about them; both start no Spark.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oilake.jobs.api import images_with_blobs, read
    from oilake.jobs.local_api import scan, sql

__all__ = ["images_with_blobs", "read", "scan", "sql"]

HOMES = {"images_with_blobs": "api", "read": "api", "scan": "local_api", "sql": "local_api"}


def __getattr__(name: str) -> Any:
    """A function of `__all__`, whose home is imported when it is asked for, and with it what it needs, such as Spark."""
    if name in HOMES:
        return getattr(import_module(f"oilake.jobs.{HOMES[name]}"), name)
    raise AttributeError(f"module 'oilake' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
