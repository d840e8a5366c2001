"""Every time that a table's promises were judged, from `quality_results` or from what lies beside the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from pyarrow.fs import FileSelector, FileType

from oilake.conf import bounded_json
from oilake.conf.errors import ConfigError, StoreError
from oilake.conf.yaml_loader import build_dataclass
from oilake.jobs.runtime.filesystem import join_uri, open_filesystem
from oilake.quality.results import READER_TYPE, Result

CHECK = "check"
FOLDER = "_quality"
MAX_COUNT = 10**18
COLUMNS = tuple(column.name for column in fields(Result))


@dataclass(frozen=True)
class ResultsDocument:
    """What `oilake check` leaves beside a table, as far as it is told here."""

    run_id: str
    checked_at: str
    release: str | None
    since: str | None
    version: int
    results: tuple[Result, ...]
    not_asked: dict[str, str]
    validations: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class ValidationRun:
    """One gate or check of one slice. `version`: the Delta version judged, None where the gate refused it; `checked_at`:
    UTC, to the second; `validations`: the results in Great Expectations' form, none of a gate."""

    run_id: str
    checked_at: str
    job: str
    release: str | None
    since: str | None
    version: int | None
    results: Mapping[str, Result]
    not_asked: Mapping[str, str] = field(default_factory=dict)
    validations: Sequence[dict[str, Any]] = ()

    @property
    def slice(self) -> tuple[str, str]:
        """(release, earlier release of a comparison), empty where there is none."""
        return self.release or "", self.since or ""

    @property
    def judged(self) -> list[Result]:
        """The results of promises: without rows that nobody could read, which the reader sent to quarantine."""
        return [r for r in self.results.values() if r.type != READER_TYPE or r.quarantined_count is None]

    @property
    def rows(self) -> int | None:
        """Rows of the slice, as far as an expectation counted them."""
        counted = [
            r.element_count for r in self.results.values() if r.type != READER_TYPE and r.element_count is not None
        ]
        return max(counted, default=None)


def runs_from_folder(path: str) -> list[ValidationRun]:
    """The checks that lie beside a table, the oldest first; StoreError names a file that is none of ours."""
    try:
        return sorted((_run_from_document(*document) for document in _result_documents(path)), key=_run_time)
    except OSError as error:
        cause = error.strerror or error
        raise StoreError(
            f"{join_uri(path, FOLDER)}: cannot be read ({cause}); check the rights of what is in it"
        ) from None


def _result_documents(path: str) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file of results beside a table; of a huge one no more than shows that it is huge."""
    store, folder = open_filesystem(join_uri(path, FOLDER))
    for info in store.get_file_info(FileSelector(folder, allow_not_found=True)):
        if info.type == FileType.File and info.base_name.endswith(".json"):
            with store.open_input_stream(info.path) as stream:
                yield info.path, stream.read(bounded_json.MOST_CHARACTERS + 1)


def runs_from_rows(rows: Iterable[dict[str, Any]], beside: Iterable[ValidationRun]) -> list[ValidationRun]:
    """The gates and checks of one table in rows of `quality_results`, the oldest first; what only the files beside the
    table hold (`validations`, `not_asked`) is taken from `beside`."""
    runs: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        runs.setdefault((row["run_id"], row["release"] or "", row["since"] or ""), []).append(row)
    kept = {(look.run_id, *look.slice): look for look in beside}
    by_time = sorted(runs, key=lambda key: (str(runs[key][0]["checked_at"]), key))  # two may be of one second
    return [_run_from_rows(runs[key], kept.get(key)) for key in by_time]


def _run_from_rows(rows: Sequence[dict[str, Any]], beside: ValidationRun | None) -> ValidationRun:
    first = rows[0]
    return ValidationRun(
        first["run_id"],
        str(first["checked_at"])[:19].replace("T", " "),
        first["job"],
        first["release"],
        first["since"],
        first["table_version"],
        {row["expectation"]: _result_from_row(row) for row in rows},
        beside.not_asked if beside else {},
        beside.validations if beside else (),
    )


def _run_from_document(path: str, content: bytes) -> ValidationRun:
    try:
        parsed = bounded_json.parse_json(content.decode())
        results = [{name: row[name] for name in COLUMNS if name in row} for row in parsed["results"]]
        known_fields = {
            name: parsed[name] for name in (field.name for field in fields(ResultsDocument)) if name in parsed
        }
        document = build_dataclass(ResultsDocument, {**known_fields, "results": results}, path)
        _refuse_odd_counts(document)
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        cause = f"{type(error).__name__}: {error}".removeprefix("ConfigError: ").removeprefix(f"{path}: ")
        raise StoreError(f"{path}: holds no results of a check ({cause[:300]}); take the file away") from None
    return ValidationRun(
        document.run_id,
        document.checked_at[:19].replace("T", " "),
        CHECK,
        document.release,
        document.since,
        document.version,
        {result.expectation: result for result in document.results},
        document.not_asked,
        document.validations,
    )


def _refuse_odd_counts(document: ResultsDocument) -> None:
    """ValueError where a number is none that a check counts: what others wrote is drawn and divided."""
    counts = [document.version]
    for result in document.results:
        counts += [result.element_count or 0, result.unexpected_count or 0, result.quarantined_count or 0]
    if not all(0 <= count < MAX_COUNT for count in counts):
        raise ValueError("a count is below 0, or of more than 18 digits")


def _result_from_row(row: Mapping[str, Any]) -> Result:
    values = {name: row[name] for name in COLUMNS}
    return Result(**{**values, "columns": tuple(values["columns"]), "examples": tuple(values["examples"])})


def _run_time(look: ValidationRun) -> tuple[str, str]:
    return look.checked_at, look.run_id
