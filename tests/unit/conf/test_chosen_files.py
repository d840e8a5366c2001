"""Which files give the rows that are asked for: none twice, none left out, and the smallest that suffice."""

from __future__ import annotations

import pytest

from oilake.conf.chosen_files import FileChoice, chosen_files, chosen_members, missing_names
from oilake.conf.errors import ConfigError
from oilake.schemas import release_registry

ALL_IDS = "2018_04/image_ids_and_rotation.csv"
BOXABLE = "2018_04/train/train-images-boxable-with-rotation.csv"
WITH_LABELS = "2018_04/train/train-images-with-labels-with-rotation.csv"
VALIDATION = "2018_04/validation/validation-images-with-rotation.csv"
TEST = "2018_04/test/test-images-with-rotation.csv"
V4 = release_registry.find_release("v4")
V5 = release_registry.find_release("v5")


def roles(choice: FileChoice, landed: list[str] | None = None) -> dict[str, bool]:
    """Whether each chosen file of V4 gives rows."""
    return {chosen.file.name: chosen.gives_rows for chosen in chosen_files(V4, choice, landed)}


def test_lists_beside_the_file_that_holds_their_rows_give_none():
    assert roles(FileChoice(("images",))) == {
        ALL_IDS: True, BOXABLE: False, WITH_LABELS: False, VALIDATION: False, TEST: False,
    }  # fmt: skip


@pytest.mark.parametrize(("subset", "name"), [("validation", VALIDATION), ("test", TEST)])
def test_a_whole_subset_stands_in_for_the_file_of_all_subsets(subset: str, name: str):
    assert roles(FileChoice(("images",), (subset,))) == {name: True}


def test_whole_subsets_of_some_that_are_asked_for_do_not_suffice():
    assert roles(FileChoice(("images",), ("train", "test")))[ALL_IDS]
    assert not roles(FileChoice(("images",), ("train", "test")))[TEST]
    assert set(roles(FileChoice(("images",), ("validation", "test")))) == {VALIDATION, TEST}


def test_of_what_is_there_only_the_widest_gives_rows():
    everything = FileChoice(("images",))
    assert roles(everything, [BOXABLE, VALIDATION]) == {BOXABLE: True, VALIDATION: True}
    assert roles(everything, [BOXABLE, WITH_LABELS]) == {BOXABLE: False, WITH_LABELS: True}
    assert roles(everything, [BOXABLE, ALL_IDS]) == {BOXABLE: False, ALL_IDS: True}


def test_an_excerpt_of_labels_is_taken_only_where_the_whole_is_not_there():
    excerpt, whole = (f"v5/test-annotations-human-imagelabels{end}.csv" for end in ("-boxable", ""))
    assert excerpt not in [chosen.file.name for chosen in chosen_files(V5)]
    assert [chosen.file.name for chosen in chosen_files(V5, landed=[excerpt])] == [excerpt]
    assert [chosen.file.name for chosen in chosen_files(V5, landed=[excerpt, whole])] == [whole]


def test_class_lists_belong_to_every_subset():
    names = list(roles(FileChoice(("classes", "boxes"), ("test",))))
    assert names == [
        "2018_04/test/test-annotations-bbox.csv",
        "2018_04/class-descriptions.csv",
        "2018_04/class-descriptions-boxable.csv",
        "2018_04/classes.txt",
        "2018_04/classes-trainable.txt",
    ]


def test_files_that_nobody_is_known_to_have_are_not_missed():
    missing = missing_names(V4, FileChoice(("classes",)), [])
    assert missing == ["2018_04/class-descriptions.csv", "2018_04/class-descriptions-boxable.csv"]


def test_of_an_archive_the_members_are_chosen():
    release = release_registry.find_release("v3")
    choice = FileChoice(("labels",), ("test",))
    files = [chosen.file for chosen in chosen_files(release, choice)]
    assert [file.name for file in files] == ["annotations_machine_2017_11.tar.gz", "annotations_human_2017_11.tar.gz"]
    assert [each.path for each in chosen_members(release, files[0], choice)] == ["2017_11/test/annotations-machine.csv"]


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (
            FileChoice(("lables",)),
            "--tables: release v4 has no lables; it has images, labels, boxes, classes, hierarchy, relationships, "
            "relationship_triplets, relationship_descriptions, attributes",
        ),
        (FileChoice((), ("val",)), "--subset: release v4 has no val; it has train, validation, test"),
    ],
)
def test_what_a_release_has_not_is_told_with_what_it_has(choice: FileChoice, sentence: str):
    with pytest.raises(ConfigError, match=f"^{sentence}$"):
        chosen_files(V4, choice)
