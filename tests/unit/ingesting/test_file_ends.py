"""Both ends of a landed file are looked at before Spark starts: its header, and a last row that is cut off."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from oilake.conf.chosen_files import FileChoice
from oilake.conf.settings import Settings
from oilake.jobs import cli, ingest
from oilake.jobs.ingesting.file_ends import check_file_ends
from oilake.jobs.ingesting.ingest_plan import plan_ingest
from oilake.schemas.release_registry import find_release
from tests.support.releases import DOG, image_id

pytestmark = pytest.mark.lengthy

NAME = "v7/oidv7-val-annotations-machine-imagelabels.csv"
HEADER = "ImageID,Source,LabelName,Confidence\n"
ROW = f"{image_id(1, 'validation')},verification,{DOG},1"
CHOICE = FileChoice(("labels",), ("validation",))


def land(landing: Path, text: str, name: str = NAME) -> None:
    (landing / name).parent.mkdir(parents=True, exist_ok=True)
    (landing / name).write_text(text, newline="")


def warnings(settings: Settings, landing: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    here = replace(settings, landing=str(landing))
    plan = plan_ingest(here, find_release("v7"), CHOICE, partial=True)
    caplog.clear()
    check_file_ends(plan)
    return caplog.messages


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (f"{ROW}\n", None),
        (f"{ROW}\r\n", None),
        (f"{ROW}\n\n \r\n", None),
        (ROW, f"{NAME}: its last row has no line end; where its publisher's copy is larger, it was cut off"),
        (ROW + "\r", f"{NAME}: its last row has no line end"),
        (
            f"{ROW}\n{ROW[:24]}",
            f"{NAME}: its last row has 2 of 4 fields and no line end, so the file seems to be cut off",
        ),
        (f"{ROW}\n{ROW[:3]}", f"{NAME}: its last row has 1 of 4 fields and no line end"),
        (f'{ROW}\n{ROW[:17]}"x,', f"{NAME}: its last row has 2 of 4 fields and no line end"),
    ],
)
def test_a_file_that_ends_within_a_row_is_told(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, end: str, words: str | None
):
    land(tmp_path, f"{HEADER}{ROW}\n{end}")
    caplog.set_level(logging.INFO)
    sentences = warnings(settings, tmp_path, caplog)
    assert len(sentences) == (words is not None)
    assert words is None or words in sentences[0]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("ImageID,Source,Confidence\n", "required column LabelName is missing"),
        ("Image,Label\n", "required columns ImageID, Source, LabelName, Confidence are missing"),
        ("", "the file is empty"),
    ],
)
def test_a_wrong_header_is_refused_before_spark_starts(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    header: str,
    words: str,
):
    starts: list[Settings] = []
    monkeypatch.setattr(ingest, "open_session", starts.append)
    land(tmp_path, header)
    places = ["--landing", str(tmp_path), "--warehouse", str(tmp_path / "lake")]
    choice = ["--tables", "labels", "--subset", "validation"]
    assert cli.main(["ingest", "--release", "v7", "--partial", *choice, *places]) == 2
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if "oilake: " in line]
    assert f"{NAME}: {words}" in sentence
    assert starts == []
