"""Every export: which images, what lies beside it, and that it is there whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oilake.jobs.downloading import address_lists
from oilake.jobs.exporting import list_format
from oilake.jobs.exporting.balanced_sample import BalancedSample
from oilake.jobs.exporting.formats import FORMATS, WITH_PICTURES
from tests.support import export_lake
from tests.support.releases import image_id
from tests.unit.exporting.conftest import Export

ALL = [image_id(0), image_id(1), image_id(2), image_id(0, "validation")]
FILTERS: dict[str, tuple[tuple[str, ...], list[int]]] = {
    "everything": ((), [0, 1, 2, 3]),
    "a subset": (("--subset", "validation"), [3]),
    "a class": (("--mid", "Dog"), [0, 3]),
    "a class that is denied": (("--mid", "Dog", "--verdict", "negative"), [1]),
    "a class and those below it": (("--mid", "Animal", "--with-subclasses"), [0, 1, 2, 3]),
    "a licence": (("--license", "/by/3.0"), [1]),
    "a condition": (("--where", "original_size IS NULL"), [2]),
    "a blob": (("--blob-status", "verified", "--subset", "train"), [0, 1, 2]),
    "two filters": (("--where", "rotation = 90", "--mid", "Dog"), [0]),
}


@pytest.mark.lengthy
@pytest.mark.parametrize("name", FILTERS)
def test_filters_choose_images(export: Export, out: Path, name: str) -> None:
    flags, places = FILTERS[name]
    assert export("list", *flags)["images"] == len(places)
    assert (out / "ids.txt").read_text().split() == [ALL[place] for place in places]


def test_lists_are_read_by_the_download_that_takes_them(export: Export, out: Path) -> None:
    export("list")
    rows = export_lake.images()
    for name in ("ids.txt", "split_ids.txt"):
        listed = address_lists.read_list(str(out / name))
        assert isinstance(listed, address_lists.IdList)
        assert sorted(f"{number:016x}" for number in listed.numbers()) == sorted(ALL)
    addresses = address_lists.read_list(str(out / "urls.tsv"))
    assert isinstance(addresses, address_lists.AddressList)
    lines = (out / "urls.tsv").read_text().splitlines()
    assert lines[0] == "TsvHttpData-1.0"
    assert lines[1:] == [list_format.address_line(row).rstrip("\n") for row in rows]
    assert lines[2] == "https://photos.example/1.jpg\t1\tAAAAAAAAAAAAAAAAAAAAAQ=="
    assert lines[3] == "https://photos.example/2.jpg"


def test_licence_citation_and_every_author_go_with_it(export: Export, out: Path) -> None:
    export("list")
    assert "verify the licence of each image yourself" in " ".join((out / "LICENSE.txt").read_text().split())
    assert (out / "CITATION.bib").read_text().count("@article") == 2
    rows = [
        row
        for subset in ("train", "validation")
        for row in csv.DictReader((out / "attribution" / f"{subset}.csv").open())
    ]
    assert [row["image_id"] for row in rows] == ALL
    assert rows[0]["author"] == "'=1+1 Großmann"
    manifest = json.loads((out / "export.json").read_text())
    assert (manifest["release"], manifest["snapshot"], manifest["format"]) == ("v7", 2, "list")
    assert manifest["table_versions"]["boxes"] > 0


@pytest.mark.lengthy
@pytest.mark.parametrize("name", FORMATS)
def test_an_export_is_the_same_again_and_takes_the_place_of_the_one_before(
    export: Export, out: Path, landing: Path, blobs: Path, name: str
) -> None:
    flags = ["--landing", str(landing), *(("--blobs", str(blobs)) if name in WITH_PICTURES else ())]

    def content() -> dict[str, bytes]:
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    export(name, "--subset", "train", *flags)
    first = content()
    export(name, *flags)
    assert content() != first
    export(name, "--subset", "train", *flags)
    assert content() == first
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_an_export_that_fails_leaves_the_one_before(
    export: Export, out: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    export("list")

    def fail(_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(list_format, "address_line", fail)
    assert "cannot be written" in refused("list", "--subset", "train")
    assert len((out / "ids.txt").read_text().split()) == len(ALL)


REFUSED = {
    "no image": (("list", "--where", "false"), "no image of v7 meets the filters"),
    "no class": (("list", "--mid", "Dgo"), "the nearest are Dog"),
    "below nothing": (("list", "--with-subclasses"), "--with-subclasses needs --mid"),
    "none a class": (("list", "--per-class", "0"), "--per-class must be at least 1"),
    "no status": (("list", "--blob-status", "lost"), "no check says so"),
    "no condition": (("list", "--where", "colour = 1"), "'colour': no such column; there is release, subset"),
    "no file of sizes": (("coco", "--sizes", "/nowhere.csv"), "/nowhere.csv: no such file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_one_sentence(refused: Callable[..., str], name: str) -> None:
    words, sentence = REFUSED[name]
    assert sentence in refused(*words)


def test_files_of_somebody_else_are_left_alone(refused: Callable[..., str], out: Path) -> None:
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert "no export wrote" in refused("list")
    assert (out / "thesis.txt").read_text() == "mine"


@pytest.mark.lengthy
@pytest.mark.parametrize("manifest", ["garbled", "[]", '{"format": "list"}', None])
def test_a_folder_is_replaced_when_it_holds_one_export_and_nothing_else(
    export: Export, refused: Callable[..., str], out: Path, manifest: str | None
) -> None:
    export("list")
    (out / "README.md").write_text("as `oilake card` writes it")
    export("list")
    (out / "images").mkdir()
    (out / "images" / "a.jpg").write_bytes(b"downloaded")
    if manifest:
        (out / "export.json").write_text(manifest)
    assert "no export wrote" in refused("list")
    assert (out / "images" / "a.jpg").read_bytes() == b"downloaded"


SIZES = {
    "as they should be": ("image_id,width,height\n{all}", None),
    "too few": ("image_id,width,height\n{first}", "the sides of 3 of 4 images are not known, such as 1000000000000001"),
    "no numbers": ("image_id,width,height\n{first_id},wide,high\n", "is no CSV file of image_id,width,height"),
    "a side of nothing": ("image_id,width,height\n{first_id},0,5\n", "row 1: "),
    "no ID": ("image_id,width,height\n1,5,5\n", "row 1: "),
    "no header": ("{all}", "is no CSV file of image_id,width,height"),
}


@pytest.mark.lengthy
@pytest.mark.parametrize("name", SIZES)
def test_sides_come_from_a_file(
    tmp_path_factory: pytest.TempPathFactory, export: Export, refused: Callable[..., str], out: Path, name: str
) -> None:
    text, sentence = SIZES[name]
    lines = [f"{image},100,50\n" for image in ALL]
    file = tmp_path_factory.mktemp("sizes") / "sizes.csv"
    file.write_text(text.format(all="".join(lines), first=lines[0], first_id=ALL[0]))
    if sentence:
        assert sentence in refused("coco", "--sizes", str(file))
        return
    export("coco", "--sizes", str(file))
    coco = json.loads((out / "annotations" / "instances_train.json").read_text())
    assert {(image["width"], image["height"]) for image in coco["images"]} == {(100, 50)}


def test_sides_that_nobody_measured_are_asked_for(
    tmp_path_factory: pytest.TempPathFactory, refused: Callable[..., str]
) -> None:
    bare = export_lake.fill(str(tmp_path_factory.mktemp("bare") / "lake"), with_checks=False)
    assert "run `oilake verify --release v7 --blobs PLACE" in refused("coco", warehouse=bare)


def test_a_balanced_sample_holds_so_many_images_of_each_class_whatever_the_order() -> None:
    import numpy as np

    images = np.arange(1000, dtype=np.uint64)
    samples = []
    for order in (np.arange(1000), np.arange(1000)[::-1]):
        sample = BalancedSample(10, seed=1)
        for part in np.array_split(order, 7):
            sample.add_labels(["/m/01", "/m/02"], (images[part] % np.uint64(2)).astype(np.int64), images[part])
        samples.append(sample.images())
    assert (samples[0] == samples[1]).all()
    assert [int((samples[0] % np.uint64(2) == parity).sum()) for parity in (0, 1)] == [10, 10]
    other = BalancedSample(10, seed=2)
    other.add_labels(["/m/01"], np.zeros(1000, np.int64), images)
    assert not np.isin(other.images(), samples[0]).all()


def test_a_balanced_list_is_of_the_classes_that_were_asked_for(export: Export, out: Path) -> None:
    assert export("list", "--per-class", "1", "--mid", "Cat", "--subset", "train")["images"] == 1
    assert (out / "ids.txt").read_text().strip() in (image_id(1), image_id(2))
