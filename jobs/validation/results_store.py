"""Where the findings of checks are kept: rows of `quality_results`, and Great Expectations' own results beside the table."""

from __future__ import annotations

import datetime
import errno
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyarrow.fs import LocalFileSystem

from oilake.conf import bounded_json
from oilake.conf.errors import StoreError
from oilake.conf.file_names import file_name
from oilake.conf.storage import StorageUri
from oilake.jobs.runtime import hidden_modules, run_events
from oilake.jobs.runtime.filesystem import join_uri, make_parent, open_filesystem
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables.delta_log import newest_rows
from oilake.jobs.tables.targets import open_copy
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import publish_gate, validation_history
from oilake.jobs.validation.checker import TargetFindings
from oilake.jobs.validation.publish_gate import TableResults
from oilake.jobs.validation.validation_history import CHECK, FOLDER, ValidationRun
from oilake.quality import gx_results
from oilake.schemas import loader as schemas

SLICE_COLUMNS = ("table_name", "release", "since", "table_version", "suite_sha256")
COMPARED = ("expectation", "success", "element_count", "unexpected_count", "observed", "examples")


@dataclass(frozen=True)
class PastCheck:
    """One check, or one gate, of a table's slice: what was broken, by name and severity, with the rows that break it."""

    checked_at: str
    job: str
    release: str | None
    since: str | None
    version: int | None
    kept: int
    broken: dict[str, dict[str, Any]]


def record_findings(warehouse: Warehouse, run_id: str, checked: Sequence[TargetFindings]) -> int:
    """Keeps what differs from the newest check of the same version; the rows added to `quality_results`."""
    for findings in checked:
        target = findings.target
        slice_of = (target.table, target.release, target.since, target.version)
        run_events.tell(run_events.TableJudged(*slice_of, tuple(findings.results)))
    before = _newest_results(warehouse, {_slice_key(findings) for findings in checked})
    new = [findings for findings in checked if before.get(_slice_key(findings)) != _comparable_results(findings)]
    if not new:
        return 0
    keep_results(run_id, new)
    slice_results = [
        (o.target.table, o.target.release, o.target.since, o.target.version, _table_results(o)) for o in new
    ]
    return publish_gate.write_results(warehouse, run_id, CHECK, slice_results)


def keep_results(run_id: str, checked: Sequence[TargetFindings]) -> None:
    """Writes Great Expectations' results into the folder of each table; says where that cannot be done."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    for findings in checked:
        target = findings.target
        document = {
            "run_id": run_id,
            "checked_at": now,
            "table": target.table,
            "release": target.release,
            "since": target.since,
            "version": target.version,
            "suite_version": target.suite.version,
            "suite_sha256": target.suite.digest(),
            "results": [asdict(result) for result in findings.results],
            "not_asked": dict(findings.not_asked),
            "validations": _gx_validations(findings),
        }
        slice_names = [file_name(name) for name in (target.release, target.since) if name]
        name = "-".join([f"{target.version:08d}", *slice_names, run_id])
        try:
            store, path = open_filesystem(join_uri(target.folder, FOLDER, f"{name}.json"))
            if isinstance(store, LocalFileSystem):
                _refuse_link(path.rpartition("/")[0])
            make_parent(store, path)
            with store.open_output_stream(path) as stream:
                stream.write(bounded_json.strict_json(document, indent=1).encode(errors="backslashreplace"))
        except OSError as error:
            log_line(
                f"{target.folder}: the results cannot be kept beside the table ({error.strerror or error}); "
                f"what was found is told here alone, so make {FOLDER} a folder that can be written"
            )


def _gx_validations(findings: TargetFindings) -> list[dict[str, Any]]:
    """The counts in Great Expectations' form; without those of expectations that it refuses, which is told."""
    target, validations = findings.target, []
    declared = {expectation.name: expectation for expectation in target.suite.expectations}
    hidden_modules.reveal_modules()
    for name, count in findings.counts.items():
        try:
            validations.append(gx_results.gx_validation(declared[name], count, target.suite.key()).to_json_dict())
        except Exception as error:  # a suite from outside meets checks of Great Expectations' own, of many kinds
            cause = " ".join(str(error).split())[:200]
            log_line(f"{target.name}: {name} is not kept in Great Expectations' form, which refuses it ({cause})")
    return validations


def _refuse_link(folder: str) -> None:
    """OSError where the folder of results is a link: a copied one would lead the results to elsewhere on this machine."""
    if Path(folder).is_symlink():
        raise OSError(errno.ELOOP, f"{FOLDER} is a link, which may lead anywhere")


def _table_results(findings: TargetFindings) -> TableResults:
    return TableResults(findings.target.table, findings.results)


def _slice_key(findings: TargetFindings) -> tuple[Any, ...]:
    target = findings.target
    return target.table, target.release, target.since, target.version, target.suite.digest()


def _comparable_results(findings: TargetFindings) -> list[tuple[Any, ...]]:
    result_rows = [asdict(result) for result in findings.results]
    return sorted(
        (tuple(_lists_as_tuples(row[name]) for name in COMPARED) for row in result_rows), key=lambda row: str(row[0])
    )


def _lists_as_tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


def _newest_results(
    warehouse: Warehouse, slices: Collection[tuple[Any, ...]]
) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
    """What the newest check found of some slices, by table, release, earlier release, version and suite."""
    groups: dict[tuple[Any, ...], dict[str, list[dict[str, Any]]]] = {}
    newest: dict[tuple[Any, ...], tuple[Any, str]] = {}
    for row in newest_rows(warehouse, publish_gate.RESULTS, [*SLICE_COLUMNS, "job", "run_id", "checked_at", *COMPARED]):
        place = tuple(row[name] for name in SLICE_COLUMNS)
        if row["job"] != CHECK or place not in slices:
            continue
        groups.setdefault(place, {}).setdefault(row["run_id"], []).append(row)
        newest[place] = max(newest.get(place, (row["checked_at"], row["run_id"])), (row["checked_at"], row["run_id"]))
    return {
        place: sorted(
            (tuple(_lists_as_tuples(row[name]) for name in COMPARED) for row in runs[newest[place][1]]),
            key=lambda r: str(r[0]),
        )
        for place, runs in groups.items()
    }


def check_history(warehouse: Warehouse, what: str, release: str | None) -> list[PastCheck]:
    """Every check and gate of a published table, or of the table in a folder, the oldest first.

    StoreError when nothing was ever checked there, or a file beside the table is none of ours; ConfigError when there is
    no such table.
    """
    if what in schemas.table_names():
        runs = _runs_of_table(warehouse, what)
    else:
        folder = StorageUri(what, warehouse.storage)
        open_copy(folder)
        runs = validation_history.runs_from_folder(folder)
    chosen = [_past_check(look) for look in runs if release is None or look.release == release]
    if not chosen:
        raise StoreError(f"{what}: no check is on record here; run `oilake check {what}` first")
    return chosen


def _runs_of_table(warehouse: Warehouse, table: str) -> list[ValidationRun]:
    return validation_history.runs_from_rows(
        (row for row in newest_rows(warehouse, publish_gate.RESULTS) if row["table_name"] == table), ()
    )


def _past_check(look: ValidationRun) -> PastCheck:
    broken = {
        name: {"severity": result.severity, "unexpected_count": result.unexpected_count}
        for name, result in look.results.items()
        if not result.success
    }
    kept = len(look.results) - len(broken)
    return PastCheck(look.checked_at, look.job, look.release, look.since, look.version, kept, broken)


def history_lines(checks: Sequence[PastCheck]) -> list[str]:
    """A line a check, with what was broken."""
    text_lines = []
    for check in checks:
        which = (
            " ".join(part for part in (check.release, f"since {check.since}" if check.since else None) if part) or "all"
        )
        version = "refused " if check.version is None else f"version {check.version}"
        broken = ", ".join(
            f"{name} ({b['severity']}, {_row_count_text(b['unexpected_count'])})" for name, b in check.broken.items()
        )
        text_lines.append(
            f"{check.checked_at}  {which:12} {version:12} {check.job:10} {check.kept} kept"
            + (f", broken: {broken}" if broken else "")
        )
    return text_lines


def _row_count_text(count: int | None) -> str:
    return "no count" if count is None else "1 row" if count == 1 else f"{count:,} rows"
