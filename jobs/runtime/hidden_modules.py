"""Keeps Arrow and DuckDB from importing numpy and pandas, where these are installed: half of a small answer."""

from __future__ import annotations

import sys
from collections.abc import Sequence


class _HiddenModules:
    """Finds no module of these names: to who asks, they are not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Raises ModuleNotFoundError for a hidden module; of others nothing is known here."""
        if name in self._names:
            raise ModuleNotFoundError(f"{name} is left out of commands that do without", name=name)


def reveal_modules() -> None:
    """Shows them again, to what cannot do without."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _HiddenModules)]


def hide_modules(*names: str) -> None:
    """Leaves modules out of this process, which must be one that answers and ends; what is loaded stays."""
    if hidden := [name for name in names if name not in sys.modules]:
        sys.meta_path.insert(0, _HiddenModules(hidden))
