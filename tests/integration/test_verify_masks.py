"""`oilake verify --masks` on a sample: exact on its planted truth, the same again, by subset, withdrawn by an ingest."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf.errors import InputError
from oilake.conf.settings import Settings
from oilake.jobs.masking.mask_job import verify_masks
from oilake.jobs.masking.outcome import MaskVerification
from oilake.jobs.synthetic import ground_truth
from oilake.jobs.tables import publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.snapshots import read_snapshots
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from oilake.schemas.release_registry import find_release
from tests.conftest import Oilake
from tests.support import mask_zips
from tests.support.samples import write_sample

pytestmark = pytest.mark.slow

RELEASE = "v5"
SUBSETS = ("train", "validation", "test")

Row = dict[str, Any]


def publish_masks(where: Settings, sample: Path, run_id: str) -> None:
    """Publishes the rows of masks of the sample as an ingest does, and nothing else."""
    warehouse, table = Warehouse.of(where), schemas.table_schema("masks")
    files = []
    for subset in SUBSETS:
        rows = mask_zips.published_rows(sample / f"v5/{subset}-annotations-object-segmentation.csv")
        data = pa.Table.from_pylist(rows, schema=schemas.arrow_schema(table)).sort_by("image_id")
        files.append(stage_rows(warehouse, table, {"release": RELEASE, "subset": subset}, run_id, data))
    publish.publish(warehouse, Publication(RELEASE, run_id, "partial", f"of {run_id}", "ingest", {}, tuple(files)))


@pytest.fixture(scope="module")
def published(
    spark: SparkSession, settings: Settings, empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Where the sample's masks are published, and not yet looked at; copied, never written to."""
    folder = tmp_path_factory.mktemp("masks")
    sample = write_sample(folder / "sample", "--releases", RELEASE, "--tables", "masks", "--scale", "0.0005")
    shutil.copytree(empty_warehouse, folder / "lake")
    where = replace(settings, landing=str(sample), registry=str(sample / "registry"), warehouse=str(folder / "lake"))
    publish_masks(where, sample, "1" * 16)
    return where


@pytest.fixture
def place(published: Settings, tmp_path: Path) -> Settings:
    """The same, of the test's own."""
    shutil.copytree(published.landing, tmp_path / "sample")
    shutil.copytree(published.warehouse, tmp_path / "lake")
    registry = str(tmp_path / "sample" / "registry")
    return replace(published, landing=str(tmp_path / "sample"), registry=registry, warehouse=str(tmp_path / "lake"))


def look(where: Settings, *subsets: str, force: bool = False) -> MaskVerification:
    return verify_masks(where, find_release(RELEASE, where.registry), subsets, force)


def table_rows(where: Settings) -> list[Row]:
    """What readers see of `mask_checks`."""
    version = read_snapshots(Warehouse.of(where))[RELEASE].table_versions["mask_checks"]
    return list(DeltaTable(f"{where.warehouse}/mask_checks", version=version).to_pyarrow_table().to_pylist())


def planted(where: Settings, *subsets: str) -> Counter[tuple[str, str, str]]:
    """(subset, name, status) of every mask, by the sample's truth."""
    return Counter(
        (row["subset"], row["mask_path"], mask_zips.STATUSES[row["fault"]])
        for row in ground_truth.read_truth(Path(where.landing), "masks.csv")
        if row["subset"] in subsets
    )


def checked(rows: list[Row]) -> Counter[tuple[str, str, str]]:
    return Counter((row["subset"], row["mask_path"], row["status"]) for row in rows)


def by_status(counts: Mapping[tuple[str, str, str], int]) -> Counter[str]:
    return Counter(status for _, _, status in counts)


def flags(where: Settings) -> list[str]:
    places = ["--landing", where.landing, "--warehouse", where.warehouse, "--registry", where.registry or ""]
    return ["verify", "--masks", "--release", RELEASE, *places]


def test_the_command_finds_what_was_planted_and_nothing_else(place: Settings, oilake: Oilake):
    code, out, err = oilake(*flags(place), "--json")
    truth, rows = planted(place, *SUBSETS), table_rows(place)
    assert (code, checked(rows)) == (1, truth)
    assert json.loads(out)["statuses"] == by_status(truth)
    assert f"{sum(by_status(truth).values()) - by_status(truth)['verified']} masks are not as the table masks" in err
    members, listed = 0, 0
    for subset in SUBSETS:
        zips = sorted(Path(place.landing, f"v5/{subset}-masks").iterdir())
        found = mask_zips.independent_checks(
            Path(place.landing, f"v5/{subset}-annotations-object-segmentation.csv"), zips
        )
        ours = {row["mask_path"]: row for row in rows if row["subset"] == subset}
        columns = ("status", "width", "height", "foreground_share")
        assert {name: tuple(row[column] for column in columns) for name, row in ours.items()} == found
        members += sum(check[0] != "missing" for check in found.values())
        listed += sum(check[0] != "extra" for check in found.values())
    assert members == sum(checks["members"] for checks in json.loads(out)["subsets"].values())
    assert listed == len([row for row in rows if row["image_id"]])
    code, out, _ = oilake(*flags(place))
    assert code == 1
    assert f"v5: {listed:,} masks of train, validation, test, {members:,} PNGs" in out
    assert out.endswith("nothing changed since the last check\n")


@pytest.mark.slow
def test_a_check_warns_of_masks_that_are_not_as_promised(place: Settings, oilake: Oilake):
    look(place, "validation")
    code, out, _ = oilake("check", "mask_checks", "--warehouse", place.warehouse, "--json")
    (table,) = json.loads(out)["tables"]
    warned = {result["expectation"]: result["unexpected_count"] for result in table["results"] if not result["success"]}
    kinds = {status for _, _, status in planted(place, "validation")} - {"verified"}
    assert (code, warned) == (0, {"mask_not_as_promised": len(kinds)})


def test_a_subset_is_added_to_those_that_stand(place: Settings):
    assert look(place, "validation").checked == ("validation",)
    assert checked(table_rows(place)) == planted(place, "validation")
    shutil.rmtree(Path(place.landing, "v5/validation-masks"))
    both = look(place, "test")
    assert (both.checked, list(both.subsets)) == (("test",), ["validation", "test"])
    assert checked(table_rows(place)) == planted(place, "validation", "test")
    assert not look(place, "test").changed
    assert look(place, "test", force=True).statuses == both.statuses
    with pytest.raises(InputError, match="none of the zips of v5's masks of validation is here"):
        look(place, "validation")
    assert checked(table_rows(place)) == planted(place, "validation", "test")


@pytest.mark.slow
def test_a_zip_that_is_gone_damaged_or_back_is_told(place: Settings):
    zips = sorted(Path(place.landing, "v5/test-masks").iterdir())
    whole, truth = look(place, "test"), planted(place, "test")
    gone, damaged = zips[0], zips[1]
    kept = {path: path.read_bytes() for path in (gone, damaged)}
    gone.unlink()
    damaged.write_bytes(kept[damaged][:-10])
    worse = look(place, "test")
    rows = table_rows(place)
    assert worse.changed
    for digit, verdict in (("0", ("missing", "no_archive")), ("1", ("unreadable", "damaged_archive"))):
        assert {(row["status"], row["reason"]) for row in rows if (row["image_id"] or "")[:1] == digit} == {verdict}
    listed = sum(count for (_, _, status), count in truth.items() if status != "extra")
    assert sum(row["image_id"] is not None for row in rows) == listed
    for path, data in kept.items():
        path.write_bytes(data)
    assert look(place, "test").statuses == whole.statuses
    assert checked(table_rows(place)) == truth
    os.utime(gone)
    assert look(place, "test").changed, "a zip of another time is looked at again"


@pytest.mark.slow
def test_an_ingest_withdraws_what_was_made_of_its_masks(place: Settings):
    look(place, "validation")
    publish_masks(place, Path(place.landing), "2" * 16)
    assert "mask_checks" not in read_snapshots(Warehouse.of(place))[RELEASE].table_versions
    assert look(place, "validation").changed
    assert checked(table_rows(place)) == planted(place, "validation")


def test_again_it_is_the_same(place: Settings):
    """Nothing is done twice; what is forced gives the same rows, and no file of before is seen beside them."""
    look(place)
    before = sorted(map(repr, table_rows(place)))
    pin = read_snapshots(Warehouse.of(place))[RELEASE]
    assert not look(place).changed
    assert read_snapshots(Warehouse.of(place))[RELEASE] == pin
    assert look(place, force=True).changed
    assert sorted(map(repr, table_rows(place))) == before


@pytest.mark.parametrize("commits", [1, 2, 3])
def test_a_run_that_is_killed_leaves_nothing_or_all_and_the_next_one_ends_it(place: Settings, commits: int):
    """Killed behind the commit of the publication, of its rows, and of the snapshot; validation stood there before."""
    look(place, "validation")
    seen = checked(table_rows(place))
    command = [sys.executable, "-m", "tests.support.signalled_command", f"commit:{commits}=KILL", *flags(place)]
    assert subprocess.run(command, capture_output=True, timeout=300, check=False).returncode == -signal.SIGKILL
    whole = planted(place, *SUBSETS)
    assert checked(table_rows(place)) == (whole if commits == 3 else seen)
    done = look(place)
    assert not done.changed, "the next run has finished what was begun"
    assert done.statuses == by_status(whole)
    assert checked(table_rows(place)) == whole
    assert DeltaTable(f"{place.warehouse}/mask_checks").to_pyarrow_table().num_rows == sum(whole.values())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--method", "size"], "--method is about images"),
        (["--repair"], "--repair is about images"),
        (["--images", "ids.txt"], "--images is about images"),
        (["--blobs", "photos"], "not allowed with argument --masks"),
        (
            ["--landing", "/nowhere"],
            "none of the zips of v5's masks is here; bring them with `oilake fetch --release v5",
        ),
        (["--release", "v4"], "release 'v4' is not published here"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(published: Settings, oilake: Oilake, arguments: list[str], sentence: str):
    code, _, err = oilake(*flags(published), *arguments)
    assert (code, "Traceback" in err) == (2, False)
    assert sentence in err
