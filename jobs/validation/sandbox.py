"""Answers one query of a table's suite in a process of its own: nothing but the rows given, little memory, little time.

Run from its own text by a Python that has read nothing else of this project, so it imports nothing of it. A pickled request
comes on stdin; the answer, one JSON object, goes to stdout: `rows` and `examples`, or `refused` with the cause.
"""

from __future__ import annotations

import datetime
import decimal
import json
import pickle
import re
import resource
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import Any

# Tables in a query are those given; of functions that make rows only the one that takes them out of a column.
ROW_MAKERS = {"unnest"}
STRANGE = {"SHOW_REF": "asks what tables there are"}
CHARACTERS = 1_000
ITEMS = 100
WHOLE = 20_000
ROWS = 65_536


def main() -> None:
    """The whole of the process."""
    request = pickle.load(sys.stdin.buffer)
    sys.path[:] = request["path"]
    try:
        _end_after(request["seconds"])
        answer = _answer_query(request)
    except MemoryError:
        answer = {"refused": "it wants more memory than such a query may have"}
    except Exception as error:
        answer = {"refused": _error_sentence(error)}
    sys.stdout.write(json.dumps(answer))


def _end_after(seconds: int) -> None:
    """No file is written, no core is dumped, and the kernel ends the process when its time is over."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _answer_query(request: dict[str, Any]) -> dict[str, Any]:
    import duckdb
    import pyarrow as pa
    from pyarrow import fs

    query = request["query"]
    connection = duckdb.connect(":memory:", config=request["settings"])
    connection.execute("SET lock_configuration = true")
    if cause := _refusal_cause(connection, query, request["tables"]):
        return {"refused": cause}
    for name, slice_files in request["tables"].items():
        schema = pa.ipc.read_schema(pa.py_buffer(slice_files["schema"]))
        connection.register(name, slice_dataset(schema, slice_files["files"], fs.LocalFileSystem()))
    _bound_memory(request["megabytes"])
    rows, examples = 0, list[dict[str, Any]]()
    for batch in connection.sql(query).to_arrow_reader(ROWS):
        if len(examples) < request["examples"]:
            examples += batch.slice(0, request["examples"] - len(examples)).to_pylist()
        rows += len(batch)
    return {"rows": rows, "examples": [_shown_example(example) for example in examples]}


def _bound_memory(megabytes: int) -> None:
    """Beside what the libraries have reserved already; half as much again is for what the engine does not count."""
    with open("/proc/self/statm") as status:
        reserved = int(status.read().split()[0]) * resource.getpagesize()
    most = reserved + megabytes * (3 << 19)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def slice_dataset(schema: Any, files: Iterable[tuple[str, dict[str, Any]]], filesystem: Any) -> Any:
    """The files of one slice as an Arrow dataset of `schema`; each is a path in the file system and its partition's values,
    which stand in no file."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    parquet = ds.ParquetFileFormat()
    fragments = []
    for path, partition in files:
        shared = ds.scalar(True)
        for name, value in partition.items():
            field = ds.field(name)
            shared = shared & (field.is_null() if value is None else field == pa.scalar(value, schema.field(name).type))
        fragments.append(parquet.make_fragment(path, filesystem, partition_expression=shared))
    return ds.FileSystemDataset(fragments, schema, parquet, filesystem)


def _refusal_cause(connection: Any, query: str, tables: Iterable[str]) -> str | None:
    """Why the query is not asked; None where it is one SELECT over the rows of `tables`."""
    kinds = [statement.type.name for statement in connection.extract_statements(query)]
    if len(kinds) != 1:
        return f"it is {len(kinds)} statements, and one SELECT is asked"
    if not kinds[0].startswith("SELECT"):
        return f"it is a statement of {kinds[0].removesuffix('_STATEMENT')}, and a SELECT is asked"
    parsed = json.loads(connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0])
    if parsed["error"]:
        return f"it cannot be taken apart ({parsed.get('error_message', 'no SELECT')})"
    parts = list(parsed_objects(parsed["statements"]))
    readable = {name.lower() for name in [*tables, *named_subqueries(parts)]}
    for part in parts:
        if part.get("type") == "BASE_TABLE" and (name := _table_name(part)) not in readable:
            return f"it reads {name}, and only the table's rows are given"
        if part.get("type") == "TABLE_FUNCTION" and (name := _function_name(part)) not in ROW_MAKERS:
            return f"it takes rows from {name}(), and only the table's rows are given"
        if part.get("type") in STRANGE:
            return f"it {STRANGE[part['type']]}, and only the table's rows are given"
    return None


def _function_name(part: dict[str, Any]) -> str:
    return str(part.get("function", {}).get("function_name", "a function")).lower()


def _table_name(part: dict[str, Any]) -> str:
    names = [part.get(key) for key in ("catalog_name", "schema_name", "table_name")]
    return ".".join(str(name) for name in names if name).lower()


def parsed_objects(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a parsed query, however deep."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def named_subqueries(parts: Iterable[dict[str, Any]]) -> list[str]:
    """The names that the parts of a parsed query give to queries of their own (WITH)."""
    return [entry["key"] for part in parts if isinstance(part.get("cte_map"), dict) for entry in part["cte_map"]["map"]]


def _shown_example(example: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = _json_value(example)
    text = json.dumps(plain)
    return plain if len(text) <= WHOLE else {"row": f"{text[:CHARACTERS]}…"}


def _json_value(value: Any) -> Any:
    """A value as JSON has it, long ones cut: an example shows a row, and does not carry it."""
    if isinstance(value, dict):
        return {str(key)[:CHARACTERS]: _json_value(item) for key, item in list(value.items())[:ITEMS]}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value[:ITEMS]]
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}…"


def _error_sentence(error: Exception) -> str:
    """The first line of what a library says, without signs that steer a terminal: a part of it may be the query's."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    shown = "".join(sign if sign.isprintable() else " " for sign in lines[0])
    return re.sub(r"^[A-Za-z ]+ Error: ", "", shown)[:300]


if __name__ == "__main__":
    main()
