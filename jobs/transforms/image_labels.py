"""Published labels of a chunk of images to rows of `image_labels`: integer keys, one sort, and no work on strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.conf.reconcile_policy import ORIGINS, ReconcilePolicy
from oilake.jobs.transforms import label_evidence, label_keys
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers, distinct_images
from oilake.jobs.transforms.label_keys import Integers
from oilake.jobs.transforms.verdicts import STATES, Verdict, all_verdicts
from oilake.schemas import loader as schemas

BOXES = "boxes"

States = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Reconciled:
    """`rows` of `image_labels` in the order of (image_id, mid); `states`: how many of them are in each state of
    transforms/verdicts.py, shape (48,)."""

    rows: pa.Table
    states: Integers


def reconcile_labels(
    chunk: Mapping[str, ImageRuns],
    classes: ClassVocabulary,
    policy: ReconcilePolicy,
    usual: Mapping[str, str],
    has_boxes: bool,
) -> Reconciled | None:
    """One row an (image, MID) that the labels in `chunk` name; None when it holds no label.

    `chunk`: all rows of some images, by origin with mid, source and confidence, and under `boxes` with mid. `usual`: by
    origin the source that the release declares first. Without `has_boxes` no box of the subset is published.
    """
    labels = {kind: chunk[origin] for kind, origin in enumerate(ORIGINS) if origin in chunk}
    if not labels:
        return None
    classes = classes.including(part.rows["mid"] for part in chunk.values())
    images = distinct_images([part.images for part in labels.values()])
    keys = label_keys.build_keys(labels, images, classes)
    evidence = label_evidence.find_evidence(keys, policy)
    mids = label_keys.bit_width(len(classes.mids))
    columns = {
        "image_id": _dictionary_column((evidence.pairs >> mids).astype(np.int32), as_ids(images)),
        "machine_confidence": evidence.machine_confidence,
        "observations": pa.array(np.diff(evidence.ends, prepend=0).astype(np.int32)),
        "box_count": _box_count(chunk.get(BOXES), images, classes, evidence.pairs) if has_boxes else None,
        "extra_observations": label_evidence.extra_observations(
            keys, evidence, policy, [usual.get(origin) for origin in ORIGINS]
        ),
        **_class_columns((evidence.pairs & ((1 << mids) - 1)).astype(np.int32), classes),
        **_verdict_columns(evidence.states, all_verdicts(policy)),
    }
    schema = schemas.arrow_schema(schemas.table_schema("image_labels"))
    missing = pa.nulls(len(evidence.pairs), pa.int32())
    rows = pa.table({name: missing if columns[name] is None else columns[name] for name in schema.names})
    return Reconciled(rows, np.bincount(evidence.states, minlength=STATES))


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


def _verdict_columns(states: States, by_state: Sequence[Verdict]) -> dict[str, pa.Array]:
    """The columns that follow from the state of each row; `known`: by state."""
    places = pa.array(states)
    columns = {
        name: pa.array(values)
        for name, values in zip(Verdict.__annotations__, zip(*map(astuple, by_state), strict=True), strict=True)
    }
    return {
        name: (values.dictionary_encode() if pa.types.is_string(values.type) else values).take(places)
        for name, values in columns.items()
    }


def _box_count(boxes: ImageRuns | None, images: Numbers, classes: ClassVocabulary, pairs: Integers) -> pa.Array:
    """How many boxes each of the ascending `pairs` has, shape (pairs,)."""
    counts = np.zeros(len(pairs), np.int32)
    if boxes is not None:
        is_labelled = images.take(np.searchsorted(images, boxes.images), mode="clip") == boxes.images
        labelled = np.repeat(is_labelled, boxes.lengths)
        boxed, box_counts = np.unique(label_keys.pair_keys(boxes, images, classes)[labelled], return_counts=True)
        places = np.searchsorted(pairs, boxed)
        same = pairs.take(places, mode="clip") == boxed
        counts[places[same]] = box_counts[same]
    return pa.array(counts)
