"""Looks at both ends of landed files before Spark starts: a header that lacks a column, a last row that is cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from oilake.conf.chosen_files import ChosenFile
from oilake.conf.errors import InputError
from oilake.conf.registry import ExpectedMember, Release
from oilake.conf.stated_bytes import stated_values
from oilake.jobs.ingesting.ingest_plan import IngestPlan, MembersByFile
from oilake.jobs.ingesting.landed_names import landed_uri
from oilake.jobs.ingesting.landing_area import LandedFile
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.sources.csv_parser import Header
from oilake.jobs.sources.record_walker import RETURN, split_fields
from oilake.jobs.sources.splits import read_file_end, read_file_header

FORMATS = ("csv", "image_list")

F = TypeVar("F", ChosenFile, LandedFile)


def has_sound_headers(release: Release, landing: str, present: Sequence[ChosenFile], members: MembersByFile) -> bool:
    """Whether every header of plain files can be read, so that `check_file_ends` will refuse none of them."""
    try:
        for chosen, expected in _plain_members(present, members):
            read_file_header(landed_uri(release, landing, chosen.file.name), expected, release.columns)
    except InputError:
        return False
    return True


def check_file_ends(plan: IngestPlan) -> None:
    """Warn of plain files that end within a row, where nobody states the bytes that would tell so.

    InputError names the file whose header lacks a required column, or that cannot be read.
    """
    columns = plan.release.columns
    plain_members = list(_plain_members(plan.landed, plan.members))
    headers = [read_file_header(landed_file.uri, expected, columns) for landed_file, expected in plain_members]
    for (landed_file, _), header in zip(plain_members, headers, strict=True):
        if sentence := _open_end_sentence(landed_file, header):
            log_line(f"{landed_file.file.name}: {sentence}")


def _plain_members(files: Iterable[F], members: MembersByFile) -> Iterator[tuple[F, ExpectedMember]]:
    for each in files:
        if each.file.kind == "plain":
            for expected in members[each.file.name].values():
                if expected.member.format in FORMATS:
                    yield each, expected


def _open_end_sentence(landed_file: LandedFile, header: Header) -> str | None:
    """What is said of a file whose last row no line end closes; None where its bytes are the stated ones."""
    if stated_values(landed_file.file) and not landed_file.differences():
        return None
    line = read_file_end(landed_file.uri, landed_file.file.name).rstrip(RETURN)
    if not line.strip():
        return None
    fields, expected = len(split_fields(line)), len(header.names)
    if fields < expected:
        return (
            f"its last row has {fields} of {expected} fields and no line end, so the file seems to be cut off and the row "
            "goes to quarantine; compare its size with its publisher's, and fetch it again"
        )
    return "its last row has no line end; where its publisher's copy is larger, it was cut off: fetch it again"
