"""Keeps Arrow and DuckDB from importing pandas, where it is installed: a third of a small answer."""

from __future__ import annotations

import sys
from collections.abc import Sequence

PANDAS = "pandas"


class _HiddenPandas:
    """Finds no pandas: to who asks, it is not installed."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Raises ModuleNotFoundError for pandas; of other modules nothing is known here."""
        if name == PANDAS:
            raise ModuleNotFoundError(f"{PANDAS} is left out of commands that only read", name=PANDAS)


def hide_pandas() -> None:
    """Leaves pandas out of this process, which must be one that only reads and ends; where it is loaded it stays."""
    if PANDAS not in sys.modules:
        sys.meta_path.insert(0, _HiddenPandas)
