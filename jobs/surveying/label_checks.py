"""How far labels agree: people with the machine, by class and confidence, and annotators in-house with the crowd."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

from oilake.jobs.surveying.aggregate import Row, aggregate_rows
from oilake.jobs.surveying.pinned_view import PinnedView

JUDGED = "count(machine_agrees) AS judged, count(*) FILTER (machine_agrees) AS correct"
Z95 = 1.959963984540054  # of the normal distribution, both sides together 5 %


class Interval(NamedTuple):
    """A share between 0 and 1, and where it lies with a confidence of 95 %."""

    share: float
    low: float
    high: float


def wilson_interval(hits: int, trials: int) -> Interval:
    """The share of hits with Wilson's interval; `trials` is 1 at least."""
    share, spread = hits / trials, Z95**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def correct_by_frequency(view: PinnedView, release: str) -> list[Row]:
    """How many of the machine's labels people confirm, by how often the machine gives their class: half decades.

    least and most (labels of a class: from, below), classes, judged, correct, share, low, high; bins of which people judged
    nothing are left out.
    """
    counts = aggregate_rows(
        view, "image_labels", release, f"mid, count(machine_confidence) AS machine, {JUDGED}", "GROUP BY mid"
    )
    bins: dict[int, list[Row]] = defaultdict(list)
    for row in counts:
        if row["judged"]:
            bins[math.floor(2 * math.log10(row["machine"]))].append(row)
    return [
        {"least": 10 ** (half / 2), "most": 10 ** ((half + 1) / 2), "classes": len(rows), **_judged_share(rows)}
        for half, rows in sorted(bins.items())
    ]


def correct_by_confidence(view: PinnedView, release: str) -> list[Row]:
    """The same by the machine's confidence, to a tenth: confidence, judged, correct, share, low, high."""
    counts = aggregate_rows(
        view,
        "image_labels",
        release,
        f"round(machine_confidence, 1) AS confidence, {JUDGED}",
        "WHERE machine_agrees IS NOT NULL GROUP BY confidence ORDER BY confidence",
    )
    return [{"confidence": row["confidence"], **_judged_share([row])} for row in counts]


def count_agreement(view: PinnedView, release: str) -> list[Row]:
    """Pairs of image and class that both judged, by subset and verdicts: subset, house, crowd (yes or no), pairs."""
    words = ", ".join(
        f"CASE WHEN {who}_verdict THEN 'yes' ELSE 'no' END AS {name}"
        for who, name in (("human", "house"), ("crowd", "crowd"))
    )
    return aggregate_rows(
        view,
        "image_labels",
        release,
        f"subset, {words}, count(*) AS pairs",
        "WHERE human_verdict IS NOT NULL AND crowd_verdict IS NOT NULL GROUP BY ALL ORDER BY ALL",
    )


def _judged_share(rows: list[Row]) -> Row:
    judged, correct = (sum(row[name] for row in rows) for name in ("judged", "correct"))
    return {"judged": judged, "correct": correct, **wilson_interval(correct, judged)._asdict()}
