"""Which of two releases is the earlier one: that of the smaller number, whatever their dates are."""

from __future__ import annotations


def release_number(release: str) -> int:
    """Return the number behind the v of a release's name; 0 where there is none."""
    return int(release[1:]) if release[1:].isdecimal() else 0
