"""`oilake status` tells what is published, what no longer fits, what was found, and what the tables take up."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from oilake.conf.settings import environment_settings
from oilake.jobs import cli
from oilake.jobs.maintaining import upkeep
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import publish_gate
from oilake.jobs.validation.publish_gate import TableResults
from oilake.quality.results import Result
from tests.support import view_lake
from tests.support.releases import image_id

pytestmark = pytest.mark.lengthy

Status = dict[str, Any]


@pytest.fixture
def told(lake: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """The status of the lake: (exit code, as JSON)."""

    def ask() -> tuple[int, Status]:
        capsys.readouterr()
        code = cli.main(["status", "--warehouse", lake, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


def judge(lake: str, release: str, table: str, version: int | None, *results: Result, run: str | None = None) -> None:
    publish_gate.write_results(
        Warehouse.at(lake),
        run or os.urandom(8).hex(),
        "check",
        [(table, release, None, version, TableResults(table, results))],
    )


def test_of_two_checks_in_one_second_the_later_one_counts(told: Any, lake: str):
    version = told()[1]["releases"][1]["tables"]["images"]
    for run, success in (("f" * 16, False), ("0" * 16, True)):
        judge(lake, "v3", "images", version, result("a", "critical", success), run=run)
    assert told()[0] == 0


def result(name: str, severity: str, success: bool) -> Result:
    return Result(name, "query", (), "table", severity, name, success)


def test_it_tells_what_is_published_and_from_which_files(told: Any):
    code, status = told()
    assert code == 0
    assert [(one["release"], one["status"], one["run_id"]) for one in status["releases"]] == [
        ("v2", "complete", "a" * 16),
        ("v3", "complete", "c" * 16),
    ]
    assert status["releases"][1]["files"] == [{"file": "x", "bytes": 1}]
    assert status["releases"][1]["rows"] == {"x": {"read": 3, "kept": 3, "quarantined": 3}}
    assert {"images", "labels", "boxes", "classes"} <= status["releases"][1]["tables"].keys()
    assert status["runs"] == []


def test_storage_is_what_the_files_take_up(told: Any, lake: str):
    _, status = told()
    for table, use in status["storage"].items():
        lying = [path.stat().st_size for path in Path(lake, table).rglob("*.parquet") if "_delta_log" not in path.parts]
        assert (use["files"] + use["idle_files"], use["bytes"] + use["idle_bytes"]) == (len(lying), sum(lying))
    assert status["storage"]["images"]["files"] == 2
    assert status["storage"]["images"]["idle_files"] == 1  # of the publication that another replaced
    assert status["freed_bytes"] == 0  # which stays for thirty days


def test_what_maintenance_would_free_is_what_it_frees(told: Any, lake: str):
    left = Path(lake, "images", "release=v3", "subset=train", "part-00000-dead-00000000.parquet")
    left.write_bytes(b"x" * 1000)
    os.utime(left, (0, 0))
    _, status = told()
    assert status["freed_bytes"] == 1000
    assert left.exists()
    done = upkeep.maintain(environment_settings("local", {"warehouse": lake}), (), upkeep.HOURS, is_dry=False)
    assert done.freed_bytes() == 1000
    assert told()[1]["freed_bytes"] == 0


def test_broken_promises_end_it_with_1(told: Any, lake: str):
    version = told()[1]["releases"][1]["tables"]["images"]
    judge(lake, "v3", "images", version, result("a", "critical", True), result("b", "warning", False))
    code, status = told()
    [images] = status["releases"][1]["checks"]
    assert (code, images["kept"], images["broken"], images["warned"]) == (0, 1, [], ["b"])
    judge(lake, "v3", "images", version, result("a", "critical", False))
    code, status = told()
    assert (code, status["releases"][1]["checks"][0]["broken"]) == (1, ["a"])


def test_a_check_of_what_was_published_before_says_nothing_of_what_is(told: Any, lake: str):
    version = told()[1]["releases"][1]["tables"]["images"]
    judge(lake, "v3", "images", version - 1, result("a", "critical", False))
    judge(lake, "v3", "labels", None, result("a", "critical", False))  # refused, so that it was never published
    code, status = told()
    assert code == 0
    assert status["releases"][1]["checks"] == []
    assert {"images", "labels"} <= {*status["releases"][1]["unchecked"]}


def test_what_a_new_publication_withdrew_and_what_no_longer_fits_is_told(
    told: Any, lake: str, capsys: pytest.CaptureFixture[str]
):
    images = [{"from_release": "v2", "to_release": "v3", "image_id": image_id(1), "change": "added", "to_subset": "train",
               "columns_changed": []}]  # fmt: skip
    view_lake.publish_rows(lake, "v3", "reconcile", {"image_labels": view_lake.labels_of("v3", 3)})
    view_lake.publish_rows(lake, "v3", "changes", {"image_changes": images}, since="v2")
    assert not told()[1]["releases"][1]["withdrawn"]
    view_lake.publish_rows(lake, "v3", "ingest", {"images": [view_lake.image("v3", 1)]})
    assert told()[1]["releases"][1]["withdrawn"] == ["image_changes since v2", "image_labels"]
    cli.main(["status", "--warehouse", lake])
    assert "  withdrawn: image_changes since v2, image_labels" in capsys.readouterr().out.splitlines()


def test_files_that_are_cut_are_told_before_any_check(told: Any, lake: str):
    for path in Path(lake, "boxes", "release=v3").rglob("*.parquet"):
        os.truncate(path, path.stat().st_size // 2)
    code, status = told()
    assert code == 1
    (sentence,) = status["gone"]
    assert "boxes: 1 of 1 files of v3 are damaged (they have another size than was written), such as" in sentence
    assert "run `oilake ingest --release v3` to make them again" in sentence


def test_files_that_are_gone_are_told(told: Any, lake: str):
    for path in Path(lake, "boxes", "release=v3").rglob("*.parquet"):
        path.unlink()
    code, status = told()
    assert code == 1
    assert any("boxes" in sentence and "gone" in sentence for sentence in status["gone"])


def test_its_text_has_a_line_a_run_and_a_table(lake: str, capsys: pytest.CaptureFixture[str]):
    cli.main(["maintain", "masks", "--warehouse", lake])
    capsys.readouterr()
    assert cli.main(["status", "--warehouse", lake]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("v3: complete, published 20") for line in lines)
    assert any(line.startswith("maintain") and " done " in line for line in lines)
    assert any(line.startswith("images ") and line.split()[1] == "2" for line in lines)
    assert lines[-1].startswith("in use ")
    assert lines[-1].endswith(" steps to do")


def test_there_is_no_status_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["status", "--warehouse", str(tmp_path / "none")]) == 2
    assert "holds no table; run `oilake ingest --release R" in capsys.readouterr().err
