"""The Open Images lakehouse from Python: `oilake.read("labels", release="v3")` gives published rows as a Spark DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oilake.jobs.api import images_with_blobs, read

__all__ = ["images_with_blobs", "read"]


def __getattr__(name: str) -> Any:
    """`read` and `images_with_blobs`, whose home is `oilake.jobs.api`; Spark is imported when one is asked for."""
    if name in __all__:
        from oilake.jobs import api

        return getattr(api, name)
    raise AttributeError(f"module 'oilake' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
