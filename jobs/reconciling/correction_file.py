"""Reads a file of corrections, a row a verdict or a box to leave out; what does not fit is refused by its line."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from oilake.conf.errors import ConfigError, InputError
from oilake.conf.showing import brief_text
from oilake.jobs.reconciling.correction_rows import EVERY_RELEASE, Box, Correction, CorrectionFile
from oilake.jobs.sources.image_id_text import parse_image_id
from oilake.jobs.transforms import mids
from oilake.jobs.transforms.box_changes import COORDINATES
from oilake.jobs.transforms.words import DROP_BOX, VERDICT

REQUIRED = ("image_id", "mid", "verdict", "who", "why", "releases")
OPTIONAL = ("kind", *COORDINATES)
VERDICTS = ("positive", "negative")
MOST_BYTES = 256 << 20
EXAMPLE = "docs/corrections.md shows a file"


def read_corrections(path: Path, releases: Collection[str]) -> CorrectionFile:
    """The corrections of a file; `releases`: all names there are. ConfigError where there is no such file, InputError with
    file, line and remedy where something in it does not fit."""
    data = _read_bytes(path)
    text = _decode_text(path, data)
    rows = tuple(_parse_rows(str(path), text, releases))
    _refuse_contradictions(str(path), rows)
    return CorrectionFile(path.name, hashlib.sha256(data).hexdigest(), rows)


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror or error}); --corrections must name a CSV file"
        ) from None
    if len(data) > MOST_BYTES:
        raise InputError(f"{path}: is larger than {MOST_BYTES >> 20} MiB; give only the rows that correct something")
    return data


def _decode_text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path}: line {line}: is not UTF-8; save the file as CSV in UTF-8") from None


def _parse_rows(file: str, text: str, releases: Collection[str]) -> Iterator[Correction]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            where = f"{file}: line {start}"
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _checked_header(where, [cell.strip() for cell in cells])
            elif len(cells) != len(header):
                raise InputError(
                    f"{where}: has {len(cells)} fields, its header has {len(header)}; correct the row (a text with a comma "
                    "stands in quotes)"
                )
            else:
                yield _parse_row(where, start, dict(zip(header, map(str.strip, cells), strict=True)), releases)
    except csv.Error as error:
        raise InputError(f"{file}: line {line}: cannot be read as CSV ({error}); correct its quotes") from None
    if header is None:
        raise InputError(f"{file}: is empty; write a header, and a row a correction ({EXAMPLE})")


def _checked_header(where: str, names: list[str]) -> list[str]:
    if missing := [name for name in REQUIRED if name not in names]:
        raise InputError(f"{where}: the header lacks {', '.join(missing)}; name each column ({EXAMPLE})")
    if unknown := [name for name in names if name not in (*REQUIRED, *OPTIONAL)]:
        raise InputError(
            f"{where}: the header has the unknown column {brief_text(unknown[0])!r}; known are "
            f"{', '.join((*REQUIRED, *OPTIONAL))}"
        )
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{where}: the header names the column {twice[0]} twice; take one out")
    return names


def _parse_row(where: str, line: int, cells: Mapping[str, str], releases: Collection[str]) -> Correction:
    kind = cells.get("kind") or VERDICT
    if kind not in (VERDICT, DROP_BOX):
        raise InputError(f"{where}: kind must be {VERDICT} or {DROP_BOX}, not {brief_text(kind)!r}; correct it")
    for name in ("who", "why"):
        if not cells[name]:
            raise InputError(f"{where}: {name} is empty; say {'who corrects' if name == 'who' else 'why'}")
    try:
        image_id = parse_image_id(cells["image_id"], "image_id")
    except ConfigError as error:
        raise InputError(f"{where}: {error}") from None
    return Correction(
        line,
        image_id,
        _parse_mid(where, cells["mid"]),
        kind,
        _parse_verdict(where, kind, cells["verdict"]),
        _parse_box(where, kind, [cells.get(name, "") for name in COORDINATES]),
        cells["who"],
        cells["why"],
        _parse_releases(where, cells["releases"], releases),
    )


def _parse_mid(where: str, text: str) -> str:
    mid = str(mids.normalize(pa.array([text]))[0][0])
    if not re.fullmatch(mids.CANONICAL, mid):
        raise InputError(f"{where}: mid must be a MID such as /m/0bt9lr, not {brief_text(text)!r}; correct it")
    return mid


def _parse_verdict(where: str, kind: str, verdict: str) -> str | None:
    if kind == DROP_BOX:
        if verdict:
            raise InputError(
                f"{where}: a row of kind {DROP_BOX} has no verdict, not {brief_text(verdict)!r}; empty it, or correct kind"
            )
        return None
    if verdict not in VERDICTS:
        raise InputError(f"{where}: verdict must be {' or '.join(VERDICTS)}, not {brief_text(verdict)!r}; correct it")
    return verdict


def _parse_box(where: str, kind: str, edges: list[str]) -> Box | None:
    if kind == VERDICT:
        if any(edges):
            raise InputError(f"{where}: a row of kind {VERDICT} has no edges of a box; empty them, or correct kind")
        return None
    numbers = [_parse_fraction(edge) for edge in edges]
    for name, edge, number in zip(COORDINATES, edges, numbers, strict=True):
        if number is None:
            raise InputError(
                f"{where}: {name} must be a fraction of the image from 0 to 1, not {brief_text(edge)!r}; a row of kind "
                f"{DROP_BOX} gives {', '.join(COORDINATES)} of the published box"
            )
    x_min, x_max, y_min, y_max = (number for number in numbers if number is not None)
    return x_min, x_max, y_min, y_max


def _parse_fraction(text: str) -> float | None:
    if not re.fullmatch(r"[0-9]*\.?[0-9]*([eE][+-]?[0-9]+)?", text):
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number <= 1 else None


def _parse_releases(where: str, text: str, releases: Collection[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(";") if name.strip()))
    if names == (EVERY_RELEASE,):
        return names
    unknown = [name for name in names if name not in releases]
    if unknown or not names:
        raise InputError(
            f"{where}: releases must be {EVERY_RELEASE} or names such as v5;v6, not {brief_text(text)!r}; there are "
            f"{', '.join(releases)}"
        )
    return names


def _refuse_contradictions(file: str, rows: Collection[Correction]) -> None:
    """InputError where two rows say otherwise of one image and class of a release."""
    by_pair: dict[tuple[str, str], list[Correction]] = {}
    for row in rows:
        earlier_rows = by_pair.setdefault((row.image_id, row.mid), [])
        for earlier in earlier_rows if row.kind == VERDICT else ():
            if earlier.verdict != row.verdict and earlier.shares_release(row):
                raise InputError(
                    f"{file}: line {row.line}: says {row.verdict} of image {row.image_id} and {row.mid}, and line "
                    f"{earlier.line} says {earlier.verdict}; take one of them out"
                )
        if row.kind == VERDICT:
            earlier_rows.append(row)
