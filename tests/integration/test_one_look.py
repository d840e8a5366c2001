"""A run looks at `snapshots` once: what is published while it goes on is not mixed with what it saw."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.settings import Settings
from oilake.conf.storage import Storage
from oilake.jobs import check as checks
from oilake.jobs import figures
from oilake.jobs.downloading.selection import ImageSelection, choose_images
from oilake.jobs.duplicates import duplicates
from oilake.jobs.ingest import ingest
from oilake.jobs.tables import delta_log as opening
from oilake.jobs.tables import publish, published_slices, snapshots
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import checker
from tests.conftest import Oilake
from tests.support import table_readers
from tests.support.releases import IMAGE_HEADER, image_id, image_row, land, lines

pytestmark = pytest.mark.slow

Publishing = Callable[[], None]
READERS = {
    "check": ("check", "images", "--release", "v3"),
    "propose": ("propose", "boxes", "--release", "v3"),
    "show": ("show", "images", "--release", "v3"),
    "show --blobs": ("show", "images", "--blobs"),
    "history --image": ("history", "--image", "{image_id}"),
    "history --mid": ("history", "--mid", "{mid}"),
    "quarantine list": ("quarantine", "list"),
    "releases": ("releases",),
    "reconcile": ("reconcile", "--release", "v3"),
    "changes": ("changes", "--from", "v2", "--to", "v3"),
    "figures": ("figures", "--release", "v3"),
}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(land(tmp_path_factory.mktemp("landing")))


@pytest.fixture(scope="module")
def less(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same release without most of its training images, whose labels and boxes then have no partner."""
    member = {"2017_11/train/images.csv": lines(IMAGE_HEADER, image_row(image_id(3)))}
    return str(land(tmp_path_factory.mktemp("less"), member))


@pytest.fixture(scope="module")
def published(
    spark: SparkSession, settings: Settings, landing: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A small V3; copied, never written to."""
    mine = replace(settings, warehouse=str(tmp_path_factory.mktemp("published") / "lake"), landing=landing)
    ingest(mine, registry.find_release("v3"))
    return mine


@pytest.fixture
def mine(published: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(published.warehouse, tmp_path / "lake")
    return replace(published, warehouse=str(tmp_path / "lake"))


def after_the_first_look(monkeypatch: pytest.MonkeyPatch, act: Publishing) -> None:
    """Has `act` done just behind the first look at `snapshots` that follows recovery, as another process might."""
    state = {"recovered": False, "done": False}
    recover, read = publish.recover, opening.latest_rows

    def recovered(warehouse: str) -> list[str]:
        found = recover(warehouse)
        state["recovered"] = True
        return found

    def rows(warehouse: str, table: str, *more: Any) -> list[dict[str, Any]]:
        found = read(warehouse, table, *more)
        if table == "snapshots" and state["recovered"] and not state["done"]:
            state["done"] = True
            act()
        return found

    monkeypatch.setattr(publish, "recover", recovered)
    monkeypatch.setattr(snapshots, "latest_rows", rows)


def findings(found: checks.CheckOutcome) -> dict[tuple[str, str | None], list[tuple[str, bool, int | None]]]:
    return {
        (one.target.table, one.target.release): [(r.expectation, r.success, r.unexpected_count) for r in one.results]
        for one in found.checked
        if one.target.release
    }


def test_a_check_beside_a_publication_finds_what_it_would_have_found_alone(
    mine: Settings, less: str, monkeypatch: pytest.MonkeyPatch
):
    alone = checks.check(mine)
    versions = {
        (one.target.table, one.target.release): one.target.version for one in alone.checked if one.target.release
    }
    after_the_first_look(
        monkeypatch, lambda: ingest(replace(mine, landing=less), registry.find_release("v3"), force=True) and None
    )
    beside = checks.check(mine)
    assert findings(beside) == findings(alone)
    versions_beside = {(o.target.table, o.target.release): o.target.version for o in beside.checked if o.target.release}
    assert versions_beside == versions
    monkeypatch.undo()
    after = checks.check(mine)
    assert findings(after) != findings(alone), "the publication leaves labels without images"


@pytest.fixture(scope="module")
def overtaken(
    published: Settings, less: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, snapshots.Snapshot]]:
    """(a warehouse, what a run saw in it before its release was published anew)."""
    warehouse = str(shutil.copytree(published.warehouse, tmp_path_factory.mktemp("overtaken") / "lake"))
    known = snapshots.newest_snapshots(Warehouse.at(warehouse))
    ingest(replace(published, warehouse=warehouse, landing=less), registry.find_release("v3"), force=True)
    return warehouse, known


def test_partner_tables_are_those_of_the_targets(overtaken: tuple[str, dict[str, snapshots.Snapshot]]):
    warehouse, known = overtaken
    around = checker.WarehouseContext(replace(Warehouse.at(warehouse), pins=known))
    for table in ("images", "labels", "classes"):
        found = around.find(table, "v3")
        assert not isinstance(found, str)
        assert found.version == known["v3"].table_versions[table]


def test_figures_are_of_the_snapshot_that_the_run_saw(
    overtaken: tuple[str, dict[str, snapshots.Snapshot]], spark: SparkSession
):
    warehouse, known = overtaken
    counted = figures.count_figures(spark, Warehouse.at(warehouse), known["v3"], registry.find_release("v3"))
    assert (counted["images", "train"], counted["images_with_boxes", "train"]) == (4, 1)
    assert snapshots.require_snapshot(Warehouse.at(warehouse), "v3") != known["v3"]


def test_a_job_tells_of_what_it_published_and_of_nothing_newer(
    mine: Settings, less: str, monkeypatch: pytest.MonkeyPatch
):
    """Another run publishes the release anew the moment that this one has published it."""
    publishing = publish.publish

    def overtaken(warehouse: str, publication: Publication) -> snapshots.Snapshot:
        found = publishing(warehouse, publication)
        if publication.job == "duplicates":
            ingest(replace(mine, landing=less), registry.find_release("v3"), force=True)
        return found

    monkeypatch.setattr(publish, "publish", overtaken)
    assert duplicates(mine, "v3").images == 12


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one with each look at `snapshots`, those of recovery apart."""
    seen: list[str] = []
    monkeypatch.setattr(publish, "recover", lambda warehouse: [])

    def counted(read: Callable[..., list[dict[str, Any]]], warehouse: str, table: str, *more: Any) -> Any:
        seen.extend([table] * (table == "snapshots"))
        return read(warehouse, table, *more)

    for read in (opening.latest_rows, opening.newest_rows):
        monkeypatch.setattr(snapshots, read.__name__, partial(counted, read))
    return seen


@pytest.mark.parametrize("reader", READERS)
def test_each_job_looks_once(reader: str, clean: Settings, oilake: Oilake, looks: list[str]):
    """Whatever a job asks the snapshots after it has looked at them is what another run may have changed."""
    label = table_readers.rows(clean.warehouse, "image_labels")[0]
    flags = [flag.format(**label) for flag in READERS[reader]]
    if reader in ("reconcile", "figures", "releases"):
        flags += ["--registry", str(Path(clean.landing) / "registry")]
    code, _, err = oilake(*flags, "--warehouse", clean.warehouse)
    assert code == 0, err
    assert len(looks) == 1, err


def test_a_choice_of_images_looks_once(clean: Settings, looks: list[str]):
    boxed = table_readers.rows(clean.warehouse, "boxes")[0]
    choice = ImageSelection(mids=(boxed["mid"],), with_subclasses=True, is_boxed=True)
    assert choose_images(Warehouse.at(clean.warehouse), "v3", choice)
    assert len(looks) == 1


def test_a_comparison_that_a_publication_overtook_is_left_out_of_a_check_and_told():
    fingerprints = {"ingest": "new", "reconcile": "r"}
    pin = snapshots.Snapshot("v2", "complete", 2, "b", None, {"images": 5}, fingerprints)  # type: ignore[arg-type]
    versions = {"images": 6, "label_changes since v2": 3, "label_changes since v1": 4}
    known = {"changes since v2": "c", "ingest since v2": "old", "changes since v1": "c", "ingest since v1": "i"}
    first = replace(pin, release="v1", fingerprints={"ingest": "i"})
    last = replace(pin, release="v3", table_versions=versions, fingerprints=known)
    lake = Warehouse("lake", Storage(), {"v1": first, "v2": pin, "v3": last})
    found, sentences = published_slices.drop_outdated_comparisons(lake, None)
    assert snapshots.newest_snapshots(found)["v3"].table_versions == {"images": 6, "label_changes since v1": 4}
    assert sentences == [
        "lake: v2 was published anew after label_changes was made; run `oilake changes --from v2 --to v3` again"
    ]
    assert published_slices.drop_outdated_comparisons(lake, "v2")[1] == []


def test_a_check_of_everything_beside_an_ingest_of_the_earlier_release_ends_0(
    clean: Settings, oilake: Oilake, tmp_path: Path
):
    shutil.copytree(clean.warehouse, tmp_path / "lake")
    mine = replace(clean, warehouse=str(tmp_path / "lake"))
    own = registry.find_release("v2", str(Path(clean.landing) / "registry"))
    ingest(mine, own, force=True)
    code, out, err = oilake("check", "--release", "v3", "--warehouse", mine.warehouse)
    assert code == 0, err
    assert "v2 was published anew after label_changes was made; run `oilake changes --from v2 --to v3` again" in err
    assert "label_changes" not in out
    code, _, err = oilake("check", "label_changes", "--warehouse", mine.warehouse)
    assert (code, err.count("\n")) == (2, 1)
