"""Words of columns that stand for themselves: who reads them needs no kernel."""

from __future__ import annotations

CORRECTIONS = "corrections"
VERDICT, DROP_BOX = "verdict", "drop_box"
BOX_CHANGES = ("unchanged", "redrawn", "added", "removed")
