"""Arrow tables as bytes, for what travels between the driver and its tasks: of a slice only its own rows."""

from __future__ import annotations

import pyarrow as pa


def pack_table(rows: pa.Table) -> bytes:
    """The table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue().to_pybytes())


def unpack_table(data: bytes) -> pa.Table:
    """The table that was packed."""
    return pa.ipc.open_stream(data).read_all()
