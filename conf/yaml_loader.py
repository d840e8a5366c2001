"""YAML into frozen dataclasses: unknown keys and bad values are refused with the file and the key named."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError, SchemaValidator
from pydantic_core.core_schema import custom_error_schema, no_info_before_validator_function

from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_text, brief_value
from oilake.conf.yaml_text import MOST_BYTES, parse_yaml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from pydantic_core import ErrorDetails

T = TypeVar("T")
SCALARS = ("str", "int", "float", "bool", "date")
BOUNDS = {"ge", "gt", "le"}
UNKNOWN_KEY = "unknown_key"
# What a value must be, by pydantic's type of its error.
REQUIRED_FORMS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "date_type": "a date",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "dataclass_type": "a mapping",
    "literal_error": "one of {expected}",
}


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
    """Build the dataclass `kind` from `data`; ConfigError names `file` and the dotted key of what does not fit.

    Lists become tuples and whole numbers floats where these are declared; no other value is taken for another type's.
    """
    try:
        built: T = _strict_validator(kind).validate_python(data)  # type: ignore[arg-type]
    except ValidationError as refusal:
        raise ConfigError(f"{file}: {_refusal_text(refusal.errors(include_url=False), data, key)}") from None
    return built


def load_dataclass(kind: type[T], path: Traversable | Path) -> T:
    """Build the dataclass `kind` from one YAML file; ConfigError names the file, and the key of what does not fit."""
    return build_dataclass(kind, load_yaml(path), str(path))


@cache
def _strict_validator(kind: type) -> SchemaValidator:
    return SchemaValidator(_strict_node(TypeAdapter(kind).core_schema))


def _strict_node(node: Any) -> Any:
    """Make pydantic's schema strict, but for lists, which YAML has in place of tuples, and mappings, for dataclasses."""
    if isinstance(node, list):
        return [_strict_node(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _strict_node(value) for key, value in node.items()}
    kind, name = inner.get("type"), inner.get("ref")
    if kind in SCALARS:
        inner["strict"] = True
        return (
            custom_error_schema(inner, custom_error_type="bounds", custom_error_message=_bounded_form(inner))
            if BOUNDS & inner.keys()
            else inner
        )
    if kind == "tuple":
        return no_info_before_validator_function(_tuple_of_list, {**inner, "strict": True}, ref=name)
    if kind == "dataclass":
        return no_info_before_validator_function(_unknown_key_check(inner["fields"]), {**inner, "ref": None}, ref=name)
    return inner


def _bounded_form(node: dict[str, Any]) -> str:
    form = REQUIRED_FORMS[f"{node['type']}_type"]
    if "gt" in node:
        return f"{form}, more than {node['gt']}"
    return f"{form} from {node['ge']} to {node['le']}" if "le" in node else f"{form}, {node['ge']} or more"


def _tuple_of_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _unknown_key_check(fields: list[str]) -> Callable[[Any], Any]:
    def refuse_unknown(value: Any) -> Any:
        if isinstance(value, dict) and (unknown := [name for name in value if name not in fields]):
            context = {"name": str(unknown[0]), "fields": ", ".join(sorted(fields))}
            raise PydanticCustomError(UNKNOWN_KEY, "{name}: {fields}", context)
        return value

    return refuse_unknown


def _refusal_text(errors: list[ErrorDetails], data: Any, key: str) -> str:
    """What does not fit first, in one line: an unknown key, else the first value by the order of the fields."""
    first = next((error for error in errors if error["type"] == UNKNOWN_KEY), errors[0])
    path = _data_path(data, first["loc"])
    if first["type"] == UNKNOWN_KEY:
        context = first["ctx"]
        return f"unknown key {_dotted_key(key, (*path, context['name']))}; known: {context['fields']}"
    if first["type"] == "missing":
        return f"missing key {_dotted_key(key, (*path, first['loc'][-1]))}; add it"
    # A union's members each say what is wrong: the one that came furthest fits best, and equal ones are all named.
    inside = {
        error_path: error for error in errors if (error_path := _data_path(data, error["loc"]))[: len(path)] == path
    }
    furthest = max(inside, key=len)
    words = dict.fromkeys(_required_form(error) for error in errors if _data_path(data, error["loc"]) == furthest)
    shown = brief_value(inside[furthest]["input"])
    return f"{_dotted_key(key, furthest) or 'the document'} must be {' or '.join(words)}, not {shown}"


def _required_form(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        context = {"expected": context["expected"].replace("'", "").replace(" or ", ", ")}
    return REQUIRED_FORMS.get(error["type"], error["msg"]).format(**context)


def _data_path(data: Any, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place of an error in `data`, without the parts of pydantic's own: the labels of a union's members."""
    path: list[int | str] = []
    for part in location:
        if part in data if isinstance(data, dict) else isinstance(data, list | tuple) and isinstance(part, int):
            path.append(part)
            data = data[part]
    return tuple(path)


def _dotted_key(key: str, path: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{brief_text(part)}" for part in path)
    return f"{key}{''.join(parts)}".removeprefix(".")
