"""Bytes that are there, held against what was stated of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from oilake.conf.errors import InputError
from oilake.conf.registry import KnownChecksum
from oilake.conf.stated_bytes import find_differences, refusal_text, stated_checksum, warning_text
from oilake.jobs.ingesting import landing_area
from oilake.jobs.ingesting.landing_area import LandedFile
from oilake.jobs.runtime.filesystem import file_checksums
from tests.support.registry_files import label_file

OURS, THEIRS = "0" * 31 + "1", "0" * 31 + "2"
WEAK = KnownChecksum("one_party", "a blog", md5=THEIRS)
STRONG = KnownChecksum("two_parties", "a list and a pointer", sha256="f" * 64)


def test_what_two_parties_stated_binds_and_what_one_stated_warns():
    file = label_file("x/a.csv", size=5, size_stated_by="two_parties", checksums=(WEAK,))
    differences = find_differences(file, {"size": 4, "md5": OURS, "sha256": None})
    assert refusal_text(differences) == (
        "it is not the published file: 4 bytes where two independent parties stated 5 bytes; fetch it again (delete it "
        "first), or take it as it is with --accept-changed"
    )
    assert warning_text(differences[1:]) == (
        f"taken, though it has md5 {OURS} where one third party stated md5 {THEIRS}, a blog"
    )
    assert refusal_text(differences[1:]) is None


def test_what_is_not_known_of_the_bytes_or_was_not_stated_differs_in_nothing():
    file = label_file("x/a.csv", checksums=(STRONG, WEAK))
    assert find_differences(file, {"size": 7, "md5": None, "sha256": "f" * 64}) == []
    assert find_differences(label_file("x/a.csv"), {"size": 7, "md5": OURS, "sha256": "0" * 64}) == []


def test_the_best_attested_checksum_is_kept():
    best = stated_checksum(label_file("x/a.csv", checksums=(WEAK, STRONG)))
    assert best is not None
    assert (best.kind, best.stated_by) == ("sha256", "two_parties")


def test_an_ingest_takes_other_bytes_only_where_it_is_told_to(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"other")
    landed = [LandedFile(label_file("x/a.csv", checksums=(STRONG,)), str(path), file_checksums(str(path)))]
    with pytest.raises(
        InputError, match=rf"^{path}: it is not the published file: sha256 [0-9a-f]+ where two indep.* f+, "
    ):
        landing_area.refuse_changed(landed, accept=False)
    landing_area.refuse_changed(landed, accept=True)
