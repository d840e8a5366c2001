"""Predictions as the challenge takes them: CSV with a header, one detection a row; a row that is none ends the reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.errors import InputError
from oilake.conf.showing import brief_text
from oilake.jobs.evaluating.best_partners import Mask
from oilake.jobs.runtime.filesystem import file_size, open_stream
from oilake.jobs.sources.csv_parser import ParsedRows, parse_block, read_header
from oilake.jobs.sources.csv_records import read_blocks
from oilake.jobs.transforms import image_ids, mids, numbers
from oilake.quality.row_expectations import numpy_mask

BLOCK_BYTES = 8 << 20
HEADER_BYTES = 1 << 16
BYTES_A_ROW = 64
FIELD_LIMIT = 32 << 20
EDGES = ("x_min", "x_max", "y_min", "y_max")
PUBLISHED_EDGES = ("XMin", "XMax", "YMin", "YMax")
# How far an edge may lie outside of its image, as a fraction of it: detectors overshoot a little, pixels do far more.
FARTHEST_EDGE = 1.0
LONGEST_SIDE = 1 << 16
ID_REMEDY = "write all 16 hex digits"
MID_REMEDY = "write the class as a MID, such as /m/0bt9lr"
NUMBER_REMEDY = "write a decimal number"

Columns = dict[str, pa.Array]


class PredictionForm(NamedTuple):
    """A kind of predictions. `columns`: ours by the published ones; of ours `mids`, `texts` that are not empty, `boxes`:
    their edges as x_min, x_max, y_min, y_max, and `sides`: whole numbers of pixels."""

    columns: Mapping[str, str]
    mids: tuple[str, ...]
    texts: tuple[str, ...]
    boxes: tuple[tuple[str, str, str, str], ...] = ()
    sides: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Our columns that are numbers."""
        return ("score", *self.sides, *(edge for box in self.boxes for edge in box))


class Fault(NamedTuple):
    """What is wrong with some rows: which, the column, and what to do."""

    rows: Mask
    column: str
    what: str
    remedy: str


class PredictionFile:
    """A file of predictions at a path or URI, whose header is read already; InputError where it is none."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        if file_size(uri) is None:
            raise InputError(f"--predictions {uri}: no such file; name a CSV file of detections")
        with open_stream(uri) as stream:
            start = stream.read(HEADER_BYTES)
        self.first_line, line_end, _ = start.partition(b"\n")
        if not line_end:
            raise InputError(f"{uri}: there is no row below a header; write one detection a line")

    @property
    def names(self) -> set[str]:
        """The columns that the header names."""
        return {name.strip().strip('"') for name in self.first_line.decode(errors="replace").strip().split(",")}

    def about_rows(self) -> int:
        """Return about how many rows it has, by its size."""
        return (file_size(self.uri) or 0) // BYTES_A_ROW

    def batches(self, form: PredictionForm) -> Iterator[pa.RecordBatch]:
        """Yield the rows: `image` as an unsigned 64-bit number, canonical MIDs, scores and edges as finite numbers, and
        `row`, the physical line of each. InputError names the first line that is no detection, and what to do.
        """
        try:
            header = read_header(self.first_line, form.columns, (), self.uri)
        except InputError as error:
            raise InputError(_header_sentence(str(error), form)) from None
        types = _column_types(form)
        with open_stream(self.uri) as stream:
            stream.read(len(self.first_line) + 1)
            for block in read_blocks(stream.read, BLOCK_BYTES, 2, self.uri):
                parsed = parse_block(block, header, types, FIELD_LIMIT)
                yield pa.RecordBatch.from_pydict(self._judged_columns(parsed, form))

    def _judged_columns(self, parsed: ParsedRows, form: PredictionForm) -> Columns:
        """Return the columns; InputError about the first line that is bad, whatever is bad about it."""
        columns, faults = _read_columns(parsed, form)
        bad_lines = [
            (record.line, f"this is no row ({', '.join(record.reasons)}); correct it") for record in parsed.bad
        ]
        spelled = {ours: published for published, ours in form.columns.items()}
        for fault in faults:
            if fault.rows.any():
                place = np.flatnonzero(fault.rows)[:1]
                text = brief_text(str(parsed.columns[fault.column][int(place[0])].as_py()))
                what = f"{spelled[fault.column]} {text!r} {fault.what}; {fault.remedy}"
                bad_lines.append((int(parsed.lines(place)[0]), what))
        if bad_lines:
            line, what = min(bad_lines)
            raise InputError(f"{self.uri}: line {line}: {what}")
        columns["row"] = pa.array(parsed.lines(np.arange(parsed.count)), pa.int64())
        return columns


def _header_sentence(sentence: str, form: PredictionForm) -> str:
    return f"{sentence.partition('; ')[0]}; a file of predictions begins with {','.join(form.columns)}"


def _column_types(form: PredictionForm) -> dict[str, pa.DataType]:
    return {ours: pa.float64() if ours in form.numbers else pa.string() for ours in form.columns.values()}


def _read_columns(parsed: ParsedRows, form: PredictionForm) -> tuple[Columns, list[Fault]]:
    """Return the columns, with NULL where something is wrong, and what that is."""
    raw, faults = parsed.columns, list[Fault]()
    columns: Columns = {}
    ids = image_ids.normalize(raw["image_id"])[0]
    is_bad = numpy_mask(ids.is_null()) | ~image_ids.are_canonical(ids)
    faults.append(Fault(is_bad, "image_id", "is no image ID", ID_REMEDY))
    columns["image"] = pa.array([] if is_bad.any() else image_ids.as_numbers(ids), pa.uint64())
    for name in form.mids:
        columns[name] = mids.normalize(raw[name])[0]
        is_mid = numpy_mask(pc.fill_null(pc.match_substring_regex(columns[name], mids.CANONICAL), False))
        faults.append(Fault(~is_mid, name, "is no MID", MID_REMEDY))
    for name in form.texts:
        columns[name] = raw[name]
        faults.append(Fault(numpy_mask(raw[name].is_null()), name, "says nothing", "fill it in"))
    for name in form.numbers:
        columns[name], bad = numbers.to_doubles(raw[name])
        faults.append(Fault(bad | numpy_mask(columns[name].is_null()), name, "is no finite number", NUMBER_REMEDY))
    for name in form.sides:
        is_side = pc.and_(pc.equal(pc.floor(columns[name]), columns[name]), pc.greater(columns[name], 0))
        is_side = pc.and_(is_side, pc.less_equal(columns[name], LONGEST_SIDE))
        faults.append(Fault(~_true_of(is_side), name, "is no number of pixels", f"write 1 to {LONGEST_SIDE:,}"))
    faults += [fault for box in form.boxes for fault in _box_faults(columns, box)]
    return columns, faults


def _box_faults(columns: Columns, box: tuple[str, str, str, str]) -> Iterator[Fault]:
    """Yield what is wrong with edges that are numbers."""
    outside = "lies far outside of the image"
    for edge in box:
        is_far = pc.or_(pc.less(columns[edge], -FARTHEST_EDGE), pc.greater(columns[edge], 1 + FARTHEST_EDGE))
        yield Fault(_true_of(is_far), edge, outside, "edges are fractions of the image, 0 to 1, not pixels")
    for low, high in (box[:2], box[2:]):
        is_turned = pc.greater(columns[low], columns[high])
        yield Fault(_true_of(is_turned), low, "is greater than the edge opposite", "write the smaller edge first")


def _true_of(values: Any) -> Mask:
    return numpy_mask(pc.fill_null(values, False))


def edge_matrix(rows: pa.Table, names: tuple[str, ...] = EDGES) -> np.typing.NDArray[np.float64]:
    """Return columns of edges side by side, shape (rows, len(names))."""
    return np.stack([rows[name].to_numpy() for name in names], axis=1)
