"""Whatever stands in a file: rows kept and rows quarantined are the rows read, each once, whoever reads which share."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from oilake.conf import registry
from oilake.conf.errors import ConfigError
from oilake.conf.registry import ExpectedMember, Member
from oilake.jobs.ingesting import landing_area
from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext, ingest_split, normalize_member
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.sources.splits import Split
from oilake.jobs.tables.warehouse import Warehouse
from tests.support.releases import LABEL_HEADER, land

pytestmark = pytest.mark.lengthy

ARCHIVE = "annotations_machine_2017_11.tar.gz"
MEMBER = "2017_11/train/annotations-machine.csv"
ROW = st.tuples(
    st.sampled_from(["0000000000000001", "00000000000000FF", "1", "0xa", "zz", "", "ffffffffffffffff"]),
    st.sampled_from(["machine", "verification", "oracle", ""]),
    st.sampled_from(["/m/0bt9lr", "m.0bt9lr", "banana", "", "/g/11b"]),
    st.sampled_from(["0.5", "1", "0", "1.5", "nan", "", "x"]),
).map(",".join)
JUNK = st.text(alphabet="a0,\x00\té", min_size=1, max_size=20)
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
LINES = st.lists(st.one_of(ROW, ROW, ROW, JUNK), max_size=30)


def ingest(folder: Path, lines: list[str], block: int, chunk: int, shares: int) -> list[ChunkReport]:
    text = "".join(f"{line}\n" for line in [LABEL_HEADER, *lines])
    landing = land(folder / "landing", {MEMBER: text.encode()})
    release = registry.find_release("v3")
    context = IngestContext(
        release, Warehouse.at(folder / "lake"), "run", landing_area.members_by_file(release), block, 1 << 20
    )
    uri = str(landing / "2017_11" / ARCHIVE)
    reports = [r for n in range(shares) for r in ingest_split(Split(ARCHIVE, uri, "tar.gz", chunk, n, shares), context)]
    return sorted((report for report in reports if report.member == MEMBER), key=lambda report: report.number)


def staged(
    folder: Path, reports: list[ChunkReport]
) -> tuple[list[tuple[object, ...]], list[tuple[int, bytes, list[str]]]]:
    kept: list[tuple[object, ...]] = []
    bad: list[tuple[int, bytes, list[str]]] = []
    lake = str(folder / "lake")
    for report in reports:
        for file in report.staged:
            rows = pq.read_table(join_uri(lake, file.table, file.path), partitioning=None).to_pylist()
            kept += [(file.partition["origin"], *row.values()) for row in rows]
        if report.quarantined:
            rows = pq.read_table(join_uri(lake, "quarantine", report.quarantined.path), partitioning=None).to_pylist()
            bad += [(row["line"], row["raw"], row["reasons"]) for row in rows]
    return kept, bad


@settings(max_examples=60, phases=NO_SHRINKING, suppress_health_check=list(HealthCheck))
@given(LINES, st.integers(5, 200), st.integers(1, 300), st.integers(1, 3))
def test_kept_and_quarantined_is_read(lines: list[str], block: int, chunk: int, shares: int):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reports = ingest(folder, lines, block, chunk, shares)
        kept, bad = staged(folder, reports)
        assert sum(report.read for report in reports) == len(lines)
        assert len(kept) + len(bad) == len(lines)
        assert sum(report.kept for report in reports) == len(kept)
        for line, raw, reasons in bad:
            assert raw.decode() == lines[line - 2]
            assert reasons
        assert len({line for line, _, _ in bad}) == len(bad)


@settings(max_examples=20, phases=NO_SHRINKING, suppress_health_check=list(HealthCheck))
@given(LINES, st.integers(5, 100), st.integers(1, 100), st.integers(2, 3))
def test_blocks_chunks_and_shares_change_nothing(lines: list[str], block: int, chunk: int, shares: int):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole = staged(Path(one), ingest(Path(one), lines, 1 << 20, 1 << 20, 1))
        parts = staged(Path(other), ingest(Path(other), lines, block, chunk, shares))
        assert Counter(whole[0]) == Counter(parts[0])
        assert sorted(whole[1]) == sorted(parts[1])


@pytest.mark.parametrize("table", ["images", "labels", "boxes"])
@pytest.mark.parametrize("subset", [None, "", "holdout"])
def test_rows_of_no_known_subset_are_kept_out(tmp_path: Path, table: str, subset: str | None):
    """The registry refuses such a file; should it come through, the row filter judges what it says of every row."""
    release = registry.find_release("v3")
    file = next(file for file in release.files if file.members[0].table == table)
    wanted = {path: replace(e, subset=subset) for path, e in landing_area.members_by_file(release)[file.name].items()}
    uri = str(land(tmp_path / "landing") / "2017_11" / file.name)
    context = IngestContext(release, Warehouse.at(tmp_path / "lake"), "run", {file.name: wanted}, 1 << 20, 1 << 20)
    reports = list(ingest_split(Split(file.name, uri, "tar.gz", 1 << 20), context))
    assert sum(report.read for report in reports) > 0
    for report in reports:
        assert (report.kept, report.staged) == (0, [])
        assert report.quarantined.rows == report.read if report.read else report.quarantined is None
        assert {*report.reasons} <= {"missing_value", "wrong_subset"}
    assert not (tmp_path / "lake" / table).exists()


def test_rows_of_an_unknown_table_are_no_labels():
    release = registry.find_release("v3")
    member = Member("maps", "train/maps.csv")  # type: ignore[arg-type]
    raw = {"image_id": pa.array(["1"]), "source": pa.array(["machine"]), "mid": pa.array(["/m/0"])}
    with pytest.raises(ConfigError, match=r"train/maps\.csv: no rows of maps are read from such files"):
        normalize_member(
            {**raw, "confidence": pa.array(["1"])},
            ExpectedMember(release.files[0], "train/maps.csv", member, "train"),
            release,
        )
