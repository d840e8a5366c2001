"""Planting defects: at random places of files of rows, each at a line that the truth tells."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from oilake.conf.errors import ConfigError
from oilake.jobs.synthetic import defects
from oilake.jobs.synthetic.defects import KINDS, DefectKind, Row

ALL_KINDS = "all"
TRIES = 600
TRIES_A_VARIANT = 150
# A job may well refuse a file with a larger share of bad rows.
MAX_DEFECT_SHARE = 0.008
WINDOW, JSON_WINDOW = 8 << 10, 256 << 10
BUFFER = 1 << 20
STARTS_ROW = re.compile(rb"[0-9a-f]{16}[,_]")
# The one column of a row that is a line of JSON.
LINE = "line"


@dataclass(frozen=True)
class SpooledMember:
    """A file of rows that waits in a spool; `table`: images, machine, human or boxes of V3, or what later defects need.

    `is_json`: its rows are lines of JSON, and no header stands before them.
    """

    archive: str
    path: str
    table: str
    subset: str
    spool: Path
    is_json: bool = False


@dataclass(frozen=True)
class Edit:
    """Bytes of a member from `start` to `stop` that make way for `record` and its line end."""

    start: int
    stop: int
    record: bytes
    kind: str


@dataclass(frozen=True)
class SoundRow:
    """A sound row of a member, its bytes from `start` to `stop` (with its line end), and the next row's image ID."""

    start: int
    stop: int
    row: Row
    following: str | None


@dataclass
class MemberEdits:
    """A member while it is planted: its columns, where its rows begin and end, how many there are.

    `edits`: what was planted, by where the sound row beside it starts.
    """

    member: SpooledMember
    columns: list[str]
    first: int
    size: int
    rows: int
    edits: dict[int, Edit] = field(default_factory=dict)


def parse_defect_counts(texts: Sequence[str], kinds: Sequence[str], available: Collection[str]) -> dict[str, int]:
    """`KIND=N` texts as numbers by kind; ConfigError tells what is wrong and which kinds there are.

    `available`: those that fit what is written; `all` means each of them.
    """
    counts: Counter[str] = Counter()
    fitting = [name for name in kinds if name in available]
    for text in texts:
        kind, _, number = text.partition("=")
        if kind not in kinds and kind != ALL_KINDS:
            raise ConfigError(f"--plant {text}: no such kind; known: {ALL_KINDS}, {', '.join(kinds)}")
        if not re.fullmatch("[0-9]{1,7}", number):
            raise ConfigError(f"--plant {text}: give a whole number of rows, such as {kind}=3")
        if kind != ALL_KINDS and kind not in available:
            raise ConfigError(f"--plant {text}: fits no file of the chosen releases and tables; choose more of them")
        for each in fitting if kind == ALL_KINDS else [kind]:
            counts[each] += int(number)
    return {kind: number for kind, number in counts.items() if number}


def plan_edits(
    seed: int,
    defect_counts: Mapping[str, int],
    members: Sequence[SpooledMember],
    kinds: Mapping[str, DefectKind] = KINDS,
) -> dict[str, list[Edit]]:
    """What to change in each member (by path), sorted, so that exactly the wanted numbers of defects stand there.

    ConfigError when a member has too few rows of the kind that is needed.
    """
    rng = np.random.default_rng([seed, 9])
    targets = [
        _member_edits(member) for member in members if any(_fits_member(kinds[k], member) for k in defect_counts)
    ]
    for kind, number in defect_counts.items():
        fitting = [target for target in targets if _fits_member(kinds[kind], target.member)]
        start = int(rng.integers(0, len(fitting)))
        for n in range(start, start + number):
            _plant_one(rng, _next_member(fitting, n), kind, kinds[kind], n // len(fitting))
    return {
        target.member.path: sorted(target.edits.values(), key=lambda edit: (edit.start, edit.stop))
        for target in targets
    }


def fewest_rows(bad_rows: int) -> int:
    """How many rows a file has of which so many bad ones are few (see `_next_member`)."""
    return math.ceil(bad_rows / MAX_DEFECT_SHARE) + 1 if bad_rows else 0


def apply_edits(source: Path, target: Path, edits: Sequence[Edit]) -> list[int]:
    """Copies `source` with the sorted edits made; the physical line, from 1, at which each planted record starts."""
    record_lines, line, position = [], 1, 0
    with open(source, "rb") as old, open(target, "wb") as new:
        for edit in edits:
            line += _copy_bytes(old, new, edit.start - position)
            record_lines.append(line)
            new.write(edit.record + b"\n")
            line += 1
            position = old.seek(edit.stop)
        _copy_bytes(old, new, source.stat().st_size - position)
    return record_lines


def truth_row(release: str, file: str, member: str, line: int, edit: Edit, reason: str) -> tuple[object, ...]:
    """The row of the truth about a planted defect (see ground_truth.DEFECTS); a record too long to repeat is left out."""
    raw = "" if edit.kind == "field_too_long" else edit.record.hex()
    return release, file, member, line, edit.kind, reason, raw


def _copy_bytes(old: IO[bytes], new: IO[bytes], count: int) -> int:
    """Copies so many bytes; the line feeds among them."""
    lines = 0
    while count and (data := old.read(min(count, BUFFER))):
        new.write(data)
        lines += data.count(b"\n")
        count -= len(data)
    return lines


def _member_edits(member: SpooledMember) -> MemberEdits:
    with open(member.spool, "rb") as file:
        line = b"" if member.is_json else file.readline()
        rows = sum(data.count(b"\n") for data in iter(lambda: file.read(BUFFER), b""))
    columns = [LINE] if member.is_json else line.decode().strip().split(",")
    return MemberEdits(member, columns, len(line), member.spool.stat().st_size, rows)


def _next_member(fitting: Sequence[MemberEdits], n: int) -> MemberEdits:
    """Members by turns while their bad rows stay few; then the one that holds the smallest share of them."""
    sparse = [target for target in fitting if len(target.edits) < MAX_DEFECT_SHARE * target.rows - 1]
    return sparse[n % len(sparse)] if sparse else min(fitting, key=lambda target: len(target.edits) / target.rows)


def _fits_member(kind: DefectKind, member: SpooledMember) -> bool:
    with_attributes = member.table == "boxes" and member.subset != "train"
    return member.table in kind.tables or (with_attributes and "attributes" in kind.tables)


def _plant_one(rng: np.random.Generator, target: MemberEdits, name: str, kind: DefectKind, variant: int) -> None:
    with open(target.member.spool, "rb") as file:
        for attempt in range(TRIES):
            sound_row = _random_row(rng, file, target)
            if sound_row is None or sound_row.start in target.edits:
                continue
            # A small file may have no row for some variant, such as an ID that begins with 0.
            edit = _make_edit(rng, name, kind, sound_row, variant + attempt // TRIES_A_VARIANT)
            if edit:
                target.edits[sound_row.start] = edit
                return
    raise ConfigError(f"--plant {name}: {target.member.path} has too few rows; plant fewer or raise --scale")


def _make_edit(rng: np.random.Generator, name: str, kind: DefectKind, sound_row: SoundRow, variant: int) -> Edit | None:
    row = sound_row.row
    if not kind.needs(row, variant):
        return None
    if "Title" in row and not kind.replaces and name not in ("duplicate_image_id", "invalid_image_id"):
        fresh = defects.fresh_image_id(rng, row["ImageID"], sound_row.following)
        if fresh is None:
            return None
        row = {**row, "ImageID": fresh}
    return Edit(sound_row.start if kind.replaces else sound_row.stop, sound_row.stop, kind.damage(row, variant), name)


def _random_row(rng: np.random.Generator, file: IO[bytes], target: MemberEdits) -> SoundRow | None:
    """The row behind a random byte; None where that is no row on one line."""
    is_json, first = target.member.is_json, max(0, target.first - 1)
    position = int(rng.integers(first, target.size))
    file.seek(position)
    data = file.read(JSON_WINDOW if is_json else WINDOW)
    start = data.find(b"\n") + 1
    stop = data.find(b"\n", start) + 1
    line = data[start : stop - 1]
    if is_json and start and stop:
        return SoundRow(position + start, position + stop, {LINE: line.decode()}, None)
    if start == 0 or stop == 0 or not STARTS_ROW.match(line) or line.count(b'"') % 2:
        return None
    row = dict(zip(target.columns, defects.split_record(line), strict=True))
    following = data[stop : stop + 16].decode() if STARTS_ROW.match(data, stop) else None
    return SoundRow(position + start, position + stop, row, following)
