"""What reconcile must give, worked out row by row with dictionaries and nothing of its code; and the way back from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oilake.conf.reconcile_policy import ReconcilePolicy

USUAL = {"machine": "machine", "human": "verification", "crowdsource": "crowdsource-verification"}

EVIDENCE_COLUMNS = (
    "box_count",
    "mask_count",
    "relationship_count",
    "point_count",
    "point_yes_votes",
    "point_no_votes",
    "point_unsure_votes",
)
PLURALS = {"box": "boxes", "mask": "masks", "relationship": "relationships"}


@dataclass(frozen=True)
class Label:
    """One published label row."""

    origin: str
    image: str
    source: str
    mid: str
    confidence: float


@dataclass(frozen=True)
class Known:
    """What `classes` says of one MID."""

    name: str | None
    trainable: bool | None
    boxable: bool | None


def expected(
    labels: Iterable[Label],
    boxes: Iterable[tuple[str, str]] | None,
    classes: Mapping[str, Known],
    policy: ReconcilePolicy,
    evidence: Mapping[str, Mapping[tuple[str, str], int] | None] | None = None,
) -> list[dict[str, Any]]:
    """The rows of one subset, sorted. `boxes`: (image, MID) of each box, or None when none is published. `evidence`: by
    column of image_labels the count of each pair, or None where it was not taken; none of it was unless given."""
    columns = dict.fromkeys(EVIDENCE_COLUMNS, None) | dict(evidence or {})
    columns["box_count"] = None if boxes is None else Counter(boxes)
    of_pair = defaultdict(list)
    for label in labels:
        of_pair[label.image, label.mid].append(label)
    rows = []
    for (image, mid), mine in sorted(of_pair.items()):
        known = classes.get(mid, Known(None, None, None))
        rows.append(
            {
                "image_id": image,
                "mid": mid,
                "display_name": known.name,
                **said(mine, policy, {name: c and c.get((image, mid), 0) for name, c in columns.items()}),
                "observations": len(mine),
                **{name: None if c is None else c.get((image, mid), 0) for name, c in columns.items()},
                "is_trainable": known.trainable,
                "is_boxable": known.boxable,
            }
        )
    return rows


def said(mine: list[Label], policy: ReconcilePolicy, counts: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that depend on the policy, and the rows that are left over."""
    values = {o: sorted(label.confidence for label in mine if label.origin == o) for o in USUAL}
    machine = (max if policy.machine == "highest" else min)(values["machine"], default=None)
    people = {o: person(values[o], policy) for o in ("human", "crowdsource")}
    opinions: dict[str, bool | None] = dict(people)
    for name in ("box", "mask", "relationship"):
        opinions[PLURALS[name]] = True if counts[f"{name}_count"] else None
    yes, no = counts["point_yes_votes"] or 0, counts["point_no_votes"] or 0
    opinions["points"] = None if yes == no else yes > no
    opinions["machine"] = None
    if machine is not None and policy.machine_threshold is not None and machine >= policy.machine_threshold:
        opinions["machine"] = True
    decisive = [o for o in policy.trust if opinions[o] is not None]
    trusted = [o for o in policy.trust if o in people and opinions[o] is not None]
    verdict = "unverified"
    if decisive:
        verdict = "positive" if opinions[decisive[0]] else "negative"
    both = any({0.0, 1.0} <= set(values[o]) for o in people)
    left = [(label.source, label.confidence) for label in mine]
    if all(label.source == USUAL[label.origin] for label in mine):
        for origin, value in {"machine": machine, **people}.items():
            if value is not None:
                left.remove((USUAL[origin], float(value)))
    return {
        "machine_confidence": machine,
        "human_verdict": people["human"],
        "crowd_verdict": people["crowdsource"],
        "verdict": verdict,
        "decided_by": decisive[0] if decisive else "machine",
        "is_conflict": both or set(people.values()) == {True, False},
        "machine_agrees": people[trusted[0]] if trusted and machine is not None else None,
        "extra_observations": [{"source": s, "confidence": c} for s, c in sorted(left)],
    }


def person(values: list[float], policy: ReconcilePolicy) -> bool | None:
    if len(set(values)) == 2:
        return policy.contradiction == "positive"
    return values[0] == 1 if values else None


def published(row: Mapping[str, Any], usual: Mapping[str, str] = USUAL) -> Counter[tuple[str, float]]:
    """The published (source, confidence) rows behind one row of image_labels, rebuilt from it alone."""
    rebuilt = [(extra["source"], extra["confidence"]) for extra in row["extra_observations"]]
    if len(rebuilt) < row["observations"]:
        columns = {"machine": "machine_confidence", "human": "human_verdict", "crowdsource": "crowd_verdict"}
        rebuilt += [(usual[o], float(row[column])) for o, column in columns.items() if row[column] is not None]
    return Counter(rebuilt)
