"""Axes that several plots share: counts by their logarithm, with a place for none, and shares in percent."""

from __future__ import annotations

import altair as alt

THOUSANDS = ",d"
# From how many times the last power of ten on the end of an axis has a number too, which is then clear of that power's.
END = 3


def logarithmic_counts(field: str, title: str, most: int, upper: str | None = None) -> alt.Y:
    """A vertical axis of counts, 0 at its foot and then by powers of ten; `most` is named where there is room."""
    return alt.Y(f"{upper or field}:Q", title=title, scale=_log_scale(most), axis=_log_axis(most))


def logarithmic_length(field: str, title: str, most: int) -> alt.X:
    """The same, horizontal."""
    return alt.X(f"{field}:Q", title=title, scale=_log_scale(most), axis=_log_axis(most))


def share_axis(field: str, title: str) -> alt.Y:
    """A vertical axis from 0 to 100 percent."""
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"))


def _log_scale(most: int) -> alt.Scale:
    return alt.Scale(type="symlog", constant=1, domain=[0, max(most, 1)], nice=False)


def _log_axis(most: int) -> alt.Axis:
    powers = [10**power for power in range(len(str(max(most, 1))))]
    ends = [most] if most >= END * powers[-1] else []
    return alt.Axis(values=[0, *powers, *ends], format=THOUSANDS)
