"""What each origin says about each image and MID, read off sorted keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.conf.reconcile_policy import ReconcilePolicy
from oilake.jobs.transforms.label_keys import KIND_BITS, Integers, LabelKeys, range_numbers, run_starts
from oilake.jobs.transforms.verdicts import ABOVE, BELOW, BOTH, CROWD, HUMAN, MACHINE, NO, YES
from oilake.schemas.loader import arrow_schema, table_schema

EXTRA = arrow_schema(table_schema("image_labels")).field("extra_observations").type

States = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class LabelEvidence:
    """Of each pair, in ascending order: its key, where its rows end, its state, and its machine confidence (or NULL).

    `starts`, `stops`: where the rows of each statement begin and end; a statement is what one origin says about a pair.
    `several`: the statements of several rows.
    """

    pairs: Integers
    ends: Integers
    states: States
    machine_confidence: pa.Array
    starts: Integers
    stops: Integers
    several: Integers


def find_evidence(keys: LabelKeys, policy: ReconcilePolicy) -> LabelEvidence:
    """The pairs and statements of the keys."""
    tail = keys.level_bits + keys.source_bits
    starts = run_starts(keys.sorted >> tail)
    stops = np.append(starts[1:], len(keys.sorted))
    lowest = keys.sorted if len(starts) == len(keys.sorted) else keys.sorted[starts]
    several = np.flatnonzero(stops - starts > 1)
    chosen = lowest
    if policy.machine == "highest" and len(several):
        chosen = lowest.copy()
        chosen[several] = keys.sorted[stops[several] - 1]
    pairs = lowest >> (tail + KIND_BITS)
    firsts = run_starts(pairs)
    states = _statement_states(keys, chosen, policy)
    _correct_contradictions(keys, states, several, lowest[several], keys.sorted[stops[several] - 1])
    states = np.add.reduceat(states, firsts, dtype=np.uint8)
    distinct = pairs[firsts]
    return LabelEvidence(
        distinct if keys.pairs is None else keys.pairs[distinct],
        np.append(starts[firsts[1:]], len(keys.sorted))[: len(firsts)],
        states,
        pa.array(keys.levels[_level_codes(keys, chosen[firsts])], mask=states < MACHINE),
        starts,
        stops,
        several,
    )


def with_pairs(evidence: LabelEvidence, pairs: Integers) -> LabelEvidence:
    """The evidence with pairs that no label names: no row stands behind them, and nobody said anything of them."""
    every = np.union1d(evidence.pairs, pairs)
    if len(every) == len(evidence.pairs):
        return evidence
    places = np.searchsorted(every, evidence.pairs)
    rows, states = np.zeros(len(every), np.int64), np.zeros(len(every), np.uint8)
    rows[places], states[places] = np.diff(evidence.ends, prepend=0), evidence.states
    origin_places = np.full(len(every), -1)
    origin_places[places] = np.arange(len(places))
    confidences = evidence.machine_confidence.take(pa.array(origin_places, mask=origin_places < 0))
    return replace(evidence, pairs=every, ends=np.cumsum(rows), states=states, machine_confidence=confidences)


def _kind_codes(keys: LabelKeys, row_keys: Integers) -> Integers:
    return (row_keys >> (keys.level_bits + keys.source_bits)) & ((1 << KIND_BITS) - 1)


def _level_codes(keys: LabelKeys, row_keys: Integers) -> Integers:
    return (row_keys >> keys.source_bits) & ((1 << keys.level_bits) - 1)


def _source_codes(keys: LabelKeys, row_keys: Integers) -> Integers:
    return row_keys & ((1 << keys.source_bits) - 1)


def _statement_states(keys: LabelKeys, chosen: Integers, policy: ReconcilePolicy) -> States:
    """What each statement adds to the state of its pair, by one of its rows."""
    threshold = np.inf if policy.machine_threshold is None else policy.machine_threshold
    says = np.where(keys.levels == 1, YES, NO)
    machine = np.where(keys.levels >= threshold, ABOVE, BELOW)
    of_level = np.zeros((3, 1 << keys.level_bits), np.uint8)
    of_level[:, : len(keys.levels)] = [MACHINE * machine, HUMAN * says, CROWD * says]
    places = (chosen >> keys.source_bits) & ((1 << (KIND_BITS + keys.level_bits)) - 1)
    return of_level.ravel().take(places)


def _correct_contradictions(
    keys: LabelKeys, states: States, several: Integers, lowest: Integers, highest: Integers
) -> None:
    """Corrects what the statements of `several` rows add, where people said both."""
    kind = _kind_codes(keys, lowest)
    both = (_level_codes(keys, lowest) != _level_codes(keys, highest)) & (kind > 0)
    states[several[both]] = np.array([0, HUMAN * BOTH, CROWD * BOTH], np.uint8)[kind[both]]


def extra_observations(
    keys: LabelKeys, evidence: LabelEvidence, policy: ReconcilePolicy, usual: Sequence[str | None]
) -> pa.ListArray:
    """The rows of each pair that its columns do not stand for, by source and confidence. `usual`: source by kind."""
    rows = _extra_rows(keys, evidence, policy, usual)
    pairs = np.searchsorted(evidence.ends, rows, side="right")
    levels, sources = _level_codes(keys, keys.sorted[rows]), _source_codes(keys, keys.sorted[rows])
    order = np.lexsort((levels, sources, pairs))
    offsets = np.zeros(len(evidence.ends) + 1, np.int32)
    np.cumsum(np.bincount(pairs, minlength=len(evidence.ends)), out=offsets[1:])
    names = pa.array(keys.sources, pa.string()).take(pa.array(sources[order]))
    values = pa.StructArray.from_arrays([names, pa.array(keys.levels[levels[order]])], fields=list(EXTRA.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=EXTRA)


def _extra_rows(
    keys: LabelKeys, evidence: LabelEvidence, policy: ReconcilePolicy, usual: Sequence[str | None]
) -> Integers:
    """The places of these rows among the keys, ascending."""
    starts, stops = evidence.starts[evidence.several], evidence.stops[evidence.several]
    is_machine = _kind_codes(keys, keys.sorted[starts]) == 0
    takes_last = np.where(is_machine, policy.machine == "highest", policy.contradiction == "positive")
    rows = np.setdiff1d(range_numbers(starts, stops), np.where(takes_last, stops - 1, starts), assume_unique=True)
    if all(usual[kind] == source for kind, source in keys.spoken):
        return rows
    places = np.array([keys.sources.index(u) if u in keys.sources else -1 for u in usual])
    odd = np.flatnonzero(_source_codes(keys, keys.sorted) != places[_kind_codes(keys, keys.sorted)])
    pairs = np.unique(np.searchsorted(evidence.ends, odd, side="right"))
    return np.union1d(rows, range_numbers(np.append(0, evidence.ends)[pairs], evidence.ends[pairs]))
