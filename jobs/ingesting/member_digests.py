"""What decides the rows of a member: equal digests mean equal rows, whatever release the member belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from oilake.conf.registry import ExpectedMember, Release, subset_box_sources
from oilake.jobs.ingesting.ingest_plan import IngestPlan
from oilake.jobs.ingesting.landing_area import LandedFile
from oilake.jobs.ingesting.release_files import MemberKey
from oilake.schemas import loader as schemas

# What a release says besides of the values that rows of a table may have; of other tables all of it counts.
DOMAINS: Mapping[str, Callable[[Release, ExpectedMember], object]] = {
    "images": lambda release, expected: release.subsets,
    "labels": lambda release, expected: release.sources,
    "boxes": lambda release, expected: subset_box_sources(release, expected.subset),
}


def _every_domain(release: Release, _: ExpectedMember) -> object:
    return release.subsets, release.sources, release.box_sources


def member_digests(plan: IngestPlan, seed: bytes) -> dict[MemberKey, str]:
    """SHA-256 by file and member, of members whose rows are read in tasks.

    `seed`: what else decides the rows: code, schemas, quality and the limit of a field. Rows of a table with one row an
    image depend on all of its files, and on the lists: the first row of an image stays.
    """
    declared = {
        (landed_file.file.name, path): _declaration(plan, landed_file, expected)
        for landed_file in plan.landed
        for path, expected in plan.members[landed_file.file.name].items()
        if expected.member.table in schemas.row_tables()
    }
    digests = {}
    for (name, path), text in declared.items():
        table = plan.members[name][path].member.table
        keyed = schemas.table_schema(table).is_keyed_by_image()
        beside = [declared[k] for k in declared if keyed and plan.members[k[0]][k[1]].member.table == table]
        digests[name, path] = hashlib.sha256(seed + repr((text, beside)).encode()).hexdigest()
    return digests


def _declaration(plan: IngestPlan, landed_file: LandedFile, expected: ExpectedMember) -> str:
    """What a member's file and release say of its rows; not the names of the file and of the release."""
    release, member = plan.release, expected.member
    subsets = plan.subsets if member.subset_column else ()
    domain = DOMAINS.get(member.table, _every_domain)
    columns = list(release.columns[member.columns or ""].items())
    is_by_name = member.header in (None, "present")
    return repr(
        (
            landed_file.checksums.sha256,
            landed_file.gives_rows,
            expected.path if landed_file.file.kind != "plain" else None,
            replace(member, pattern="", columns=None),
            sorted(columns) if is_by_name else columns,
            expected.subset,
            subsets,
            domain(release, expected),
        )
    )
