"""Types of columns, written as Spark SQL writes them, to Arrow types: scalars, and arrays, maps and structs of any depth."""

from __future__ import annotations

import re

import pyarrow as pa

from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_value

SCALARS = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "binary": pa.binary(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
FORMS = (*SCALARS, "array<T>", "map<K,V>", "struct<name:T,…>")
TOKEN = re.compile(r"[a-z0-9_]+|[<>,:]")


def parse_type(text: str, where: str) -> pa.DataType:
    """Return the Arrow type that `text` writes, such as `array<struct<x:double,y:double>>`.

    ConfigError, beginning with `where`, when it writes none.
    """
    tokens = TOKEN.findall(text)
    try:
        if "".join(tokens) == text:
            return _TypeTokens(tokens).read_whole()
    except (KeyError, IndexError):
        pass
    raise ConfigError(f"{where} must be one of {', '.join(FORMS)}, not {brief_value(text)}")


class _TypeTokens:
    """The tokens of one type, read from left to right; KeyError or IndexError where they write none."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]

    def read_whole(self) -> pa.DataType:
        data_type = self._read_type()
        if self.tokens:
            raise KeyError(self.tokens.pop())
        return data_type

    def _read_type(self) -> pa.DataType:
        name = self.tokens.pop()
        if name == "struct":
            return pa.struct(self._read_fields())
        if name not in ("array", "map"):
            return SCALARS[name]
        self._expect("<")
        parts = [self._read_type()]
        if name == "map":
            self._expect(",")
            parts.append(self._read_type())
        self._expect(">")
        return pa.list_(*parts) if name == "array" else pa.map_(*parts)

    def _read_fields(self) -> list[pa.Field]:
        fields: dict[str, pa.Field] = {}
        following = "<"
        self._expect(following)
        while following != ">":
            name = self.tokens.pop()
            self._expect(":")
            if not name.isidentifier() or name in fields:
                raise KeyError(name)
            fields[name] = pa.field(name, self._read_type())
            following = self.tokens.pop()
            if following not in (",", ">"):
                raise KeyError(following)
        return list(fields.values())

    def _expect(self, token: str) -> None:
        if self.tokens.pop() != token:
            raise KeyError(token)
