"""One image's and one class's story over all releases, as a person asks for it."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.changes import changes
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables import file_batches
from tests.conftest import Oilake
from tests.support.releases import (
    CAT,
    DOG,
    IMAGE_HEADER,
    LABEL_HEADER,
    MD5,
    TAG,
    TREE,
    image_id,
    image_row,
    land,
    lines,
)

FIRST = image_id(0)
LATER = {
    f"{TAG}/train/images.csv": lines(
        IMAGE_HEADER, image_row(FIRST, title='"A hound"'), *(image_row(image_id(n)) for n in range(1, 4))
    ),
    # a human takes the dog back, the crowd sees a tree that no machine saw
    f"{TAG}/train/annotations-human.csv": lines(
        LABEL_HEADER, f"{FIRST},verification,{DOG},0", f"{FIRST},crowdsource-verification,{TREE},1"
    ),
}


@pytest.fixture(scope="module")
def told(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse with the release of tests/support/releases.py as v2, LATER's as v3, and what changed; never written to."""
    folder = tmp_path_factory.mktemp("history")
    for name, members in (("v2", {}), ("v3", LATER)):
        mine = replace(settings, warehouse=str(folder / "lake"), landing=str(land(folder / name, members)))
        release: Release = replace(registry.find_release("v3"), release=name)
        ingest(mine, release)
        reconcile(mine, release, reconcile_policy.load_policy())
    changes(mine, "v2", "v3")
    return mine.warehouse


@pytest.mark.parametrize("spelling", [FIRST, "0x1000000000000000", "0X1000000000000000"])
def test_an_image_tells_its_story(oilake: Oilake, told: str, spelling: str):
    code, out, _ = oilake("history", "--image", spelling, "--warehouse", told)
    assert code == 0
    assert out.splitlines() == [
        FIRST,
        "v2  train, 11 bytes",
        f"    {b64decode(MD5).hex()}",
        "    A dog",
        f"    https://c1.staticflickr.com/1/{FIRST}_o.jpg",
        "    boxes: 1",
        "    mid        name  machine  human  crowd  verdict",
        "    /m/0bt9lr  Dog   0.9      yes    –      positive (human)",
        "v3  train, 11 bytes",
        f"    {b64decode(MD5).hex()}",
        "    A hound",
        f"    https://c1.staticflickr.com/1/{FIRST}_o.jpg",
        "    boxes: 1",
        "    mid        name  machine  human  crowd  verdict",
        "    /m/07j7r   Tree  –        –      yes    positive (crowdsource)",
        "    /m/0bt9lr  Dog   0.9      no     –      negative (human)",
        "v2 to v3: metadata_changed (title)",
        f"v2 to v3: {TREE} added, – -> positive (crowdsource)",
        f"v2 to v3: {DOG} flipped, positive (human, machine 0.9) -> negative (human, machine 0.9)",
    ]


def test_a_story_is_plain_data_too(oilake: Oilake, told: str):
    code, out, _ = oilake("history", "--image", FIRST, "--warehouse", told, "--json")
    story = json.loads(out)
    assert (code, story["id"], [one["release"] for one in story["releases"]]) == (0, FIRST, ["v2", "v3"])
    assert [row["change"] for row in story["changes"]["label_changes"]] == ["added", "flipped"]
    assert story["releases"][0]["labels"][0]["human_verdict"] is True


@pytest.mark.parametrize("spelling", [DOG, "m.0bt9lr", "kg:/m/0bt9lr", "/M/0BT9LR", "Dog", "dog"])
def test_a_class_tells_its_story(oilake: Oilake, told: str, spelling: str):
    code, out, _ = oilake("history", "--mid", spelling, "--warehouse", told)
    assert code == 0
    assert out.splitlines() == [
        DOG,
        "    release  name  trainable  boxable  machine  positive  negative  boxes",
        "    v2       Dog   yes        yes      3        3         0         3",
        "    v3       Dog   yes        yes      3        2         1         3",
        "v2 to v3: kept",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--image", "0abc"), "no published release (v2, v3) has the image 0000000000000abc"),
        (("--image", "dog"), "--image 'dog' is no image ID"),
        (("--mid", "m.0zz"), "no published release (v2, v3) has the class /m/0zz"),
        (("--image", "106528377697029"), "could be a decimal ID"),
        (("--mid", "Dogg"), "--mid 'Dogg': no class of v2, v3 is called so; the nearest are Dog (/m/0bt9lr)"),
    ],
)
def test_an_id_that_nobody_has_says_so(oilake: Oilake, told: str, arguments: tuple[str, str], sentence: str):
    code, out, err = oilake("history", *arguments, "--warehouse", told)
    assert (code, out) == (2, "")
    assert sentence in err


def test_what_is_outdated_is_a_note(oilake: Oilake, told: str, settings: Settings, tmp_path: Path):
    lake = str(shutil.copytree(told, tmp_path / "lake"))
    landing = str(Path(told).parent / "v2")
    ingest(
        replace(settings, warehouse=lake, landing=landing),
        replace(registry.find_release("v3"), release="v2"),
        force=True,
    )
    code, out, _ = oilake("history", "--image", image_id(1), "--warehouse", lake)
    assert code == 0
    assert f"{CAT}  Cat" in out
    assert "note: " in out
    assert "image_labels of v2 is not published; run `oilake reconcile --release v2` first" in out
    assert "v2 was published anew after label_changes was made; run `oilake changes --from v2 --to v3` again" in out


def test_only_the_files_that_may_hold_an_image_are_opened(oilake: Oilake, told: str, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    monkeypatch.setattr(file_batches, "open_filesystem", lambda uri: opened.append(uri) or open_filesystem(uri))
    assert oilake("history", "--image", FIRST, "--warehouse", told)[0] == 0
    assert opened
    read = [path for path in opened if "/snapshots/" not in path]
    assert [path for path in read if "subset=train" not in path and "_changes/" not in path] == []
