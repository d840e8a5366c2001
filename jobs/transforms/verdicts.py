"""What follows from what each origin said about one image and class: all of it for each of the few states there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oilake.conf.reconcile_policy import EVIDENCE, ReconcilePolicy

# What people may have said: nothing, no, yes, or both. Evidence never says both.
SILENT, NO, YES, BOTH = range(4)
# What a machine may have said: nothing, something below the threshold of the policy, something from it on.
BELOW, ABOVE = 1, 2
MACHINE, HUMAN, CROWD = 16, 4, 1
# What labels alone say has this many states; each kind of evidence, and a correction, make three of one.
LABEL_STATES = 48
EVIDENCE_WEIGHTS = {name: LABEL_STATES * 3**place for place, name in enumerate(EVIDENCE)}
CORRECTION = "correction"
CORRECTION_WEIGHT = LABEL_STATES * 3 ** len(EVIDENCE)
STATES = 3 * CORRECTION_WEIGHT
VERDICTS = {True: "positive", False: "negative", None: "unverified"}


@dataclass(frozen=True)
class Verdict:
    """The columns of `image_labels` that follow from one state."""

    human_verdict: bool | None
    crowd_verdict: bool | None
    verdict: str
    decided_by: str
    is_conflict: bool
    machine_agrees: bool | None


def state_verdict(policy: ReconcilePolicy, state: int) -> Verdict:
    """The verdict of the state MACHINE * machine + HUMAN * human + CROWD * crowd + EVIDENCE_WEIGHTS * what each says
    + CORRECTION_WEIGHT * what a correction says, which comes before all others."""
    machine, human, crowd = state % LABEL_STATES // MACHINE, state // HUMAN % 4, state % 4
    said = {SILENT: None, NO: False, YES: True, BOTH: policy.contradiction == "positive"}
    opinions = {"human": said[human], "crowdsource": said[crowd], "machine": True if machine == ABOVE else None}
    opinions |= {name: said[state // weight % 3] for name, weight in EVIDENCE_WEIGHTS.items()}
    opinions[CORRECTION] = said[state // CORRECTION_WEIGHT]
    decided_by = next((name for name in (CORRECTION, *policy.trust) if opinions[name] is not None), None)
    return Verdict(
        said[human],
        said[crowd],
        VERDICTS[opinions[decided_by] if decided_by else None],
        decided_by or "machine",
        BOTH in (human, crowd) or (None not in (said[human], said[crowd]) and said[human] != said[crowd]),
        _trusted_people(policy, opinions) if machine else None,
    )


def _trusted_people(policy: ReconcilePolicy, opinions: Mapping[str, bool | None]) -> bool | None:
    """What the more trusted of human and crowd said."""
    people = (name for name in policy.trust if name in ("human", "crowdsource"))
    return next((opinions[name] for name in people if opinions[name] is not None), None)
