"""Published labels of a chunk of images to rows of `image_labels`: integer keys, one sort, and no work on strings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.conf.reconcile_policy import EVIDENCE, ORIGINS, Evidence, ReconcilePolicy
from oilake.jobs.transforms import evidence_counts, label_evidence, label_keys
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.corrections import chunk_corrections
from oilake.jobs.transforms.evidence_counts import COUNTS, EvidenceCounts, PairPlaces
from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import ImageRuns, distinct_images
from oilake.jobs.transforms.label_keys import Integers
from oilake.jobs.transforms.verdicts import EVIDENCE_WEIGHTS, STATES, Verdict, state_verdict
from oilake.jobs.transforms.words import CORRECTIONS
from oilake.schemas import loader as schemas

TEXT = pa.dictionary(pa.int32(), pa.string())
NO_LABELS = ImageRuns(
    pa.table(
        {"mid": pa.array([], TEXT), "source": pa.array([], TEXT), "confidence": pa.array([], pa.float64())},
    ),
    np.empty(0, np.uint64),
    np.empty(0, np.int64),
)


@dataclass(frozen=True)
class Reconciled:
    """`rows` of `image_labels` in the order of (image_id, mid); `states`: how many of them are in each state of
    transforms/verdicts.py, shape (STATES,)."""

    rows: pa.Table
    states: Integers


def reconcile_labels(
    chunk: Mapping[str, ImageRuns],
    classes: ClassVocabulary,
    policy: ReconcilePolicy,
    usual: Mapping[str, str],
    taken: Collection[Evidence],
    subset: str,
) -> Reconciled | None:
    """One row an (image, MID) that the labels in `chunk` name, or a correction of the subset; None when there is none.

    `chunk`: all rows of some images, by origin with mid, source and confidence, and by table of evidence with what
    evidence_counts reads of it, and under `corrections` with what transforms/corrections.py reads. `usual`: by origin the
    source that the release declares first. `taken`: the tables of evidence that the release has of the subset.
    """
    labels = {kind: chunk[origin] for kind, origin in enumerate(ORIGINS) if origin in chunk}
    corrected = chunk.get(CORRECTIONS)
    if not labels and not corrected:
        return None
    classes = classes.including(evidence_counts.mid_columns(chunk))
    images = distinct_images([part.images for part in (*labels.values(), *([corrected] if corrected else []))])
    keys = label_keys.build_keys(labels or {0: NO_LABELS}, images, classes)
    evidence = label_evidence.find_evidence(keys, policy)
    corrections = chunk_corrections(corrected, subset, images, classes)
    evidence = corrections.with_own_pairs(evidence) if corrections else evidence
    if not len(evidence.pairs):
        return None
    pairs = PairPlaces(images, classes, evidence.pairs)
    counts = evidence_counts.count_evidence(chunk, taken, pairs)
    if corrections and "boxes" in counts:
        counts["boxes"] = (counts["boxes"][0] - corrections.count_dropped(pairs),)
    states = _whole_states(evidence.states, counts, policy)
    if corrections:
        corrections.add_states(states, evidence.pairs)
    states_by_count = np.bincount(states, minlength=STATES)
    mids = label_keys.bit_width(len(classes.mids))
    columns = {
        "image_id": _dictionary_column((evidence.pairs >> mids).astype(np.int32), as_ids(images)),
        "machine_confidence": evidence.machine_confidence,
        "observations": pa.array(np.diff(evidence.ends, prepend=0).astype(np.int32)),
        "extra_observations": label_evidence.extra_observations(
            keys, evidence, policy, [usual.get(origin) for origin in ORIGINS]
        ),
        **_class_columns((evidence.pairs & ((1 << mids) - 1)).astype(np.int32), classes),
        **_count_columns(counts, len(evidence.pairs)),
        **_verdict_columns(states, states_by_count, policy),
    }
    schema = schemas.arrow_schema(schemas.table_schema("image_labels"))
    return Reconciled(pa.table({name: columns[name] for name in schema.names}), states_by_count)


def _whole_states(label_states: label_evidence.States, counts: EvidenceCounts, policy: ReconcilePolicy) -> Integers:
    """The state of each pair: what labels say, and what the evidence does that the policy trusts."""
    states = label_states.astype(np.int64)
    for table in EVIDENCE:
        if table in policy.trust and table in counts:
            states += EVIDENCE_WEIGHTS[table] * evidence_counts.evidence_says(table, counts[table])
    return states


def _count_columns(counts: EvidenceCounts, rows: int) -> dict[str, pa.Array]:
    """The columns that count evidence; NULL in every row where its table was not taken."""
    types = schemas.arrow_schema(schemas.table_schema("image_labels"))
    columns = {}
    for table, names in COUNTS.items():
        for place, name in enumerate(names):
            numbers = pa.array(counts[table][place]) if table in counts else pa.nulls(rows, pa.int64())
            columns[name] = numbers.cast(types.field(name).type)
    return columns


def _dictionary_column(places: npt.NDArray[np.int32], values: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places), values, safe=False)


def _class_columns(mids: npt.NDArray[np.int32], classes: ClassVocabulary) -> dict[str, pa.Array]:
    """`mids`: places in `classes`, shape (rows,)."""
    places = pa.array(mids)
    return {
        "mid": _dictionary_column(mids, classes.mids),
        "display_name": classes.display_names.take(places),
        "is_trainable": classes.is_trainable.take(places),
        "is_boxable": classes.is_boxable.take(places),
    }


def _verdict_columns(states: Integers, states_by_count: Integers, policy: ReconcilePolicy) -> dict[str, pa.Array]:
    """The columns that follow from the state of each row; `states_by_count`: how many rows are in each."""
    present = np.flatnonzero(states_by_count)
    places = pa.array(np.searchsorted(present, states))
    by_state = [state_verdict(policy, state) for state in present.tolist()]
    types = schemas.arrow_schema(schemas.table_schema("image_labels"))
    columns = {
        name: pa.array(values, types.field(name).type)
        for name, values in zip(Verdict.__annotations__, zip(*map(astuple, by_state), strict=True), strict=True)
    }
    return {
        name: (values.dictionary_encode() if pa.types.is_string(values.type) else values).take(places)
        for name, values in columns.items()
    }
