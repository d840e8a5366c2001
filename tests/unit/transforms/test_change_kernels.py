"""What differs between two releases: the kernels beside plain dictionaries, on rows that Hypothesis thinks up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.jobs.transforms import class_history, image_changes, image_runs, label_changes
from oilake.jobs.transforms.class_ancestors import build_ancestors
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.image_runs import ImageRuns
from oilake.jobs.transforms.release_diff import FROM, TO, side_name
from oilake.jobs.transforms.words import BOX_CHANGES
from oilake.schemas import loader as schemas
from tests.support.releases import CAT, DOG, TREE

SUBSETS = ("train", "validation", "test")
IMAGES = ("0000000000000001", "00000000000000ff", "7fffffffffffffff", "8000000000000000", "ffffffffffffffff")
MIDS = (DOG, CAT, TREE, "/g/11b")
MACHINE = [("unverified", "machine"), ("positive", "machine")]
PEOPLE = [(verdict, who) for verdict in ("positive", "negative") for who in ("human", "crowdsource")]
CONFIDENCES = st.sampled_from([None, 0.0, 0.5, 0.9, 1.0])
# A dog is a cat and a cat is a tree; a part of the dog implies nothing.
NODES = [
    {"path": path, "parent_path": path[:-2] or None, "mid": mid, "relation": relation}
    for path, mid, relation in [
        ("1", "/m/0root", None),
        ("1/1", TREE, "subcategory"),
        ("1/1/1", CAT, "subcategory"),
        ("1/1/1/1", DOG, "subcategory"),
        ("1/1/1/1/1", "/g/11b", "part"),
    ]
]
BELOW = {TREE: (CAT, DOG), CAT: (DOG,)}
SAID = st.tuples(st.sampled_from(MACHINE + PEOPLE), CONFIDENCES)

Said = tuple[tuple[str, str], float | None]
Release = dict[str, tuple[str, Any]]
LABELS = st.dictionaries(
    st.sampled_from(IMAGES),
    st.tuples(st.sampled_from(SUBSETS), st.dictionaries(st.sampled_from(MIDS), SAID, min_size=1)),
)
DETAILS = st.fixed_dictionaries(
    {
        name: st.one_of(st.none(), st.sampled_from([11, 12] if name == "original_size" else ["", "a", "é"]))
        for name in image_changes.COLUMNS
    }
)
PHOTOS = st.dictionaries(st.sampled_from(IMAGES), st.tuples(st.sampled_from(SUBSETS), DETAILS))
NAMES = st.dictionaries(
    st.sampled_from(MIDS),
    st.fixed_dictionaries(
        {
            "display_name": st.sampled_from([None, "Dog", "Cat", " Cat"]),
            "is_trainable": st.sampled_from([None, True, False]),
            "is_boxable": st.sampled_from([None, True, False]),
        }
    ),
)


def parts(rows: list[dict[str, Any]], columns: Iterable[str], plain: bool, size: int) -> ImageRuns:
    """The rows, sorted, in batches of `size`."""
    types = {"machine_confidence": pa.float64(), "original_size": pa.int64()}
    text = pa.string() if plain else pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([(name, types.get(name, text)) for name in columns])
    schema = schema.insert(0, pa.field("image_id", pa.string()))
    ordered = iter(sorted(rows, key=lambda row: (row["image_id"], row.get("mid", ""))))
    batches = iter(lambda: list(islice(ordered, size)), [])
    return image_runs.join_runs(
        [image_runs.runs_of_batch(pa.RecordBatch.from_pylist(batch, schema=schema)) for batch in batches]
    )


def label_rows(release: Mapping[str, tuple[str, dict[str, Said]]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (image, mid): {"subset": subset, "verdict": said[0], "decided_by": said[1], "machine_confidence": confidence}
        for image, (subset, pairs) in release.items()
        for mid, (said, confidence) in pairs.items()
    }


def said_by_people(row: dict[str, Any] | None) -> str | None:
    return None if row is None or row["decided_by"] == "machine" else row["verdict"]


def label_change(old: dict[str, Any] | None, new: dict[str, Any] | None, has_positive_below: bool) -> str | None:
    """The change of one pair, as the schema words it."""
    before, after = said_by_people(old), said_by_people(new)
    if before == "positive" and after is None and has_positive_below:
        return "made_leaf_most"
    if old is None or new is None:
        return "added" if old is None else "removed"
    if before and after and before != after:
        return "flipped"
    if bool(before) != bool(after):
        return "newly_verified" if after else "no_longer_verified"
    return "confidence_changed" if old["machine_confidence"] != new["machine_confidence"] else None


def expected_labels(old: dict[tuple[str, str], Any], new: dict[tuple[str, str], Any]) -> list[dict[str, Any]]:
    found = []
    for pair in sorted({*old, *new}):
        before, after = old.get(pair), new.get(pair)
        below = [new.get((pair[0], mid)) for mid in BELOW.get(pair[1], ())]
        change = label_change(before, after, "positive" in map(said_by_people, below))
        if change is None:
            continue
        both = before is not None and after is not None
        found.append(
            {
                "image_id": pair[0],
                "mid": pair[1],
                "change": change,
                "is_confidence_changed": both and before["machine_confidence"] != after["machine_confidence"],
                "is_subset_moved": both and before["subset"] != after["subset"],
                **{f"from_{name}": (before or {}).get(name) for name in after or before},
                **{f"to_{name}": (after or {}).get(name) for name in after or before},
            }
        )
    return found


def sided(
    releases: Mapping[str, dict[Any, Any]], columns: Iterable[str], plain: bool, size: int
) -> dict[str, ImageRuns]:
    """The rows of each role, by image or (image, MID), as sides."""
    by_side: dict[str, list[dict[str, Any]]] = {}
    for role, rows in releases.items():
        for key, row in rows.items():
            ids = {"image_id": key} if plain else {"image_id": key[0], "mid": key[1]}
            by_side.setdefault(side_name(role, row["subset"]), []).append({**row, **ids})
    return {name: parts(rows, columns, plain, size) for name, rows in by_side.items()}


@pytest.mark.lengthy
@given(LABELS, LABELS, st.integers(1, 7))
def test_labels_are_compared_as_dictionaries_would(old: Release, new: Release, size: int):
    before, after = label_rows(old), label_rows(new)
    chunk = sided({FROM: before, TO: after}, label_changes.COLUMNS, False, size)
    if not chunk:
        return
    classes = build_vocabulary(
        [{"mid": mid, "display_name": None, "is_trainable": None, "is_boxable": None} for mid in MIDS[:2]]
    )
    found = label_changes.compare_labels(chunk, classes, build_ancestors(NODES))
    assert found.column_names == schemas.arrow_schema(schemas.table_schema("label_changes")).names
    assert found.to_pylist() == expected_labels(before, after)


@pytest.mark.lengthy
@given(LABELS, st.integers(1, 7))
def test_a_release_compared_with_itself_has_no_change(release: Release, size: int):
    rows = label_rows(release)
    chunk = sided({FROM: rows, TO: rows}, label_changes.COLUMNS, False, size)
    if chunk:
        assert label_changes.compare_labels(chunk, build_vocabulary([])).num_rows == 0


def test_a_positive_that_gave_way_to_a_class_below_it_is_told_from_a_withdrawn_one():
    yes, no, unsure = PEOPLE[0], PEOPLE[2], MACHINE[0]
    before = label_rows({image: ("train", {TREE: (yes, 0.5), CAT: (yes, None)}) for image in IMAGES[:4]})
    after = label_rows(
        {
            IMAGES[0]: ("train", {DOG: (yes, None)}),
            IMAGES[1]: ("train", {DOG: (no, None)}),
            IMAGES[2]: ("validation", {DOG: (unsure, 0.9), CAT: (yes, None), TREE: (unsure, 0.5)}),
            IMAGES[3]: ("train", {DOG: (yes, None), CAT: (no, None), "/g/11b": (yes, None)}),
        }
    )
    chunk = sided({FROM: before, TO: after}, label_changes.COLUMNS, False, 3)
    found = label_changes.compare_labels(chunk, build_vocabulary([]), build_ancestors(NODES)).to_pylist()
    changes = {(row["image_id"], row["mid"]): row["change"] for row in found if row["from_verdict"]}
    assert changes == {
        (IMAGES[0], TREE): "made_leaf_most",
        (IMAGES[0], CAT): "made_leaf_most",
        (IMAGES[1], TREE): "removed",
        (IMAGES[1], CAT): "removed",
        (IMAGES[2], TREE): "made_leaf_most",
        (IMAGES[3], TREE): "made_leaf_most",
        (IMAGES[3], CAT): "flipped",
    }


def expected_images(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for image in sorted({*old, *new}):
        before, after = old.get(image, {}), new.get(image, {})
        differ = [name for name in image_changes.COLUMNS if before and after and before[name] != after[name]]
        change = "metadata_changed" if differ else None
        if not before or not after:
            change = "removed" if before else "added"
        elif before["subset"] != after["subset"]:
            change = "moved_subset"
        if change:
            found.append(
                {
                    "image_id": image,
                    "change": change,
                    "from_subset": before.get("subset"),
                    "to_subset": after.get("subset"),
                    "columns_changed": differ,
                }
            )
    return found


@pytest.mark.lengthy
@given(PHOTOS, PHOTOS, st.integers(1, 7), st.booleans())
def test_images_are_compared_as_dictionaries_would(old: Release, new: Release, size: int, again: bool):
    releases = {
        role: {image: {"subset": subset, **details} for image, (subset, details) in release.items()}
        for role, release in ((FROM, old), (TO, old | new if again else new))
    }
    chunk = sided(releases, image_changes.COLUMNS, True, size)
    if chunk:
        found = image_changes.compare_images(chunk, dict.fromkeys(chunk, image_changes.COLUMNS))
        assert found.column_names == schemas.arrow_schema(schemas.table_schema("image_changes")).names
        assert found.to_pylist() == expected_images(releases[FROM], releases[TO])


def test_rows_of_files_that_come_out_of_order_are_put_in_order():
    photos = {image: {"subset": "train", **dict.fromkeys(image_changes.COLUMNS)} for image in IMAGES}
    there, here = side_name(FROM, "train"), side_name(TO, "train")
    both = sided({FROM: photos, TO: photos}, image_changes.COLUMNS, True, 2)
    images = {there: both[there], here: swapped(both[here])}
    assert image_changes.compare_images(images, dict.fromkeys(images, image_changes.COLUMNS)).num_rows == 0
    said = label_rows({image: ("train", {DOG: (PEOPLE[0], None), CAT: (MACHINE[0], 0.5)}) for image in IMAGES})
    chunk = sided({FROM: said, TO: said}, label_changes.COLUMNS, False, 2)
    assert (
        label_changes.compare_labels({there: chunk[there], here: swapped(chunk[here])}, build_vocabulary([])).num_rows
        == 0
    )


def swapped(part: ImageRuns) -> ImageRuns:
    """The same rows, as of two files whose names do not come in the order of their images."""
    middle = int(IMAGES[2], 16)
    return image_runs.join_runs([part.since(middle), part.before(middle)])


def test_a_column_younger_than_the_files_is_null():
    rows = {IMAGES[0]: {"subset": "train", **dict.fromkeys(image_changes.COLUMNS, None), "original_size": 11}}
    old = sided({FROM: rows}, image_changes.COLUMNS, True, 1)[side_name(FROM, "train")]
    older = ImageRuns(old.rows.drop_columns(["original_size", "title"]), old.images, old.lengths)
    chunk = {side_name(FROM, "train"): older, side_name(TO, "train"): old}
    found = image_changes.compare_images(chunk, dict.fromkeys(chunk, image_changes.COLUMNS)).to_pylist()
    assert [row["columns_changed"] for row in found] == [["original_size"]]


def test_a_column_that_one_release_lacks_changes_no_image():
    rows = {IMAGES[0]: {"subset": "train", **dict.fromkeys(image_changes.COLUMNS, None), "original_size": 11}}
    new = sided({TO: rows}, image_changes.COLUMNS, True, 1)[side_name(TO, "train")]
    old = ImageRuns(new.rows.drop_columns(["original_size"]), new.images, new.lengths)
    chunk = {side_name(FROM, "train"): old, side_name(TO, "train"): new}
    given = {
        name: [name for name in image_changes.COLUMNS if name in part.rows.column_names] for name, part in chunk.items()
    }
    assert image_changes.compare_images(chunk, given).num_rows == 0


def test_a_list_that_one_release_lacks_of_a_subset_changes_no_image_of_it():
    """Of V4 nobody is known to have the list of train images with labels; of V6 all have it."""
    told = dict.fromkeys(image_changes.COLUMNS)
    old = {IMAGES[0]: {"subset": "train", **told}, IMAGES[1]: {"subset": "test", **told, "has_human_labels": "yes"}}
    new = {image: {**row, "has_human_labels": "no"} for image, row in old.items()}
    chunk = sided({FROM: old, TO: new}, image_changes.COLUMNS, True, 2)
    without = [name for name in image_changes.COLUMNS if name != "has_human_labels"]
    given = dict.fromkeys(chunk, image_changes.COLUMNS) | {side_name(FROM, "train"): without}
    changed = image_changes.compare_images(chunk, given).to_pylist()
    assert [(row["image_id"], row["columns_changed"]) for row in changed] == [(IMAGES[1], ["has_human_labels"])]


@given(NAMES, NAMES)
def test_classes_are_compared_as_dictionaries_would(old: dict[str, Any], new: dict[str, Any]):
    found = class_history.compare_classes(*([{"mid": mid, **row} for mid, row in one.items()] for one in (old, new)))
    assert found["mid"].to_pylist() == sorted({*old, *new})
    for row in found.to_pylist():
        before, after = old.get(row["mid"]), new.get(row["mid"])
        bare = [one and (one["display_name"] or "").strip() for one in (before, after)]
        same_name = None not in bare and bare[0] == bare[1]
        assert row["change"] == (
            "added" if not before else "removed" if not after else "kept" if same_name else "renamed"
        )
        named = after or before
        carriers = [one for one in (new if after else old).values() if one["display_name"] == named["display_name"]]
        assert row["sharing"] == (len(carriers) if named["display_name"] else None)
        for role, one in (("from", before or {}), ("to", after or {})):
            assert row[f"{role}_name"] == one.get("display_name")
            for flag in ("is_trainable", "is_boxable"):
                assert row[f"{role}_{flag}"] is one.get(flag)


@pytest.mark.parametrize("table", ["label_changes", "image_changes", "box_changes", "class_history"])
def test_every_kind_of_change_is_allowed_by_the_suite(table: str):
    from oilake.quality import suites as quality

    kinds = {
        "label_changes": label_changes.CHANGES,
        "image_changes": image_changes.CHANGES,
        "class_history": class_history.CHANGES,
        "box_changes": BOX_CHANGES,
    }
    allowed = [
        e.kwargs["value_set"]
        for e in quality.load_suite(table).expectations
        if e.kwargs.get("column") == "change" and "value_set" in e.kwargs
    ]
    assert allowed == [list(kinds[table])]
