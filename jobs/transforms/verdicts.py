"""What follows from what each origin said about one image and class: all of it for each of the few states there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oilake.conf.reconcile_policy import ReconcilePolicy

# What people may have said: nothing, no, yes, or both.
SILENT, NO, YES, BOTH = range(4)
# What a machine may have said: nothing, something below the threshold of the policy, something from it on.
BELOW, ABOVE = 1, 2
MACHINE, HUMAN, CROWD = 16, 4, 1
STATES = 48


@dataclass(frozen=True)
class Verdict:
    """The columns of `image_labels` that follow from one state."""

    human_verdict: bool | None
    crowd_verdict: bool | None
    verdict: str
    decided_by: str
    is_conflict: bool
    machine_agrees: bool | None


def all_verdicts(policy: ReconcilePolicy) -> list[Verdict]:
    """The verdict of every state MACHINE * machine + HUMAN * human + CROWD * crowd."""
    return [_state_verdict(policy, state // MACHINE, state // HUMAN % 4, state % 4) for state in range(STATES)]


def _state_verdict(policy: ReconcilePolicy, machine: int, human: int, crowd: int) -> Verdict:
    said = {SILENT: None, NO: False, YES: True, BOTH: policy.contradiction == "positive"}
    opinions = {"human": said[human], "crowdsource": said[crowd], "machine": True if machine == ABOVE else None}
    decided_by = next((origin for origin in policy.trust if opinions[origin] is not None), None)
    return Verdict(
        said[human],
        said[crowd],
        {True: "positive", False: "negative", None: "unverified"}[opinions[decided_by] if decided_by else None],
        decided_by or "machine",
        BOTH in (human, crowd) or (None not in (said[human], said[crowd]) and said[human] != said[crowd]),
        _trusted_people(policy, opinions) if machine else None,
    )


def _trusted_people(policy: ReconcilePolicy, opinions: Mapping[str, bool | None]) -> bool | None:
    """What the more trusted of human and crowd said."""
    return next((opinions[o] for o in policy.trust if o != "machine" and opinions[o] is not None), None)
