"""YAML into frozen dataclasses: unknown keys and bad values are refused with the file and the key named."""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_text, brief_value
from oilake.conf.yaml_text import MOST_BYTES, parse_yaml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

T = TypeVar("T")


def load_yaml(path: Traversable | Path) -> Any:
    """The document in one YAML file; ConfigError names the file when it cannot be read or parsed."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; give the path of a YAML file") from None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror or error}); check its rights and the disk"
        ) from None
    return parse_yaml(data, str(path))


def build_dataclass(kind: type[T], data: Any, file: str, key: str = "") -> T:
    """`data` as the dataclass `kind`; ConfigError names `file` and the dotted key of what does not fit."""
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: {key or 'the document'} must be a mapping, not {brief_value(data)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in data:
        if name not in fields:
            raise ConfigError(
                f"{file}: unknown key {_dotted_key(key, brief_text(str(name)))}; known: {', '.join(sorted(fields))}"
            )
    hints = typing.get_type_hints(kind)
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _build_value(hints[name], data[name], file, _dotted_key(key, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{file}: missing key {_dotted_key(key, name)}; add it")
    return kind(**values)


def _build_value(hint: Any, data: Any, file: str, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return build_dataclass(typing.cast(type, hint), data, file, key)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if data is None:
            return None
        return _build_value(next(a for a in arguments if a is not type(None)), data, file, key)
    if origin is tuple:
        if not isinstance(data, list):
            raise ConfigError(f"{file}: {key} must be a list, not {brief_value(data)}")
        return tuple(_build_value(arguments[0], item, file, f"{key}[{n}]") for n, item in enumerate(data))
    if origin is dict:
        if not isinstance(data, dict):
            raise ConfigError(f"{file}: {key} must be a mapping, not {brief_value(data)}")
        return {
            str(k): _build_value(arguments[1], v, file, _dotted_key(key, brief_text(str(k)))) for k, v in data.items()
        }
    if origin is typing.Literal:
        if data not in arguments:
            raise ConfigError(f"{file}: {key} must be one of {', '.join(map(str, arguments))}, not {brief_value(data)}")
        return data
    return _check_scalar(hint, data, file, key)


def _check_scalar(hint: Any, data: Any, file: str, key: str) -> Any:
    if hint is Any:
        return data
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, hint) or (isinstance(data, bool) and hint is not bool):
        names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", datetime.date: "a date"}
        raise ConfigError(f"{file}: {key} must be {names.get(hint, hint)}, not {brief_value(data)}")
    return data


def _dotted_key(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
