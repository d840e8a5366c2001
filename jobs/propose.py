"""Derives expectations from the rows of a table, as YAML to review: ranges, sets, kinds of text, shares, keys, counts."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from oilake.conf.errors import ConfigError, InputError, StoreError
from oilake.conf.settings import Settings
from oilake.jobs.pipeline import start
from oilake.jobs.runtime import options
from oilake.jobs.runtime.folder_swap import replace_text
from oilake.jobs.runtime.printing import print_document, print_text
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.tables import publish, targets
from oilake.jobs.tables.snapshots import require_snapshots
from oilake.jobs.tables.targets import CheckTarget
from oilake.jobs.validation import checker, file_metrics, publish_gate
from oilake.jobs.validation.profiling import Tallies, is_bytes_type, profile_targets
from oilake.quality import suite_proposal, suites
from oilake.quality.suite_proposal import ProfiledSlice, SuiteProposal
from oilake.schemas import loader as schemas

FIRST_ROWS = 20_000
KEY_COLUMNS = 3
MAX_CANDIDATE_COLUMNS = 12
TRIED_KEYS = 5
NO_ROWS = "holds no row, so there is nothing to derive an expectation from; name a table or --release that has rows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="TABLE|PATH", help="a published table, or the folder of any Delta table")
    options.add_release(parser, "only the rows of this release")
    parser.add_argument(
        "--tolerance", type=float, default=0.1, metavar="T",
        help="by how much numbers of rows (as a share) and shares of rows with a value (in points) may differ (0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--max-values", type=int, default=20, metavar="N", help="distinct texts of a column that make a set (20)"
    )
    parser.add_argument("--out", metavar="FILE", help="where the YAML goes (default: printed)")
    options.add_places(parser, "warehouse")


def run(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.tolerance <= 1:
        raise ConfigError(f"--tolerance must lie between 0 and 1, not {arguments.tolerance}; 0.1 is usual")
    if arguments.max_values < 0:
        raise ConfigError(f"--max-values must be 0 or more, not {arguments.max_values}")
    settings = options.load_settings(arguments)
    text = propose(settings, arguments.what, arguments.release, arguments.tolerance, arguments.max_values)
    if arguments.out is None:
        print_document(text)
    else:
        try:
            replace_text(Path(arguments.out), text)
        except OSError as error:
            raise StoreError(f"{arguments.out}: cannot be written ({error.strerror}); name another --out") from None
        print_text(f"{arguments.out}: {text.splitlines()[1].removeprefix('# ')}")
    return 0


def propose(settings: Settings, what: str, release: str | None, tolerance: float, most: int) -> str:
    """A suite that the rows of a published table, or of the table in a folder, keep, as YAML with comments.

    ConfigError when there is no such table or nothing of the release; InputError when it holds no row, or a file of it
    cannot be read.
    """
    slice_targets = _filled_targets(settings, what, release)
    session = start.StartOnDemand(lambda: start.open_readers(settings, slice_targets[0].folder))
    declared = slice_targets[0].suite.key()
    slices, tallies = profile_targets(session, slice_targets, declared, most)
    if not any(profile.rows for profile in slices):
        raise InputError(f"{what}: {NO_ROWS}")
    keys = [declared] if slice_targets[0].suite.expectations else _candidate_keys(slice_targets, slices)
    key = next(
        (key for key in keys if key and _is_unique_key(session, slice_targets, key, tallies if declared else None)), []
    )
    proposal = suite_proposal.propose_suite(slice_targets[0].suite, slices, key, tolerance, most)
    text = suite_proposal.proposal_yaml(proposal, _review_notes(slice_targets, proposal, slices, key))
    suites.parse_suite(yaml.safe_load(text), dict.fromkeys(slice_targets[0].schema.names, ""), "the proposal")
    return text


def _filled_targets(settings: Settings, what: str, release: str | None) -> list[CheckTarget]:
    """The slices that hold rows."""
    if what in schemas.table_names():
        warehouse = publish.settled_warehouse(settings)
        require_snapshots(warehouse, release)
        all_targets = targets.published_targets(warehouse, [what], release)
    else:
        all_targets = targets.copied_targets(settings.storage_uri(what), release, is_blank=True)
    if not any(target.files for target in all_targets):
        raise InputError(f"{what}: {NO_ROWS}")
    return [target for target in all_targets if target.files]


def _candidate_keys(slice_targets: Sequence[CheckTarget], slices: Sequence[ProfiledSlice]) -> list[list[str]]:
    """Columns that might be a key, by the first rows of the largest file; the fewest columns first."""
    file = max((file for target in slice_targets for file in target.files), key=lambda file: file.size)
    filled = {name for name in slices[0].columns if not any(profile.columns[name].missing for profile in slices)}
    fields = [c for c in slice_targets[0].schema if _can_tell_apart(c.type) and c.name in filled - set(file.partition)]
    chosen_from = pa.schema(fields[:MAX_CANDIDATE_COLUMNS])
    first = next(file_metrics.read_batches(file, chosen_from), chosen_from.empty_table()).slice(0, FIRST_ROWS)
    candidates: list[list[str]] = []
    for size in range(1, KEY_COLUMNS + 1):
        for chosen in itertools.combinations(first.column_names, size):
            is_known = any(set(key) <= set(chosen) for key in candidates)
            if not is_known and first.group_by(list(chosen)).aggregate([]).num_rows == len(first):
                candidates.append(list(chosen))
    return candidates[:TRIED_KEYS]


def _can_tell_apart(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_timestamp(kind))


def _is_unique_key(
    session: StartSession, slice_targets: Sequence[CheckTarget], key: Sequence[str], tallies: Sequence[Tallies] | None
) -> bool:
    """Whether no two rows of a slice have the same key: by the order of the rows, else by counting them."""
    for n, target in enumerate(slice_targets):
        if tallies and publish_gate.keys_proved_unique(target.partition_by, key, tallies[n]):
            continue
        if checker.count_repeated_keys(session, target, key, 0).unexpected:
            return False
    return True


def _review_notes(
    slice_targets: Sequence[CheckTarget], proposal: SuiteProposal, slices: Sequence[ProfiledSlice], key: Sequence[str]
) -> list[str]:
    """What a reviewer has to know, a line each."""
    rows = sum(entry.rows for entry in slices)
    count, promised = len(proposal.expectations), len(proposal.promised)
    notes = [
        f"Proposed from {rows:,} rows of {proposal.table} ({', '.join(entry.name for entry in slices)}).",
        f"{count} expectations, {promised} of which the table promises already (marked so); review before you use them.",
        "Each held for every row that was looked at; ranges, sets and shares may be narrower than the truth.",
    ]
    bytes_ = [column.name for column in slice_targets[0].schema if is_bytes_type(column.type)]
    notes += [f"Not looked at, since they hold bytes: {', '.join(bytes_)}."] if bytes_ else []
    unmentioned = [
        name for name in slices[0].columns if not any(_is_about(entry, name) for entry in proposal.expectations)
    ]
    notes += [f"Nothing is proposed of {', '.join(unmentioned)}."] if unmentioned else []
    return notes if key else [*notes, f"No key of up to {KEY_COLUMNS} columns was found, or is promised."]


def _is_about(expectation: dict[str, Any], column: str) -> bool:
    return bool(expectation["kwargs"].get("column") == column)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("propose", __doc__, add_arguments, run))
