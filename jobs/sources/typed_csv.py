"""Reads a small CSV file that a user gives, whole, in the types of its columns."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.csv as pacsv

from oilake.conf.errors import InputError
from oilake.jobs.runtime.filesystem import open_stream


def read_typed_csv(file: str, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The columns of `types`, without others; InputError where the file has none of that name or a value of another type."""
    options = pacsv.ConvertOptions(column_types=dict(types), include_columns=list(types))
    try:
        with open_stream(file) as stream:
            return pacsv.read_csv(stream, convert_options=options)
    except (pa.ArrowException, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: is no CSV file of {','.join(types)} ({cause}); mend it") from None
